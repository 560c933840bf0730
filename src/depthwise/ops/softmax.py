"""Softmax over the channels of a vector: x [1, C] or [1, C, 1, 1]; y = exp(x - max x) / sum exp(x - max x)."""

import math

import numpy as np
import onnx_ir as ir

from depthwise.ops._errors import ROUNDING
from depthwise.ops._kernels import integer_kernel, reads_floats
from depthwise.ops._parameters import elementwise_fields, quantized_fields
from depthwise.ops._quantized import input_quantization, is_integer, output_quantization
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


def _powers(node: ir.Node) -> np.ndarray:
    """2^20 exp(-d s_x) for each distance d from the largest byte, uint32 [256]."""
    distance = np.arange(256) * float(np.float32(input_quantization(node).scale))
    return np.asarray(np.rint(2.0**20 * np.exp(-distance)), np.uint32)


def _integer(node: ir.Node, x: np.ndarray) -> np.ndarray:
    powers = _powers(node)[int(x.max()) - x.astype(np.int32)]
    return output_quantization(node).quantize(powers.astype(np.float32) / np.float32(powers.sum(dtype=np.uint64)))


def _fits_integers(node: ir.Node) -> bool:
    return is_integer(node) and shape_of(node.inputs[0])[1] < 4096


def _error(_: ir.Node, expected: np.ndarray, __: np.ndarray) -> np.ndarray:
    return np.asarray(expected * (1e-6 + (expected.size + 4) * ROUNDING))


_KERNEL = Kernel(
    name="softmax_f32",
    struct="elementwise_parameters",
    parameters=elementwise_fields,
    fits=reads_floats,
    includes=("parameters.h", "activation.h"),
)

_I8 = integer_kernel(
    "softmax_i8", "quantized_parameters", parameters=quantized_fields, fits=_fits_integers, constants=_powers
)

OPERATORS = {
    "Softmax": Operator(
        shape=_shape,
        reference=_reference,
        integer=_integer,
        kernels=(_I8, *with_vectors(_KERNEL), _KERNEL),
        in_place=True,
        error=_error,
    )
}
