"""Average pooling: x [1, C, H, W] -> [1, C, OH, OW]; `count_include_pad` = 1 divides by the whole window at borders."""

import math

import numpy as np
import onnx_ir as ir

from depthwise.ops._errors import sum_error
from depthwise.ops._parameters import pool_fields
from depthwise.ops._vectors import with_vectors
from depthwise.ops._window import pooled_shape, window_of, window_rows
from depthwise.ops.base import Kernel, Operator


def _reference(node: ir.Node, x: np.ndarray) -> np.ndarray:
    window = window_of(node)
    total = window.patches(window.pad(x[0])).sum(axis=(3, 4))
    if node.attributes.get_int("count_include_pad", 0):
        count = np.float64(window.kernel[0] * window.kernel[1])
    else:
        count = window.patches(window.pad(np.ones_like(x[0, :1]))).sum(axis=(3, 4))
    return np.asarray(total / count, np.float32)[None]


_KERNEL = Kernel(
    name="average_pool_f32",
    struct="pool_parameters",
    parameters=pool_fields,
    includes=("parameters.h", "window.h"),
)

OPERATORS = {
    "AveragePool": Operator(
        shape=pooled_shape,
        reference=_reference,
        kernels=(*with_vectors(_KERNEL, includes=("parameters.h", "activation.h", "simd.h", "window.h")), _KERNEL),
        rows=window_rows,
        error=sum_error(lambda node: math.prod(window_of(node).kernel)),
    )
}
