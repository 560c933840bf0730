"""Predicates, and the kernels that serve more than one operator."""

import onnx_ir as ir

from depthwise.ops._packing import Layout
from depthwise.ops._parameters import convolution_fields, pointwise_fields
from depthwise.ops.base import Kernel, activations_of


def reads_pixels(node: ir.Node) -> bool:
    """Whether the first activation is uint8 camera pixels."""
    return activations_of(node)[0].dtype == ir.DataType.UINT8


def reads_floats(node: ir.Node) -> bool:
    """Whether the first activation is float32."""
    return not reads_pixels(node)


CONVOLUTION_F32 = Kernel(
    name="convolution_f32",
    struct="convolution_parameters",
    parameters=convolution_fields,
    fits=reads_floats,
    constants=Layout("OHWI"),
    includes=("parameters.h", "activation.h", "convolution_plain.h"),
)

CONVOLUTION_U8_F32 = Kernel(
    name="convolution_u8_f32",
    struct="convolution_parameters",
    parameters=convolution_fields,
    fits=reads_pixels,
    constants=Layout("OHWI", camera=True),
    input_type="uint8",
    includes=("parameters.h", "activation.h", "convolution_plain.h"),
)
"""Camera pixels into any operator with a weight: depthwise is a convolution in groups, pointwise one of 1 x 1."""

POINTWISE_F32 = Kernel(
    name="pointwise_f32",
    struct="pointwise_parameters",
    parameters=pointwise_fields,
    fits=reads_floats,
    constants=Layout("OHWI"),
    includes=("parameters.h", "activation.h"),
)
