"""Convolution that is neither depthwise nor pointwise: x [1, C, H, W], weight [O, C / group, kh, kw], bias [O].

The output is [1, O, OH, OW].
x may be uint8 (raw camera pixels); then `pad_values` holds what a padded pixel counts as, per input channel.
"""

import math

import numpy as np
import onnx_ir as ir

from depthwise.ops._convolution import convolution_macs, convolve, convolve_integers
from depthwise.ops._kernels import (
    CONVOLUTION_F32,
    CONVOLUTION_F32_SIMD,
    CONVOLUTION_I8,
    CONVOLUTION_U8_F32,
    CONVOLUTION_U8_F32_SIMD,
    reads_floats,
)
from depthwise.ops._products_i8 import CONVOLUTION_I8_SIMD
from depthwise.ops._vectors import with_vectors
from depthwise.ops._window import convolved_shape, window_rows
from depthwise.ops.base import Operator, array_of


def _group_by_group(node: ir.Node) -> np.ndarray:
    """Weight [group, kh, kw, C / group, O / group], bias [group, O / group]; the last axis filled up to 8 n."""
    weight, bias = array_of(node.inputs[1]), array_of(node.inputs[2])
    group, members = node.attributes.get_int("group", 1), len(bias) // node.attributes.get_int("group", 1)
    fill = math.ceil(members / 8) * 8 - members
    ordered = weight.reshape(group, members, *weight.shape[1:]).transpose(0, 3, 4, 2, 1)
    parts = [np.pad(ordered, ((0, 0),) * 4 + ((0, fill),)), np.pad(bias.reshape(group, members), ((0, 0), (0, fill)))]
    return np.concatenate([part.reshape(-1) for part in parts]).astype(np.float32)


_GROUPED = with_vectors(
    CONVOLUTION_F32,
    name="convolution_f32_grouped_simd",
    fits=reads_floats,
    constants=_group_by_group,
    includes=("parameters.h", "activation.h", "simd.h", "window.h"),
)
"""After the kernel for one group without horizontal dilation."""

OPERATORS = {
    "Convolution": Operator(
        shape=convolved_shape,
        reference=convolve,
        integer=convolve_integers,
        macs=convolution_macs,
        kernels=(
            *CONVOLUTION_I8_SIMD,
            CONVOLUTION_I8,
            *CONVOLUTION_U8_F32_SIMD,
            CONVOLUTION_U8_F32,
            *CONVOLUTION_F32_SIMD,
            *_GROUPED,
            CONVOLUTION_F32,
        ),
        rows=window_rows,
    )
}
