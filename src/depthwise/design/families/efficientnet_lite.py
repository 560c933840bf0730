"""EfficientNet-Lite: EfficientNet (Tan and Le 2019, arXiv 1905.11946, table 1) made for int8 on mobile processors.

Squeeze-excite is left out, swish is ReLU6, stem and head keep their size (tensorflow/tpu, models/official/efficientnet/
lite). The members are compound scalings of the first.
"""

from depthwise.design.architecture import Architecture, Head, Stage, Stem
from depthwise.design.blocks.inverted_residual import InvertedResidual
from depthwise.design.families._efficientnet import PAPER, TABLE, members

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
        for expansion, channels, repeats, stride, kernel in TABLE
    ),
    head=Head(channels=1280, fixed=True),
    epsilon=1e-3,
    papers=(PAPER,),
)

MODELS = members(_BASE, _MEMBERS)
