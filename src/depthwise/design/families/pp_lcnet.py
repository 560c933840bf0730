"""PP-LCNet: MobileNetV1's blocks with what costs a CPU little (Cui et al. 2021, arXiv 2109.15099, table 1).

Hard-swish everywhere, 5 x 5 filters and squeeze-excite only where maps are small, a wide layer after the pooling.
"""

from depthwise.design.architecture import Architecture, Head, Rounding, Stage, Stem
from depthwise.design.blocks.depthwise_separable import DepthwiseSeparable
from depthwise.design.blocks.squeeze_excite import SqueezeExcite

_SE = SqueezeExcite(rounding=Rounding(divisor=1, minimum=1, keep=0))

# output channels, stride of the first, kernel, squeeze-excite, repeats
_TABLE: tuple[tuple[int, int, int, SqueezeExcite | None, int], ...] = (
    (32, 1, 3, None, 1),
    (64, 2, 3, None, 2),
    (128, 2, 3, None, 2),
    (256, 2, 3, None, 1),
    (256, 1, 5, None, 5),
    (512, 2, 5, _SE, 2),
)

MODELS = {
    "pp_lcnet": Architecture(
        name="pp_lcnet",
        stem=Stem(16, activation="hard_swish"),
        stages=tuple(
            Stage(DepthwiseSeparable(channels, stride, kernel, "hard_swish", squeeze_excite), repeats)
            for channels, stride, kernel, squeeze_excite, repeats in _TABLE
        ),
        head=Head(features=1280, dropout=0.2, activation="hard_swish", fixed=True),
        papers=("Cui et al. 2021, PP-LCNet: A Lightweight CPU Convolutional Neural Network, arXiv:2109.15099",),
        aliases=("lcnet",),
    )
}
