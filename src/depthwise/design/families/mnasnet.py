"""MNASNet-A1 and -B1, without squeeze-excite: found by a search that measured on a phone (arXiv 1807.11626, fig. 7).

Tables and roundings are those of the authors' code (tensorflow/tpu, models/official/mnasnet).
"""

from depthwise.design.architecture import Architecture, Head, Rounding, Stage, Stem
from depthwise.design.blocks.inverted_residual import InvertedResidual
from depthwise.design.blocks.squeeze_excite import SqueezeExcite

# The reduction is cut down to whole channels.
_SE = SqueezeExcite(of_input=True, gate="sigmoid", rounding=Rounding(divisor=1, minimum=1, keep=0, nearest=False))

# expansion, output channels, repeats, stride of the first, kernel, squeeze-excite
_Row = tuple[float, int, int, int, int, SqueezeExcite | None]

_A1: tuple[_Row, ...] = (
    (1, 16, 1, 1, 3, None),
    (6, 24, 2, 2, 3, None),
    (3, 40, 3, 2, 5, _SE),
    (6, 80, 4, 2, 3, None),
    (6, 112, 2, 1, 3, _SE),
    (6, 160, 3, 2, 5, _SE),
    (6, 320, 1, 1, 3, None),
)

_B1: tuple[_Row, ...] = (
    (1, 16, 1, 1, 3, None),
    (3, 24, 3, 2, 3, None),
    (3, 40, 3, 2, 5, None),
    (6, 80, 3, 2, 5, None),
    (6, 96, 2, 1, 3, None),
    (6, 192, 4, 2, 5, None),
    (6, 320, 1, 1, 3, None),
)


def _architecture(name: str, table: tuple[_Row, ...], alias: str) -> Architecture:
    return Architecture(
        name=name,
        stem=Stem(32, activation="relu"),
        stages=tuple(
            Stage(
                InvertedResidual(channels, stride, expansion, kernel, "relu", squeeze_excite, residual=expansion != 1),
                repeats,
            )
            for expansion, channels, repeats, stride, kernel, squeeze_excite in table
        ),
        head=Head(channels=1280, dropout=0.2, activation="relu", fixed=True),
        epsilon=1e-3,
        papers=("Tan et al. 2019, MnasNet: Platform-Aware Neural Architecture Search for Mobile, arXiv:1807.11626",),
        aliases=(alias,),
    )


MODELS = {
    model.name: model
    for model in (_architecture("mnasnet_a1", _A1, "semnasnet"), _architecture("mnasnet_b1", _B1, "mnasnet"))
}
