"""Dequantize: uint8 x -> float32 (x - x_zero) * x_scale (docs/int8.md), where float operators or an output follow."""

import numpy as np
import onnx_ir as ir

from depthwise.ops._parameters import quantized_fields
from depthwise.ops._quantized import input_quantization
from depthwise.ops._vectors import with_vectors
from depthwise.ops.base import Kernel, Operator, Shape, row_by_row, shape_of


def _shape(node: ir.Node) -> Shape:
    return shape_of(node.inputs[0])


def _reference(node: ir.Node, x: np.ndarray) -> np.ndarray:
    return input_quantization(node).dequantize(x)


_KERNEL = Kernel(
    name="dequantize_i8_f32",
    struct="quantized_parameters",
    parameters=quantized_fields,
    input_type="uint8",
    includes=("parameters.h",),
)

OPERATORS = {
    "Dequantize": Operator(
        shape=_shape,
        reference=_reference,
        kernels=(*with_vectors(_KERNEL, includes=("parameters.h", "activation.h", "simd.h")), _KERNEL),
        rows=row_by_row,
        pixelwise=True,
    )
}
