"""Pointwise convolution: x [1, I, H, W], weight [O, I, 1, 1], bias [O] -> [1, O, H, W]; stride 1, no padding."""

from depthwise.ops._convolution import convolution_macs, convolve, convolve_integers
from depthwise.ops._kernels import (
    CONVOLUTION_U8_F32,
    CONVOLUTION_U8_F32_SIMD,
    POINTWISE_F32,
    POINTWISE_F32_SIMD,
    POINTWISE_I8,
)
from depthwise.ops._products_i8 import POINTWISE_I8_SIMD
from depthwise.ops._window import convolved_shape, window_rows
from depthwise.ops.base import Operator

OPERATORS = {
    "Pointwise": Operator(
        shape=convolved_shape,
        reference=convolve,
        integer=convolve_integers,
        macs=convolution_macs,
        kernels=(
            *POINTWISE_I8_SIMD,
            POINTWISE_I8,
            *CONVOLUTION_U8_F32_SIMD,
            CONVOLUTION_U8_F32,
            *POINTWISE_F32_SIMD,
            POINTWISE_F32,
        ),
        rows=window_rows,
        pixelwise=True,
    )
}
