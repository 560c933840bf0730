"""VGG-16, of standard convolutions: a yardstick for separable networks (arXiv 1409.1556, table 1, column D).

Its three fully connected layers, of which the classifier is the last, read the last map whole: they hold 124 of its
138 million parameters. At another resolution than 224 px the first of them has another size.
"""

from depthwise.design.architecture import Architecture, Block, Head, Stage, Stem
from depthwise.design.blocks.dense import Dense
from depthwise.design.blocks.max_pooling import MaxPooling
from depthwise.design.blocks.plain_convolution import PlainConvolution

# output channels, convolutions, of each stage but the stem; a pooling stands after each
_TABLE = ((64, 1), (128, 2), (256, 3), (512, 3), (512, 3))


def _stage(channels: int, convolutions: int) -> tuple[Stage, Stage]:
    block: Block = PlainConvolution(channels, normalized=False)
    return Stage(block, convolutions), Stage(MaxPooling(channels))


MODELS = {
    "vgg16": Architecture(
        name="vgg16",
        stem=Stem(64, stride=1, activation="relu", normalized=False),
        stages=(*(stage for row in _TABLE for stage in _stage(*row)), Stage(Dense(4096)), Stage(Dense(4096))),
        head=Head(),
        papers=(
            "Simonyan and Zisserman 2014, Very Deep Convolutional Networks for Large-Scale Image Recognition, "
            "arXiv:1409.1556",
        ),
    )
}
