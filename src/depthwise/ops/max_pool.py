"""Max pooling: x [1, C, H, W] -> [1, C, OH, OW]; padded pixels never win."""

import numpy as np
import onnx_ir as ir

from depthwise.ops._errors import no_error
from depthwise.ops._kernels import integer_kernel, reads_floats
from depthwise.ops._lanes import LANES_HEADERS
from depthwise.ops._parameters import pool_fields, pool_i8_fields
from depthwise.ops._vectors import with_vectors
from depthwise.ops._window import pooled_shape, window_of, window_rows
from depthwise.ops.base import Kernel, Operator


def _reference(node: ir.Node, x: np.ndarray) -> np.ndarray:
    window = window_of(node)
    return np.asarray(window.patches(window.pad(x[0], -np.inf)).max(axis=(3, 4)), np.float32)[None]


def _integer(node: ir.Node, x: np.ndarray) -> np.ndarray:
    window = window_of(node)
    return np.asarray(window.patches(window.pad(x[0], -1)).max(axis=(3, 4)), np.uint8)[None]


_KERNEL = Kernel(
    name="max_pool_f32",
    struct="pool_parameters",
    parameters=pool_fields,
    fits=reads_floats,
    includes=("parameters.h", "window.h"),
)

_I8 = integer_kernel(
    "max_pool_i8", "pool_i8_parameters", parameters=pool_i8_fields, includes=("parameters.h", "window.h")
)

OPERATORS = {
    "MaxPool": Operator(
        shape=pooled_shape,
        reference=_reference,
        integer=_integer,
        kernels=(
            *with_vectors(_I8, includes=(*LANES_HEADERS, "window.h")),
            _I8,
            *with_vectors(_KERNEL, includes=("parameters.h", "activation.h", "simd.h", "window.h")),
            _KERNEL,
        ),
        rows=window_rows,
        error=no_error,
    )
}
