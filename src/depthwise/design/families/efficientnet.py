"""EfficientNet-B0 to -B7: one network found by a search, scaled in all directions (Tan and Le 2019, arXiv 1905.11946).

B0 is table 1 of the paper. The others scale it by coefficients rounded to tenths (tensorflow/tpu, models/official/
efficientnet), which repeat stages of one block, too.
"""

from dataclasses import replace

from depthwise.design.architecture import Architecture, Head, Rounding, Stage, Stem
from depthwise.design.blocks.inverted_residual import InvertedResidual
from depthwise.design.blocks.squeeze_excite import SqueezeExcite
from depthwise.design.scaling import scale_depth, scale_width

_SE = SqueezeExcite(
    of_input=True,
    activation="silu",
    gate="sigmoid",
    rounding=Rounding(divisor=1, minimum=1, keep=0, nearest=False),  # cut down to whole channels
)

# expansion, output channels, repeats, stride of the first, kernel
_TABLE = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)

# width, depth, resolution, dropout of each member
_MEMBERS = (
    (1.0, 1.0, 224, 0.2),
    (1.0, 1.1, 240, 0.2),
    (1.1, 1.2, 260, 0.3),
    (1.2, 1.4, 300, 0.3),
    (1.4, 1.8, 380, 0.4),
    (1.6, 2.2, 456, 0.4),
    (1.8, 2.6, 528, 0.5),
    (2.0, 3.1, 600, 0.5),
)

_BASE = Architecture(
    name="efficientnet_b",
    stem=Stem(32, activation="silu"),
    stages=tuple(
        Stage(InvertedResidual(channels, stride, expansion, kernel, "silu", _SE), repeats)
        for expansion, channels, repeats, stride, kernel in _TABLE
    ),
    head=Head(channels=1280, activation="silu"),
    epsilon=1e-3,
    repeats_single=True,
    papers=(
        "Tan and Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, arXiv:1905.11946",
    ),
)


def _member(number: int, width: float, depth: float, resolution: int, dropout: float) -> Architecture:
    """A member is the base at its own size: a user's multipliers begin at 1 from there."""
    scaled = scale_depth(scale_width(_BASE, width), depth)
    return replace(
        scaled,
        name=f"{_BASE.name}{number}",
        head=replace(scaled.head, dropout=dropout),
        resolution=resolution,
        origin=(_BASE, width, depth),
        width=1.0,
        depth=1.0,
    )


MODELS = {model.name: model for number, sizes in enumerate(_MEMBERS) for model in [_member(number, *sizes)]}
