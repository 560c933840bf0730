"""The fields of the structs in `kernels/parameters.h` for a node, from its attributes and shapes."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from depthwise.ops._activation import activation_of, bounds_of
from depthwise.ops._window import Window, window_of
from depthwise.ops.base import Shape, shape_of

Fields = Mapping[str, int | float | str]


def map_shape(shape: Shape) -> tuple[int, int, int]:
    """Height, width and channels of [1, C, H, W]; a vector [1, C] is a map of 1 x 1."""
    return (*shape[2:], shape[1]) if len(shape) == 4 else (1, 1, shape[1])


def activation_fields(node: ir.Node) -> Fields:
    """Fields `activation`, `minimum`, `maximum`; no activation is a clip with open ends."""
    name = activation_of(node)
    low, high = bounds_of(node) if name == "clip" else (-np.inf, np.inf)
    return {
        "activation": "ACTIVATION_CLIP" if name == "none" else f"ACTIVATION_{name.upper()}",
        "minimum": low if np.isfinite(low) else "-UNBOUNDED",
        "maximum": high if np.isfinite(high) else "UNBOUNDED",
    }


def _window_fields(node: ir.Node, window: Window) -> Fields:
    height, width, channels = map_shape(shape_of(node.inputs[0]))
    return {
        "height": height,
        "width": width,
        "channels": channels,
        "out_width": window.output(height, width)[1],
        "kernel_height": window.kernel[0],
        "kernel_width": window.kernel[1],
        "stride_y": window.stride[0],
        "stride_x": window.stride[1],
        "pad_top": window.pads[0],
        "pad_left": window.pads[1],
    }


def convolution_fields(node: ir.Node) -> Fields:
    """Fields of `struct convolution_parameters`, for any of the four operators with a weight."""
    window = window_of(node) if len(shape_of(node.inputs[1])) == 4 else Window((1, 1))
    return {
        **_window_fields(node, window),
        "outputs": shape_of(node.inputs[1])[0],
        "dilation_y": window.dilation[0],
        "dilation_x": window.dilation[1],
        "groups": node.attributes.get_int("group", 1),
        **activation_fields(node),
    }


def pointwise_fields(node: ir.Node) -> Fields:
    """Fields of `struct pointwise_parameters`."""
    height, width, channels = map_shape(shape_of(node.inputs[0]))
    outputs = shape_of(node.inputs[1])[0]
    return {"height": height, "width": width, "channels": channels, "outputs": outputs, **activation_fields(node)}


def pool_fields(node: ir.Node) -> Fields:
    """Fields of `struct pool_parameters`."""
    return {**_window_fields(node, window_of(node)), "count_padding": node.attributes.get_int("count_include_pad", 0)}


def global_pool_fields(node: ir.Node) -> Fields:
    """Fields of `struct pool_parameters` for a window as large as the map."""
    height, width, _ = map_shape(shape_of(node.inputs[0]))
    return {**_window_fields(node, Window((height, width))), "count_padding": 0}


def elementwise_fields(node: ir.Node) -> Fields:
    """Fields of `struct elementwise_parameters`."""
    _, width, channels = map_shape(shape_of(node.inputs[0]))
    return {"width": width, "channels": channels, **activation_fields(node)}
