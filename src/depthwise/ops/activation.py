"""An activation function by itself, where no operator before it could take it into its epilogue."""

import numpy as np
import onnx_ir as ir

from depthwise.ops._activation import activate
from depthwise.ops._kernels import integer_kernel, reads_floats
from depthwise.ops._lanes import LANES_HEADERS
from depthwise.ops._parameters import elementwise_fields, quantized_fields
from depthwise.ops._quantized import input_quantization, output_quantization
from depthwise.ops._vectors import with_vectors
from depthwise.ops.base import Kernel, Operator, Shape, row_by_row, shape_of


def _shape(node: ir.Node) -> Shape:
    return shape_of(node.inputs[0])


def _reference(node: ir.Node, x: np.ndarray) -> np.ndarray:
    return activate(node, x.astype(np.float64))


def table(node: ir.Node) -> np.ndarray:
    """What each byte becomes, uint8 [256]."""
    values = input_quantization(node).dequantize(np.arange(256, dtype=np.uint8))
    return output_quantization(node).quantize(activate(node, values.astype(np.float64)))


def _integer(node: ir.Node, x: np.ndarray) -> np.ndarray:
    return np.asarray(table(node)[x])


_KERNEL = Kernel(
    name="activation_f32",
    struct="elementwise_parameters",
    parameters=elementwise_fields,
    fits=reads_floats,
    includes=("parameters.h", "activation.h"),
)

_I8 = integer_kernel(
    "table_i8", "quantized_parameters", parameters=quantized_fields, constants=table, includes=("parameters.h",)
)

_TABLE_SIMD = tuple(
    kernel
    for kernel in with_vectors(_I8, includes=LANES_HEADERS)
    if kernel.instructions in ("avx512", "avx2", "neon")  # the others cannot look up bytes
)

OPERATORS = {
    "Activation": Operator(
        shape=_shape,
        reference=_reference,
        integer=_integer,
        kernels=(*_TABLE_SIMD, _I8, *with_vectors(_KERNEL), _KERNEL),
        rows=row_by_row,
        pixelwise=True,
        in_place=True,
    )
}
