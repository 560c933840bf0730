"""EfficientNet-Lite: EfficientNet (Tan and Le 2019, arXiv 1905.11946, table 1) made for int8 on mobile processors.

Squeeze-excite is left out, swish is ReLU6, stem and head keep their size (tensorflow/tpu, models/official/efficientnet/
lite). The members are compound scalings of the first.
"""

from dataclasses import replace

from depthwise.design.architecture import Architecture, Head, Stage, Stem
from depthwise.design.blocks.inverted_residual import InvertedResidual
from depthwise.design.scaling import scale_depth, scale_width

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
    (1.2, 1.4, 280, 0.3),
    (1.4, 1.8, 300, 0.3),
)

_BASE = Architecture(
    name="efficientnet_lite",
    stem=Stem(32, fixed=True),
    stages=tuple(
        Stage(InvertedResidual(channels, stride, expansion, kernel), repeats)
        for expansion, channels, repeats, stride, kernel in _TABLE
    ),
    head=Head(channels=1280, fixed=True),
    epsilon=1e-3,
    papers=(
        "Tan and Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, arXiv:1905.11946",
    ),
)


def _member(number: int, width: float, depth: float, resolution: int, dropout: float) -> Architecture:
    """A member is the base at its own size: a user's multipliers begin at 1 from there."""
    return replace(
        scale_depth(scale_width(_BASE, width), depth),
        name=f"{_BASE.name}{number}",
        head=replace(_BASE.head, dropout=dropout),
        resolution=resolution,
        width=1.0,
        depth=1.0,
    )


MODELS = {model.name: model for number, sizes in enumerate(_MEMBERS) for model in [_member(number, *sizes)]}
