"""Depthwise convolution: x [1, C, H, W], weight [C * m, 1, kh, kw], bias [C * m] -> [1, C * m, OH, OW], group = C > 1.

Output channel o reads input channel o // m, where m is the depth multiplier.
"""

from depthwise.ops._convolution import convolution_macs, convolve
from depthwise.ops._kernels import CONVOLUTION_U8_F32, reads_floats
from depthwise.ops._packing import Layout
from depthwise.ops._parameters import convolution_fields
from depthwise.ops._window import convolved_shape
from depthwise.ops.base import Kernel, Operator

_F32 = Kernel(
    name="depthwise_f32",
    struct="convolution_parameters",
    parameters=convolution_fields,
    fits=reads_floats,
    constants=Layout("HWIO"),
    includes=("parameters.h", "activation.h", "window.h"),
)

OPERATORS = {
    "Depthwise": Operator(
        shape=convolved_shape, reference=convolve, macs=convolution_macs, kernels=(CONVOLUTION_U8_F32, _F32)
    )
}
