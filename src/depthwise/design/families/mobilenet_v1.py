"""MobileNetV1: a stack of depthwise separable blocks (Howard et al. 2017, arXiv 1704.04861, table 1)."""

from depthwise.design.architecture import Architecture, Head, Rounding, Stage, Stem
from depthwise.design.blocks.depthwise_separable import DepthwiseSeparable

# output channels, stride of the first, repeats
_TABLE = ((64, 1, 1), (128, 2, 2), (256, 2, 2), (512, 2, 6), (1024, 2, 2))

MODELS = {
    "mobilenet_v1": Architecture(
        name="mobilenet_v1",
        stem=Stem(32),
        stages=tuple(Stage(DepthwiseSeparable(channels, stride), repeats) for channels, stride, repeats in _TABLE),
        head=Head(dropout=0.001),
        # The reference code cuts down to whole channels and keeps at least 8.
        rounding=Rounding(divisor=1, minimum=8, keep=0, nearest=False),
        papers=(
            "Howard et al. 2017, "
            "MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications, arXiv:1704.04861",
        ),
        searched=True,
    )
}
