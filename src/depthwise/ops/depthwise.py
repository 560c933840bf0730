"""Depthwise convolution: x [1, C, H, W], weight [C * m, 1, kh, kw], bias [C * m] -> [1, C * m, OH, OW], group = C > 1.

Output channel o reads input channel o // m, where m is the depth multiplier.
"""

from depthwise.ops._convolution import convolution_macs, convolve
from depthwise.ops._window import convolved_shape
from depthwise.ops.base import Operator

OPERATORS = {"Depthwise": Operator(shape=convolved_shape, reference=convolve, macs=convolution_macs)}
