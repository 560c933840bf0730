"""Packs the parameters of a node into what its kernel reads, from a description of the layout."""

import math
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from depthwise.ops._quantized import input_quantization, output_scales
from depthwise.ops._window import pad_values_of
from depthwise.ops.base import array_of, shape_of


@dataclass(frozen=True)
class Layout:
    """How a kernel wants its weights; the bias follows them, and for camera pixels the pad values follow the bias.

    Attributes:
        order: the axes of the weight [O, I, H, W], outermost first, e.g. "OHWI".
        panel: 0: as `order` says. Else `order` ends with O, and the outputs are cut into panels of this many: each is
            [everything else][outputs of the panel], one panel after the other.
        multiple: each panel (the last one is narrower) and the bias are filled up with zeros to a multiple of this.
        camera: whether the kernel reads uint8 pixels and so wants the value of padded pixels, per input channel.
    """

    order: str
    panel: int = 0
    multiple: int = 1
    camera: bool = False

    def __call__(self, node: ir.Node) -> np.ndarray:
        """The packed constants of a node with weight and bias: weights, bias[, pad values], one float32 vector."""
        weight, bias = array_of(node.inputs[1]), array_of(node.inputs[2])
        weight = weight.reshape(*weight.shape, *(1,) * (4 - weight.ndim))  # a fully connected layer's is [O, I]
        ordered = weight.transpose(["OIHW".index(axis) for axis in self.order])
        parts = [ordered.reshape(-1)]
        if self.panel:
            matrix = _fill(ordered.reshape(-1, len(bias)), self.multiple)
            parts = [
                matrix[:, start : start + self.panel].reshape(-1) for start in range(0, matrix.shape[1], self.panel)
            ]
        parts.append(_fill(bias[None], self.multiple)[0])
        if self.camera:
            values = pad_values_of(node)
            parts.append(np.zeros(shape_of(node.inputs[0])[1]) if values is None else values)
        return np.concatenate(parts).astype(np.float32)


def _fill(matrix: np.ndarray, multiple: int) -> np.ndarray:
    """Zeros to the right of a matrix, up to a multiple of columns."""
    columns = math.ceil(matrix.shape[1] / multiple) * multiple
    return np.pad(matrix, ((0, 0), (0, columns - matrix.shape[1])))


@dataclass(frozen=True)
class IntegerLayout:
    """How a kernel of 8 bits wants its weights; biases (int32, zero points folded in) and scales (float32) follow.

    Attributes:
        order: the axes of the weight [O, I, H, W], outermost first.
    """

    order: str

    def __call__(self, node: ir.Node) -> list[np.ndarray]:
        """Weights int8, bias int32 [O], scales float32 [O] of a node in 8-bit form."""
        weight = array_of(node.inputs[1])
        weight = weight.reshape(*weight.shape, *(1,) * (4 - weight.ndim))
        ordered = weight.transpose(["OIHW".index(axis) for axis in self.order])
        return [ordered.reshape(-1), folded_bias(node), output_scales(node)]


def folded_bias(node: ir.Node, zero: int | None = None) -> np.ndarray:
    """bias - zero * sum of weights modulo 2^32, int32 [O]; `zero`: None: the input's zero point."""
    weight, bias = array_of(node.inputs[1]).astype(np.int64), array_of(node.inputs[2]).astype(np.int64)
    if zero is None:
        zero = input_quantization(node).zero
    folded = bias - zero * weight.reshape(len(weight), -1).sum(axis=1)
    return np.asarray((folded & 0xFFFFFFFF).astype(np.uint32).view(np.int32))


def scale_and_shift(node: ir.Node) -> np.ndarray:
    """The constants of Normalize: scale [C], shift [C]."""
    return np.asarray([*node.attributes.get_floats("scale"), *node.attributes.get_floats("shift")], np.float32)
