"""DS-CNN: depthwise separable blocks for keyword spotting (Zhang et al. 2017, arXiv 1711.07128).

It reads a spectrogram, 49 steps of time down and 10 coefficients (MFCC) across, and tells 12 words apart. This is the
small one of the paper as MLPerf Tiny has it (Banbury et al. 2021, arXiv 2106.07597): padded as TensorFlow does, with
dropout behind the first convolution and before the classifier. Its convolutions have no bias here, as batch
normalization would take that away again.
"""

from depthwise.design.architecture import Architecture, Head, Rounding, Stage, Stem
from depthwise.design.blocks.depthwise_separable import DepthwiseSeparable

MODELS = {
    "ds_cnn": Architecture(
        name="ds_cnn",
        stem=Stem(64, kernel=(10, 4), activation="relu", dropout=0.2),
        stages=(Stage(DepthwiseSeparable(64, activation="relu"), 4),),
        head=Head(dropout=0.4),
        rounding=Rounding(divisor=4, minimum=4),  # all channels of the paper's networks are multiples of 4
        epsilon=1e-3,
        padding="same",
        resolution=49,
        aspect=10 / 49,
        channels=1,
        classes=12,
        papers=("Zhang et al. 2017, Hello Edge: Keyword Spotting on Microcontrollers, arXiv:1711.07128",),
    )
}
