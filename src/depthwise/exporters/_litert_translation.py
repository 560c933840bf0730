"""A Graph in normal form on its way into a LiteRT file: its tensors, borders and activation functions.

What is of 8 bits keeps its scales; a byte of ours is LiteRT's int8 plus 128.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx_ir as ir

from depthwise.exporters._litert_file import Encoding, LiteRtFile
from depthwise.ops._activation import activation_of, bounds_of
from depthwise.ops._quantized import (
    HIGHEST,
    LOWEST,
    Quantization,
    input_quantization,
    is_integer,
    output_bounds,
    output_quantization,
)
from depthwise.ops._window import window_of
from depthwise.ops.base import activations_of, array_of, shape_of

FUSED: Mapping[tuple[float, float], str] = {(0.0, np.inf): "RELU", (0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1"}
"""Bounds of "clip" -> the activation function that LiteRT's operators carry."""

OFFSET = 128
"""What a byte of ours is more than LiteRT's int8."""


class Translation:
    """A Graph in normal form on its way into a file.

    Attributes:
        file: it. tensors: activation -> its tensor. scales: of the activations of 8 bits.
    """

    def __init__(self, file: LiteRtFile, scales: Mapping[ir.Value, Quantization]) -> None:
        self.file, self.scales = file, scales
        self.tensors: dict[ir.Value, int] = {}

    @classmethod
    def of(cls, normal: ir.Model) -> "Translation":
        """The beginning of a file for a Graph."""
        scales: dict[ir.Value, Quantization] = {}
        for node in normal.graph:
            for index in range(len(node.attributes.get_floats("x_scales", ()))):
                scales[activations_of(node)[index]] = input_quantization(node, index)
            if is_integer(node):
                scales[node.outputs[0]] = output_quantization(node)
        return cls(LiteRtFile(), scales)

    def tensor(self, value: ir.Value) -> int:
        """The tensor of an activation."""
        if value not in self.tensors:
            scale = self.scales.get(value)
            encoding = None if scale is None else Encoding((scale.scale,), scale.zero - OFFSET)
            self.tensors[value] = self.file.tensor(str(value.name), _nhwc(shape_of(value)), encoding=encoding)
        return self.tensors[value]

    def inputs(self, node: ir.Node) -> list[int]:
        """The tensors of a node's activations."""
        return [self.tensor(value) for value in activations_of(node)]

    def output(self, node: ir.Node) -> int:
        """The tensor of what a node computes."""
        return self.tensor(node.outputs[0])

    def integer(self, node: ir.Node) -> bool:
        """Whether a node is written in 8 bits."""
        return node.outputs[0] in self.scales

    def parameters(self, node: ir.Node, arrange: Callable[[np.ndarray], np.ndarray], axis: int = 0) -> list[int]:
        """Weight and bias of a node.

        Args:
            node: whose. arrange: from the weight's order to LiteRT's. axis: of the outputs in the latter.
        """
        weight, bias = np.ascontiguousarray(arrange(array_of(node.inputs[1]))), array_of(node.inputs[2])
        of_weight = of_bias = None
        if self.integer(node):
            scales = array_of(node.inputs[3]).astype(np.float32)
            of_weight = Encoding(tuple(scales.tolist()), axis=axis)
            of_bias = Encoding(tuple((np.float32(input_quantization(node).scale) * scales).tolist()))
        return [
            self.file.tensor(f"{node.name}.weight", weight.shape, weight, of_weight),
            self.file.tensor(f"{node.name}.bias", bias.shape, bias, of_bias),
        ]

    def number(self, name: str, tensor: int, values: npt.ArrayLike) -> int:
        """A constant of another tensor's type."""
        encoding = self.file.encoding(tensor)
        if encoding is None:
            return self.file.constant(name, values)
        scale = Quantization(encoding.scales[0], encoding.zero + OFFSET)
        array = (scale.quantize(np.asarray(values, np.float32)).astype(np.int16) - OFFSET).astype(np.int8)
        return self.file.tensor(name, array.shape, array, encoding)

    def in_floats(self, node: ir.Node, write: Callable[["Translation", ir.Node], None]) -> None:
        """Writes a node of 8 bits that LiteRT has no such operator for: in float, between DEQUANTIZE and QUANTIZE."""
        aside = Translation(self.file, {})
        for value in activations_of(node):
            aside.tensors[value] = self.file.tensor(f"{node.name}.{value.name}.floats", _nhwc(shape_of(value)))
            self.file.operator("DEQUANTIZE", [self.tensor(value)], aside.tensors[value])
        write(aside, node)
        self.file.operator("QUANTIZE", [aside.output(node)], self.output(node))

    def operator(self, node: ir.Node, code: str, inputs: Sequence[int], version: int = 1, **options: Any) -> None:
        """An operator that can carry an activation function, and the node's own after it if it cannot carry that."""
        fused = _fused(node)
        functions = self.file.schema.ActivationFunctionType
        if fused is not None:
            carried = getattr(functions, fused)
            self.file.operator(code, inputs, self.output(node), version, fusedActivationFunction=carried, **options)
            return
        middle = self.file.like(f"{node.name}.linear", self.output(node))
        self.file.operator(code, inputs, middle, version, **options)
        self.activate(node, middle)

    def activate(self, node: ir.Node, x: int) -> None:
        """The node's activation function as operators of its own, from tensor `x` to the node's output."""
        file, out = self.file, self.output(node)
        match activation_of(node):
            case "hard_swish":
                file.operator("HARD_SWISH", [x], out)
            case "sigmoid":
                file.operator("LOGISTIC", [x], out)
            case "silu":
                gate = file.like(f"{node.name}.sigmoid", x)
                file.operator("LOGISTIC", [x], gate)
                file.operator("MUL", [x, gate], out)
            case "hard_sigmoid":
                shifted = file.like(f"{node.name}.shifted", x)
                relu6 = file.schema.ActivationFunctionType.RELU6
                three, sixth = file.constant(f"{node.name}.three", 3.0), file.constant(f"{node.name}.sixth", 1 / 6)
                file.operator("ADD", [x, three], shifted, fusedActivationFunction=relu6)
                file.operator("MUL", [shifted, sixth], out)
            case "clip":
                self._clip(node, x)
            case _:
                file.operator("RESHAPE", [x, file.integers(f"{node.name}.shape", file.shape(out))], out)

    def _clip(self, node: ir.Node, x: int) -> None:
        file, out, (low, high) = self.file, self.output(node), bounds_of(node)
        minimum, maximum = f"{node.name}.minimum", f"{node.name}.maximum"
        if (low, high) in FUSED:
            file.operator(FUSED[low, high], [x], out)
            return
        raised = file.like(f"{node.name}.raised", x) if np.isfinite(high) else out
        file.operator("MAXIMUM", [x, self.number(minimum, out, max(low, _LOWEST))], raised)
        if np.isfinite(high):
            file.operator("MINIMUM", [raised, self.number(maximum, out, high)], out)

    def border(self, node: ir.Node, fill: float, *, same: bool = True) -> tuple[int, dict[str, int]]:
        """The input with the border that the node's window needs, and the padding rule and strides for its options.

        Args:
            node: has a window.
            fill: value of the border.
            same: whether LiteRT's own border means the same as the node's.
        """
        file, (x, *_), window = self.file, self.inputs(node), window_of(node)
        padding = file.schema.Padding
        strides = {"strideH": window.stride[0], "strideW": window.stride[1]}
        _, height, width, channels = file.shape(x)
        _, out_height, out_width, _ = file.shape(self.output(node))
        rows = _edges(height, out_height, window.kernel[0], window.stride[0], window.dilation[0], window.pads[0])
        columns = _edges(width, out_width, window.kernel[1], window.stride[1], window.dilation[1], window.pads[1])
        if not any(rows[0] + columns[0]):
            return x, {"padding": padding.VALID, **strides}
        if same and rows[1] and columns[1]:
            return x, {"padding": padding.SAME, **strides}
        pads = np.asarray([(0, 0), rows[0], columns[0], (0, 0)])
        sides = [1, height + sum(rows[0]), width + sum(columns[0]), channels]
        padded, sizes = file.like(f"{node.name}.padded", x, sides), file.integers(f"{node.name}.pads", pads)
        if fill:
            file.operator("PADV2", [x, sizes, self.number(f"{node.name}.border", x, [fill])], padded)
        else:
            file.operator("PAD", [x, sizes], padded)
        return padded, {"padding": padding.VALID, **strides}


_LOWEST = float(np.finfo(np.float32).min)


def _edges(size: int, out: int, kernel: int, stride: int, dilation: int, before: int) -> tuple[tuple[int, int], bool]:
    """The border (before, after) that a window really reads on one axis, and whether "SAME" lays the same one."""
    reach = (kernel - 1) * dilation + 1
    after = max((out - 1) * stride + reach - size - before, 0)
    total = max((-(-size // stride) - 1) * stride + reach - size, 0)
    return (before, after), out == -(-size // stride) and (before, after) == (total // 2, total - total // 2)


def _nhwc(shape: Sequence[int]) -> list[int]:
    return [shape[0], *shape[2:], shape[1]]


def _fused(node: ir.Node) -> str | None:
    """The activation function as LiteRT's operators carry it; None if they cannot."""
    name = activation_of(node)
    if is_integer(node) and name == "clip" and output_bounds(node) == (LOWEST, HIGHEST):
        return "NONE"  # the range does it
    return "NONE" if name == "none" else FUSED.get(bounds_of(node)) if name == "clip" else None
