"""Convolution that is neither depthwise nor pointwise: x [1, C, H, W], weight [O, C / group, kh, kw], bias [O].

The output is [1, O, OH, OW].
x may be uint8 (raw camera pixels); then `pad_values` holds what a padded pixel counts as, per input channel.
"""

from depthwise.ops._convolution import convolution_macs, convolve
from depthwise.ops._kernels import (
    CONVOLUTION_F32,
    CONVOLUTION_F32_SIMD,
    CONVOLUTION_U8_F32,
    CONVOLUTION_U8_F32_SIMD,
)
from depthwise.ops._window import convolved_shape, window_rows
from depthwise.ops.base import Operator

OPERATORS = {
    "Convolution": Operator(
        shape=convolved_shape,
        reference=convolve,
        macs=convolution_macs,
        kernels=(*CONVOLUTION_U8_F32_SIMD, CONVOLUTION_U8_F32, *CONVOLUTION_F32_SIMD, CONVOLUTION_F32),
        rows=window_rows,
    )
}
