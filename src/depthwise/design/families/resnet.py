"""ResNet-18, of standard convolutions: a yardstick for separable networks (arXiv 1512.03385, table 1)."""

from depthwise.design.architecture import Architecture, Head, Stage, Stem
from depthwise.design.blocks.basic_residual import BasicResidual
from depthwise.design.blocks.max_pooling import MaxPooling

# output channels, stride of the first
_TABLE = ((64, 1), (128, 2), (256, 2), (512, 2))

MODELS = {
    "resnet18": Architecture(
        name="resnet18",
        stem=Stem(64, kernel=7, activation="relu"),
        stages=(
            Stage(MaxPooling(64, stride=2, kernel=3)),
            *(Stage(BasicResidual(channels, stride), repeats=2) for channels, stride in _TABLE),
        ),
        head=Head(),
        papers=("He et al. 2015, Deep Residual Learning for Image Recognition, arXiv:1512.03385",),
    )
}
