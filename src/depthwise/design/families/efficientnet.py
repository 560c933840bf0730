"""EfficientNet-B0 to -B7: one network found by a search, scaled in all directions (Tan and Le 2019, arXiv 1905.11946).

B0 is table 1 of the paper. The others scale it by coefficients rounded to tenths (tensorflow/tpu, models/official/
efficientnet), which repeat stages of one block, too.
"""

from depthwise.design.architecture import Architecture, Head, Rounding, Stage, Stem
from depthwise.design.blocks.inverted_residual import InvertedResidual
from depthwise.design.blocks.squeeze_excite import SqueezeExcite
from depthwise.design.families._efficientnet import PAPER, TABLE, members

_SE = SqueezeExcite(
    of_input=True,
    activation="silu",
    gate="sigmoid",
    rounding=Rounding(divisor=1, minimum=1, keep=0, nearest=False),  # cut down to whole channels
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
        for expansion, channels, repeats, stride, kernel in TABLE
    ),
    head=Head(channels=1280, activation="silu"),
    epsilon=1e-3,
    repeats_single=True,
    papers=(PAPER,),
)

MODELS = members(_BASE, _MEMBERS)
