"""What the convolution operators share: MACs, the NumPy reference and the 8-bit one."""

import math

import numpy as np
import onnx_ir as ir

from depthwise.ops._activation import activate
from depthwise.ops._quantized import input_quantization, output_scales, requantize
from depthwise.ops._window import convolved_shape, pad_values_of, window_of
from depthwise.ops.base import array_of, shape_of


def convolution_macs(node: ir.Node) -> int:
    """Multiply-accumulates: one per output element and weight of its filter (padded positions count)."""
    return math.prod(convolved_shape(node)) * math.prod(shape_of(node.inputs[1])[1:])


def convolve(node: ir.Node, x: np.ndarray) -> np.ndarray:
    """Grouped convolution of [1, C, H, W] (float32 or uint8) with bias and activation, accumulated in float64."""
    values = pad_values_of(node)
    sums = _sums(node, x, 0.0 if values is None else values)
    return activate(node, sums + array_of(node.inputs[2]).astype(np.float64)[:, None, None])[None]


def convolve_integers(node: ir.Node, x: np.ndarray) -> np.ndarray:
    """The 8-bit form, uint8 to uint8: sums of integers, which float64 holds exactly, then one rounding."""
    zero = input_quantization(node).zero
    sums = _sums(node, x.astype(np.int32) - zero, 0.0).astype(np.int64)
    sums += array_of(node.inputs[2]).astype(np.int64)[:, None, None]
    return requantize(node, sums, output_scales(node)[:, None, None])[None]


def _sums(node: ir.Node, x: np.ndarray, padding: float | np.ndarray) -> np.ndarray:
    """Sums of weights times inputs [1, C, H, W] over each window, [O, OH, OW]; padded pixels are `padding`."""
    window, weight = window_of(node), array_of(node.inputs[1]).astype(np.float64)
    group = node.attributes.get_int("group", 1)
    seen = window.patches(window.pad(x[0], padding))
    channels, height, width = seen.shape[:3]
    if group == channels and channels > 1:  # depthwise: no sum over channels, so no matrix product
        filters = weight.reshape(channels, -1, *window.kernel)
        return np.asarray(np.einsum("cyxhw,cmhw->cmyx", seen, filters, optimize=True).reshape(-1, height, width))
    depth = channels // group
    return np.concatenate(
        [
            np.tensordot(filters, seen[g * depth : (g + 1) * depth], axes=((1, 2, 3), (0, 3, 4)))
            for g, filters in enumerate(np.split(weight, group))
        ]
    )
