"""Average pooling: x [1, C, H, W] -> [1, C, OH, OW]; `count_include_pad` = 1 divides by the whole window at borders."""

import math

import numpy as np
import onnx_ir as ir

from depthwise.ops._errors import sum_error
from depthwise.ops._kernels import integer_kernel, reads_floats
from depthwise.ops._lanes import LANES_HEADERS
from depthwise.ops._parameters import pool_fields, pool_i8_fields
from depthwise.ops._quantized import centred, is_integer, ratio, requantize
from depthwise.ops._vectors import with_vectors
from depthwise.ops._window import pooled_shape, window_of, window_rows
from depthwise.ops.base import Kernel, Operator, shape_of


def _reference(node: ir.Node, x: np.ndarray) -> np.ndarray:
    window = window_of(node)
    total = window.patches(window.pad(x[0])).sum(axis=(3, 4))
    return np.asarray(total / _count(node), np.float32)[None]


def _integer(node: ir.Node, x: np.ndarray) -> np.ndarray:
    window = window_of(node)
    sums = window.patches(window.pad(centred(node, 0, x[0]))).sum(axis=(3, 4))
    return requantize(node, sums, ratio(node) / np.asarray(_count(node), np.float32))[None]


def _count(node: ir.Node) -> np.ndarray:
    """How many taps count at each output, [1, OH, OW] or one for all."""
    window = window_of(node)
    if node.attributes.get_int("count_include_pad", 0):
        return np.asarray(window.kernel[0] * window.kernel[1], np.float64)
    return np.asarray(window.patches(window.pad(np.ones((1, *shape_of(node.inputs[0])[2:])))).sum(axis=(3, 4)))


_KERNEL = Kernel(
    name="average_pool_f32",
    struct="pool_parameters",
    parameters=pool_fields,
    fits=reads_floats,
    includes=("parameters.h", "window.h"),
)

_I8 = integer_kernel(
    "average_pool_i8",
    "pool_i8_parameters",
    parameters=pool_i8_fields,
    includes=("parameters.h", "requantize.h", "window.h"),
)

_I8_SIMD = with_vectors(
    _I8,
    fits=lambda node: is_integer(node) and math.prod(window_of(node).kernel) <= 257,
    includes=(*LANES_HEADERS, "window.h"),
)

OPERATORS = {
    "AveragePool": Operator(
        shape=pooled_shape,
        reference=_reference,
        integer=_integer,
        kernels=(
            *_I8_SIMD,
            _I8,
            *with_vectors(_KERNEL, includes=("parameters.h", "activation.h", "simd.h", "window.h")),
            _KERNEL,
        ),
        rows=window_rows,
        error=sum_error(lambda node: math.prod(window_of(node).kernel)),
    )
}
