"""The fields of the structs in `kernels/parameters.h` for a node, from its attributes and shapes."""

from collections.abc import Mapping

import numpy as np
import onnx_ir as ir

from depthwise.ops._activation import activation_of, bounds_of
from depthwise.ops._quantized import (
    input_quantization,
    is_integer,
    output_bounds,
    output_quantization,
    output_scales,
    ratio,
)
from depthwise.ops._window import Window, window_of
from depthwise.ops.base import Shape, array_of, shape_of

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


def _window_fields(node: ir.Node, window: Window) -> dict[str, int]:
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
    return {**_convolution(node), **activation_fields(node)}


def _convolution(node: ir.Node) -> dict[str, int]:
    window = window_of(node) if len(shape_of(node.inputs[1])) == 4 else Window((1, 1))
    return {
        **_window_fields(node, window),
        "outputs": shape_of(node.inputs[1])[0],
        "dilation_y": window.dilation[0],
        "dilation_x": window.dilation[1],
        "groups": node.attributes.get_int("group", 1),
    }


def convolution_i8_fields(node: ir.Node) -> Fields:
    """Fields of `struct convolution_i8_parameters`, for any of the four operators with a weight."""
    return {**_convolution(node), "input_zero": input_quantization(node).zero, **_rounding(node), **_bounded(node)}


def pointwise_i8_fields(node: ir.Node) -> Fields:
    """Fields of `struct pointwise_i8_parameters`."""
    height, width, channels = map_shape(shape_of(node.inputs[0]))
    sizes = {"height": height, "width": width, "channels": channels, "outputs": shape_of(node.inputs[1])[0]}
    return {**sizes, **_rounding(node), **_bounded(node)}


def binary_i8_fields(node: ir.Node, product: bool) -> Fields:
    """Fields of `struct binary_i8_parameters`, for a product or a sum."""
    _, width, channels = map_shape(shape_of(node.inputs[0]))
    first, second = input_quantization(node, 0), input_quantization(node, 1)
    scales = {"first_scale": float(ratio(node, 0)), "second_scale": float(ratio(node, 1))}
    if product:
        both = np.float32(first.scale) * np.float32(second.scale)
        scales = {"first_scale": float(both / np.float32(output_quantization(node).scale)), "second_scale": 1.0}
    zeros = {"first_zero": first.zero, "second_zero": second.zero}
    return {"width": width, "channels": channels, **zeros, **_rounding(node), **scales}


def quantized_fields(node: ir.Node) -> Fields:
    """Fields of `struct quantized_parameters`: of the output where that is of 8 bits, else of the input."""
    _, width, channels = map_shape(shape_of(node.inputs[0]))
    side = output_quantization(node) if is_integer(node) else input_quantization(node)
    return {"width": width, "channels": channels, "zero": side.zero, "scale": side.scale}


def pool_i8_fields(node: ir.Node) -> Fields:
    """Fields of `struct pool_i8_parameters`; a node without window is one over the whole map."""
    height, width, _ = map_shape(shape_of(node.inputs[0]))
    whole = node.op_type == "GlobalAveragePool"
    return {
        **_window_fields(node, Window((height, width)) if whole else window_of(node)),
        "count_padding": node.attributes.get_int("count_include_pad", 0),
        "input_zero": input_quantization(node).zero,
        "output_zero": output_quantization(node).zero,
        "scale": float(ratio(node)),
    }


def _rounding(node: ir.Node) -> dict[str, int]:
    low, high = output_bounds(node)
    return {"output_zero": output_quantization(node).zero, "minimum": low, "maximum": high}


def _bounded(node: ir.Node) -> dict[str, int]:
    """Whether no accumulator times its scale reaches 2^31, and no accumulator wraps around."""
    weight, bias = array_of(node.inputs[1]).astype(np.int64), array_of(node.inputs[2]).astype(np.int64)
    largest = 255 * np.abs(weight).reshape(len(weight), -1).sum(axis=1) + np.abs(bias)
    safe = largest.max() < 2**31 and (largest * output_scales(node).astype(np.float64)).max() < 2**30
    return {"bounded": int(safe)}


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
