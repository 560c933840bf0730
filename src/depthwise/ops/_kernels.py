"""Predicates, and the kernels that serve more than one operator."""

from dataclasses import replace
from typing import Any

import onnx_ir as ir

from depthwise.ops._packing import IntegerLayout, Layout
from depthwise.ops._parameters import (
    convolution_fields,
    convolution_i8_fields,
    map_shape,
    pointwise_fields,
    pointwise_i8_fields,
)
from depthwise.ops._quantized import is_integer
from depthwise.ops._vectors import with_vectors
from depthwise.ops._window import window_of
from depthwise.ops.base import Kernel, activations_of, shape_of


def reads_pixels(node: ir.Node) -> bool:
    """Whether the first activation is uint8 camera pixels, and the output floats."""
    return activations_of(node)[0].dtype == ir.DataType.UINT8 and not is_integer(node)


def reads_floats(node: ir.Node) -> bool:
    """Whether the first activation is float32."""
    return activations_of(node)[0].dtype == ir.DataType.FLOAT


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


def integer_kernel(name: str, struct: str, **more: Any) -> Kernel:
    """A kernel from bytes to bytes, in plain C unless `more` says otherwise."""
    more = {"fits": is_integer, "includes": ("parameters.h", "requantize.h"), **more}
    return Kernel(name=name, struct=struct, input_type="uint8", output_type="uint8", **more)


CONVOLUTION_I8 = integer_kernel(
    "convolution_i8", "convolution_i8_parameters", parameters=convolution_i8_fields, constants=IntegerLayout("OHWI")
)

POINTWISE_I8 = integer_kernel(
    "pointwise_i8", "pointwise_i8_parameters", parameters=pointwise_i8_fields, constants=IntegerLayout("OHWI")
)


PANEL = 32
"""Outputs in a panel of packed weights, and what threads cut them by (PANEL in `kernels/panel.h`)."""

PANELS = Layout("HWIO", panel=PANEL, multiple=8)
"""The layout that `kernels/panel_simd.h` reads, with every set of vectors."""


CONVOLUTION_AHEAD = 3
"""As in `kernels/convolution_simd.h` and `kernels/convolution_i8_simd.h`."""


def one_group(node: ir.Node) -> bool:
    """Whether a convolution is one matrix product for each output row."""
    return node.attributes.get_int("group", 1) == 1 and window_of(node).dilation[1] == 1


def window_inputs(node: ir.Node, ahead: int) -> int:
    """Inputs in the rows, with their borders, under one output row and `ahead` more."""
    height, width, channels = map_shape(shape_of(node.inputs[0]))
    window = window_of(node)
    columns = (window.output(height, width)[1] - 1) * window.stride[1] + window.kernel[1]
    rows = (window.kernel[0] - 1) * window.dilation[0] + 1 + ahead * window.stride[0]
    return rows * columns * channels


_PANEL_HEADERS = ("parameters.h", "activation.h", "simd.h", "panel.h", "panel_simd.h")

POINTWISE_F32_SIMD = with_vectors(POINTWISE_F32, constants=PANELS, includes=_PANEL_HEADERS, channels=PANEL)

CONVOLUTION_F32_SIMD = with_vectors(
    CONVOLUTION_F32,
    fits=lambda node: reads_floats(node) and one_group(node),
    constants=PANELS,
    workspace=lambda node: 4 * window_inputs(node, CONVOLUTION_AHEAD),
    includes=(*_PANEL_HEADERS, "convolution_simd.h"),
    channels=PANEL,
)

CONVOLUTION_U8_F32_SIMD = tuple(
    replace(
        kernel,
        name="convolution_u8_f32_simd",
        fits=lambda node: reads_pixels(node) and one_group(node),
        constants=replace(PANELS, camera=True),
        input_type="uint8",
    )
    for kernel in CONVOLUTION_F32_SIMD
)
