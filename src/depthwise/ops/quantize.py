"""Quantize: float32 x -> uint8 round(x / y_scale) + y_zero (docs/int8.md), where 8-bit operators follow."""

import numpy as np
import onnx_ir as ir

from depthwise.ops._lanes import SIMD_I8_HEADERS
from depthwise.ops._parameters import quantized_fields
from depthwise.ops._quantized import output_quantization
from depthwise.ops._vectors import with_vectors
from depthwise.ops.base import Kernel, Operator, Shape, row_by_row, shape_of


def _shape(node: ir.Node) -> Shape:
    return shape_of(node.inputs[0])


def _reference(node: ir.Node, x: np.ndarray) -> np.ndarray:
    return output_quantization(node).quantize(x)


_KERNEL = Kernel(
    name="quantize_f32_i8",
    struct="quantized_parameters",
    parameters=quantized_fields,
    output_type="uint8",
    includes=("parameters.h", "requantize.h"),
)

OPERATORS = {
    "Quantize": Operator(
        shape=_shape,
        reference=_reference,
        integer=_reference,
        kernels=(*with_vectors(_KERNEL, includes=SIMD_I8_HEADERS), _KERNEL),
        rows=row_by_row,
        pixelwise=True,
    )
}
