"""Global average pooling: x [1, C, H, W] -> [1, C, 1, 1]."""

import math

import numpy as np
import onnx_ir as ir

from depthwise.ops._errors import sum_error
from depthwise.ops._kernels import integer_kernel, reads_floats
from depthwise.ops._lanes import LANES_HEADERS
from depthwise.ops._parameters import global_pool_fields, pool_i8_fields
from depthwise.ops._quantized import centred, ratio, requantize
from depthwise.ops._vectors import with_vectors
from depthwise.ops.base import Kernel, Operator, Rows, Shape, shape_of


def _shape(node: ir.Node) -> Shape:
    return (*shape_of(node.inputs[0])[:2], 1, 1)


def _reference(_: ir.Node, x: np.ndarray) -> np.ndarray:
    return np.asarray(x.mean(axis=(2, 3), keepdims=True, dtype=np.float64), np.float32)


def _integer(node: ir.Node, x: np.ndarray) -> np.ndarray:
    sums = centred(node, 0, x).sum(axis=(2, 3), keepdims=True)
    return requantize(node, sums, ratio(node) / np.float32(math.prod(x.shape[2:])))


_KERNEL = Kernel(
    name="global_average_pool_f32",
    struct="pool_parameters",
    parameters=global_pool_fields,
    fits=reads_floats,
    includes=("parameters.h",),
    channels=1,
)

_I8 = integer_kernel(
    "global_average_pool_i8",
    "pool_i8_parameters",
    parameters=pool_i8_fields,
    workspace=lambda node: 4 * shape_of(node.inputs[0])[1],
    keeps=True,
    channels=1,
)

OPERATORS = {
    "GlobalAveragePool": Operator(
        shape=_shape,
        reference=_reference,
        integer=_integer,
        kernels=(
            *with_vectors(_I8, includes=LANES_HEADERS),
            _I8,
            *with_vectors(_KERNEL, includes=("parameters.h", "activation.h", "simd.h")),
            _KERNEL,
        ),
        rows=lambda _: Rows(reduces=True),
        error=sum_error(lambda node: math.prod(shape_of(node.inputs[0])[2:])),
        channelwise=True,
    )
}
