"""The 8-bit forms of operators: what their nodes say, and the rules of docs/int8.md in NumPy.

A node is in 8-bit form if it has the attribute `y_scale`. Its activations are uint8; the attributes are

    x_scales, x_zeros   of its activations, in order (none for camera pixels)
    y_scale, y_zero     of its output

and with weights its inputs are x, weight (int8), bias (int32), scale of the weights (float32 [O]).
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from depthwise.ops._activation import activation_of, bounds_of
from depthwise.ops.base import array_of

LOWEST, HIGHEST = 0, 255
"""Range of an 8-bit activation."""


@dataclass(frozen=True)
class Quantization:
    """An activation q stands for scale * (q - zero).

    Attributes:
        scale: above 0, a float32. zero: 0 to 255.
    """

    scale: float
    zero: int

    def quantize(self, x: np.ndarray) -> np.ndarray:
        """Floats to uint8."""
        with np.errstate(over="ignore", invalid="ignore"):
            return round_to_byte(x.astype(np.float32) / np.float32(self.scale), self.zero)

    def dequantize(self, q: np.ndarray) -> np.ndarray:
        """uint8 to float32."""
        return (q.astype(np.int32) - self.zero).astype(np.float32) * np.float32(self.scale)


def is_integer(node: ir.Node) -> bool:
    """Whether a node is in 8-bit form."""
    return "y_scale" in node.attributes


def input_quantization(node: ir.Node, index: int = 0) -> Quantization:
    """Of an activation that a node reads."""
    return Quantization(node.attributes.get_floats("x_scales")[index], node.attributes.get_ints("x_zeros")[index])


def output_quantization(node: ir.Node) -> Quantization:
    """Of what a node computes."""
    return Quantization(node.attributes.get_float("y_scale"), node.attributes.get_int("y_zero"))


def output_bounds(node: ir.Node) -> tuple[int, int]:
    """The least and the largest byte that a node gives: the range, narrowed by a fused clip."""
    if activation_of(node) != "clip":
        return LOWEST, HIGHEST
    low, high = output_quantization(node).quantize(np.asarray(bounds_of(node), np.float32))
    return int(low), int(high)


def output_scales(node: ir.Node) -> np.ndarray:
    """(s_x s_w) / s_y for each output channel of a node with weights, float32 in that order."""
    x, y = np.float32(input_quantization(node).scale), np.float32(output_quantization(node).scale)
    return np.asarray((x * array_of(node.inputs[3]).astype(np.float32)) / y, np.float32)


def ratio(node: ir.Node, index: int = 0) -> np.float32:
    """s_x / s_y."""
    return np.float32(np.float32(input_quantization(node, index).scale) / np.float32(output_quantization(node).scale))


def round_to_byte(f: np.ndarray, zero: int, low: int = LOWEST, high: int = HIGHEST) -> np.ndarray:
    """float32 f, clamped to [low - zero, high - zero], rounded half to even, plus zero; not-a-number gives low."""
    clamped = np.where(f > np.float32(low - zero), f, np.float32(low - zero))
    clamped = np.where(clamped < np.float32(high - zero), clamped, np.float32(high - zero))
    return (np.rint(clamped).astype(np.int32) + zero).astype(np.uint8)


def requantize(node: ir.Node, sums: np.ndarray, scale: np.ndarray | np.float32) -> np.ndarray:
    """Accumulators (any integers, taken modulo 2^32) times a scale as the bytes of a node's output."""
    wrapped = (sums.astype(np.int64) & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
    with np.errstate(over="ignore"):
        f = wrapped.astype(np.float32) * np.asarray(scale, np.float32)
    return round_to_byte(f, output_quantization(node).zero, *output_bounds(node))


def centred(node: ir.Node, index: int, q: np.ndarray) -> np.ndarray:
    """q - zero of an activation that a node reads, int32."""
    return np.asarray(q.astype(np.int32) - input_quantization(node, index).zero)
