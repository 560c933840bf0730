"""MobileNetV4 of convolutions only: universal inverted bottlenecks (Qin et al. 2024, arXiv 2404.10518, appendix D).

As in the reference code, widths below 1 leave the stem and the layer before the classifier as they are, and that layer,
after the pooling, has batch normalization.
"""

from depthwise.design.architecture import Architecture, Block, Head, Stage, Stem
from depthwise.design.blocks.fused_inverted_residual import FusedInvertedResidual
from depthwise.design.blocks.plain_convolution import PlainConvolution
from depthwise.design.blocks.universal_inverted_bottleneck import UniversalInvertedBottleneck

_Stages = tuple[tuple[Block, int], ...]


def _table(*rows: tuple[int, int, float, int, int, int]) -> _Stages:
    """Rows of first depthwise kernel, middle depthwise kernel, expansion, output channels, repeats, stride."""
    return tuple(
        (UniversalInvertedBottleneck(channels, stride, expansion, first, middle), repeats)
        for first, middle, expansion, channels, repeats, stride in rows
    )


_SMALL: _Stages = (
    (PlainConvolution(32, 2, kernel=3), 1),
    (PlainConvolution(32, 1, kernel=1), 1),
    (PlainConvolution(96, 2, kernel=3), 1),
    (PlainConvolution(64, 1, kernel=1), 1),
    *_table(
        (5, 5, 3, 96, 1, 2),
        (0, 3, 2, 96, 4, 1),
        (3, 0, 4, 96, 1, 1),
        (3, 3, 6, 128, 1, 2),
        (5, 5, 4, 128, 1, 1),
        (0, 5, 4, 128, 1, 1),
        (0, 5, 3, 128, 1, 1),
        (0, 3, 4, 128, 2, 1),
    ),
)

_MEDIUM: _Stages = (
    (FusedInvertedResidual(48, 2), 1),
    *_table(
        (3, 5, 4, 80, 1, 2),
        (3, 3, 2, 80, 1, 1),
        (3, 5, 6, 160, 1, 2),
        (3, 3, 4, 160, 2, 1),
        (3, 5, 4, 160, 1, 1),
        (3, 3, 4, 160, 1, 1),
        (3, 0, 4, 160, 1, 1),
        (0, 0, 2, 160, 1, 1),
        (3, 0, 4, 160, 1, 1),
        (5, 5, 6, 256, 1, 2),
        (5, 5, 4, 256, 1, 1),
        (3, 5, 4, 256, 2, 1),
        (0, 0, 4, 256, 1, 1),
        (3, 0, 4, 256, 1, 1),
        (3, 5, 2, 256, 1, 1),
        (5, 5, 4, 256, 1, 1),
        (0, 0, 4, 256, 2, 1),
        (5, 0, 2, 256, 1, 1),
    ),
)

_LARGE: _Stages = (
    (FusedInvertedResidual(48, 2), 1),
    *_table(
        (3, 5, 4, 96, 1, 2),
        (3, 3, 4, 96, 1, 1),
        (3, 5, 4, 192, 1, 2),
        (3, 3, 4, 192, 3, 1),
        (3, 5, 4, 192, 1, 1),
        (5, 3, 4, 192, 5, 1),
        (3, 0, 4, 192, 1, 1),
        (5, 5, 4, 512, 4, 2),
        (5, 0, 4, 512, 1, 1),
        (5, 3, 4, 512, 1, 1),
        (5, 0, 4, 512, 2, 1),
        (5, 3, 4, 512, 1, 1),
        (5, 5, 4, 512, 1, 1),
        (5, 0, 4, 512, 3, 1),
    ),
)


def _architecture(name: str, table: _Stages, stem: int, resolution: int) -> Architecture:
    return Architecture(
        name=name,
        stem=Stem(stem, activation="relu", grows_only=True),
        stages=tuple(Stage(block, repeats) for block, repeats in table),
        head=Head(960, 1280, dropout=0.2, activation="relu", grows_only=True, normalized=True),
        resolution=resolution,
        papers=("Qin et al. 2024, MobileNetV4: Universal Models for the Mobile Ecosystem, arXiv:2404.10518",),
    )


MODELS = {
    model.name: model
    for model in (
        _architecture("mobilenet_v4_conv_small", _SMALL, stem=32, resolution=224),
        _architecture("mobilenet_v4_conv_medium", _MEDIUM, stem=32, resolution=256),
        _architecture("mobilenet_v4_conv_large", _LARGE, stem=24, resolution=384),
    )
}
