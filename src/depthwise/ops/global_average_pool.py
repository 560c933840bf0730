"""Global average pooling: x [1, C, H, W] -> [1, C, 1, 1]."""

import math

import numpy as np
import onnx_ir as ir

from depthwise.ops._errors import sum_error
from depthwise.ops._parameters import global_pool_fields
from depthwise.ops._vectors import with_vectors
from depthwise.ops.base import Kernel, Operator, Rows, Shape, shape_of


def _shape(node: ir.Node) -> Shape:
    return (*shape_of(node.inputs[0])[:2], 1, 1)


def _reference(_: ir.Node, x: np.ndarray) -> np.ndarray:
    return np.asarray(x.mean(axis=(2, 3), keepdims=True, dtype=np.float64), np.float32)


_KERNEL = Kernel(
    name="global_average_pool_f32",
    struct="pool_parameters",
    parameters=global_pool_fields,
    includes=("parameters.h",),
    channels=1,
)

OPERATORS = {
    "GlobalAveragePool": Operator(
        shape=_shape,
        reference=_reference,
        kernels=(*with_vectors(_KERNEL, includes=("parameters.h", "activation.h", "simd.h")), _KERNEL),
        rows=lambda _: Rows(reduces=True),
        error=sum_error(lambda node: math.prod(shape_of(node.inputs[0])[2:])),
        channelwise=True,
    )
}
