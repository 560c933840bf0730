"""Elementwise sum: x and y of one shape, then the activation function."""

import numpy as np
import onnx_ir as ir

from depthwise.ops._activation import activate
from depthwise.ops._kernels import integer_kernel, reads_floats
from depthwise.ops._lanes import LANES_HEADERS
from depthwise.ops._parameters import binary_i8_fields, elementwise_fields
from depthwise.ops._quantized import centred, output_bounds, output_quantization, ratio, round_to_byte
from depthwise.ops._vectors import with_vectors
from depthwise.ops.base import Kernel, Operator, Shape, row_by_row, shape_of


def _shape(node: ir.Node) -> Shape:
    left, right = shape_of(node.inputs[0]), shape_of(node.inputs[1])
    if left != right:
        raise ValueError(f"{node.name}: cannot add {left} and {right}")
    return left


def _reference(node: ir.Node, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return activate(node, x.astype(np.float64) + y)


def _integer(node: ir.Node, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    first, second = (centred(node, index, q).astype(np.float32) * ratio(node, index) for index, q in enumerate((x, y)))
    return round_to_byte(first + second, output_quantization(node).zero, *output_bounds(node))


_KERNEL = Kernel(
    name="add_f32",
    struct="elementwise_parameters",
    parameters=elementwise_fields,
    fits=reads_floats,
    includes=("parameters.h", "activation.h"),
)

_I8 = integer_kernel("add_i8", "binary_i8_parameters", parameters=lambda node: binary_i8_fields(node, product=False))

OPERATORS = {
    "Add": Operator(
        shape=_shape,
        reference=_reference,
        integer=_integer,
        kernels=(*with_vectors(_I8, includes=LANES_HEADERS), _I8, *with_vectors(_KERNEL), _KERNEL),
        rows=row_by_row,
        pixelwise=True,
        in_place=True,
    )
}
