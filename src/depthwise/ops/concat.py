"""Concat: x [1, C, H, W] and y [1, D, H, W] -> [1, C + D, H, W], channels side by side; vectors likewise."""

import numpy as np
import onnx_ir as ir

from depthwise.ops._errors import no_error
from depthwise.ops._kernels import integer_kernel, reads_floats
from depthwise.ops._parameters import map_shape
from depthwise.ops._quantized import input_quantization, output_quantization
from depthwise.ops.base import Kernel, Operator, Shape, row_by_row, shape_of


def _shape(node: ir.Node) -> Shape:
    left, right = shape_of(node.inputs[0]), shape_of(node.inputs[1])
    if len(left) != len(right) or left[2:] != right[2:]:
        raise ValueError(f"{node.name}: cannot put the channels of {left} and {right} side by side")
    return (1, left[1] + right[1], *left[2:])


def _reference(_: ir.Node, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.concatenate([x, y], axis=1)


def tables(node: ir.Node) -> np.ndarray:
    """What each byte of each input becomes, uint8 [2, 256]."""
    every = np.arange(256, dtype=np.uint8)
    written = output_quantization(node)
    return np.stack([written.quantize(input_quantization(node, index).dequantize(every)) for index in (0, 1)])


def _integer(node: ir.Node, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    first, second = tables(node)
    return np.concatenate([first[x], second[y]], axis=1)


def _fields(node: ir.Node) -> dict[str, int]:
    _, width, channels = map_shape(shape_of(node.inputs[0]))
    return {"width": width, "channels": channels, "second": shape_of(node.inputs[1])[1]}


_F32 = Kernel(
    name="concat_f32",
    struct="concat_parameters",
    parameters=_fields,
    fits=reads_floats,
    includes=("parameters.h",),
)

_I8 = integer_kernel("concat_i8", "concat_parameters", parameters=_fields, constants=tables, includes=("parameters.h",))

OPERATORS = {
    "Concat": Operator(
        shape=_shape,
        reference=_reference,
        integer=_integer,
        kernels=(_I8, _F32),
        rows=row_by_row,
        error=no_error,
        pixelwise=True,
    )
}
