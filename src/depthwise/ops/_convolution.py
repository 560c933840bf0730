"""What the convolution operators share: MACs and the NumPy reference."""

import math

import numpy as np
import onnx_ir as ir

from depthwise.ops._activation import activate
from depthwise.ops._window import convolved_shape, pad_values_of, window_of
from depthwise.ops.base import array_of, shape_of


def convolution_macs(node: ir.Node) -> int:
    """Multiply-accumulates: one per output element and weight of its filter (padded positions count)."""
    return math.prod(convolved_shape(node)) * math.prod(shape_of(node.inputs[1])[1:])


def convolve(node: ir.Node, x: np.ndarray) -> np.ndarray:
    """Grouped convolution of [1, C, H, W] (float32 or uint8) with bias and activation, accumulated in float64."""
    window, values = window_of(node), pad_values_of(node)
    weight, bias = array_of(node.inputs[1]).astype(np.float64), array_of(node.inputs[2]).astype(np.float64)
    group = node.attributes.get_int("group", 1)
    seen = window.patches(window.pad(x[0], 0.0 if values is None else values))
    channels, height, width = seen.shape[:3]
    if group == channels and channels > 1:  # depthwise: no sum over channels, so no matrix product
        filters = weight.reshape(channels, -1, *window.kernel)
        y = np.einsum("cyxhw,cmhw->cmyx", seen, filters, optimize=True).reshape(-1, height, width)
    else:
        depth = channels // group
        y = np.concatenate(
            [
                np.tensordot(filters, seen[g * depth : (g + 1) * depth], axes=((1, 2, 3), (0, 3, 4)))
                for g, filters in enumerate(np.split(weight, group))
            ]
        )
    return activate(node, y + bias[:, None, None])[None]
