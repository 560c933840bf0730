"""Softmax over the channels of a vector: x [1, C] or [1, C, 1, 1]; y = exp(x - max x) / sum exp(x - max x)."""

import math

import numpy as np
import onnx_ir as ir

from depthwise.ops._errors import ROUNDING
from depthwise.ops._parameters import elementwise_fields
from depthwise.ops._vectors import with_vectors
from depthwise.ops.base import Kernel, Operator, Shape, shape_of


def _shape(node: ir.Node) -> Shape:
    shape = shape_of(node.inputs[0])
    if math.prod(shape) != shape[1]:
        raise ValueError(f"{node.name}: softmax over the channels of {shape}; it serves vectors only")
    return shape


def _reference(_: ir.Node, x: np.ndarray) -> np.ndarray:
    powers = np.exp(x.astype(np.float64) - x.max())
    return np.asarray(powers / powers.sum(), np.float32)


def _error(_: ir.Node, expected: np.ndarray, __: np.ndarray) -> np.ndarray:
    return np.asarray(expected * (1e-6 + (expected.size + 4) * ROUNDING))


_KERNEL = Kernel(
    name="softmax_f32",
    struct="elementwise_parameters",
    parameters=elementwise_fields,
    includes=("parameters.h", "activation.h"),
)

OPERATORS = {
    "Softmax": Operator(
        shape=_shape, reference=_reference, kernels=(*with_vectors(_KERNEL), _KERNEL), in_place=True, error=_error
    )
}
