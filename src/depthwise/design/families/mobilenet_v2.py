"""MobileNetV2: inverted residuals with linear bottlenecks (Sandler et al. 2018, arXiv 1801.04381, table 2)."""

from depthwise.design.architecture import Architecture, Head, Stage, Stem
from depthwise.design.blocks.inverted_residual import InvertedResidual

# expansion, output channels, repeats, stride of the first
_TABLE = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)

MODELS = {
    "mobilenet_v2": Architecture(
        name="mobilenet_v2",
        stem=Stem(32),
        stages=tuple(
            Stage(InvertedResidual(channels, stride, expansion), repeats)
            for expansion, channels, repeats, stride in _TABLE
        ),
        head=Head(channels=1280, dropout=0.2, grows_only=True),
        papers=("Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks, arXiv:1801.04381",),
        searched=True,
    )
}
