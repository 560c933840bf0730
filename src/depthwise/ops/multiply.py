"""Elementwise product: x [1, C, H, W] times y of the same shape, or y [1, C, 1, 1] (the gate of squeeze-excite)."""

import math
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from depthwise.ops._activation import activate
from depthwise.ops._kernels import integer_kernel, reads_floats
from depthwise.ops._lanes import LANES_HEADERS
from depthwise.ops._parameters import binary_i8_fields, elementwise_fields
from depthwise.ops._quantized import centred, input_quantization, is_integer, output_quantization, requantize
from depthwise.ops._vectors import with_vectors
from depthwise.ops.base import Kernel, Operator, Shape, row_by_row, shape_of


def _shape(node: ir.Node) -> Shape:
    left, right = shape_of(node.inputs[0]), shape_of(node.inputs[1])
    if right != left and right != (*left[:2], *(1 for _ in left[2:])):
        raise ValueError(f"{node.name}: cannot multiply {left} by {right}")
    return left


def _reference(node: ir.Node, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return activate(node, x.astype(np.float64) * y)


def _integer(node: ir.Node, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    first, second, out = (
        np.float32(each.scale)
        for each in (input_quantization(node, 0), input_quantization(node, 1), output_quantization(node))
    )
    return requantize(node, centred(node, 0, x) * centred(node, 1, y), np.float32((first * second) / out))


def _same_shape(node: ir.Node) -> bool:
    return shape_of(node.inputs[0]) == shape_of(node.inputs[1])


def _one_factor_a_channel(node: ir.Node) -> bool:
    return math.prod(shape_of(node.inputs[1])) == shape_of(node.inputs[0])[1]


_MAPS = Kernel(
    name="multiply_f32",
    struct="elementwise_parameters",
    parameters=elementwise_fields,
    fits=lambda node: reads_floats(node) and _same_shape(node),
    includes=("parameters.h", "activation.h"),
)

_GATE = replace(_MAPS, name="multiply_gate_f32", fits=lambda node: reads_floats(node) and _one_factor_a_channel(node))

_MAPS_I8 = integer_kernel(
    "multiply_i8",
    "binary_i8_parameters",
    parameters=lambda node: binary_i8_fields(node, product=True),
    fits=lambda node: is_integer(node) and _same_shape(node),
)

_GATE_I8 = replace(
    _MAPS_I8, name="multiply_gate_i8", fits=lambda node: is_integer(node) and _one_factor_a_channel(node)
)

OPERATORS = {
    "Multiply": Operator(
        shape=_shape,
        reference=_reference,
        integer=_integer,
        kernels=(
            *with_vectors(_MAPS_I8, includes=LANES_HEADERS),
            _MAPS_I8,
            *with_vectors(_GATE_I8, includes=LANES_HEADERS),
            _GATE_I8,
            *with_vectors(_MAPS),
            _MAPS,
            *with_vectors(_GATE),
            _GATE,
        ),
        rows=row_by_row,
        pixelwise=True,
        in_place=True,
    )
}
