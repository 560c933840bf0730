"""LiteRT (.tflite), float32: every operator of the normal form as one to three operators of LiteRT.

The file is written directly, from the schema that ai-edge-litert ships. Memory is NHWC, batch 1; preprocessing and
class names are metadata under the same keys as in ONNX. A border that "SAME" would lay elsewhere becomes a PAD.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.exporters._litert_file import LiteRtFile, load_schema
from depthwise.exporters.base import Exporter
from depthwise.graph.metadata import CLASSES, PREPROCESSING
from depthwise.ops._activation import activation_of, bounds_of
from depthwise.ops._window import window_of
from depthwise.ops.base import activations_of, array_of, shape_of

FUSED: Mapping[tuple[float, float], str] = {(0.0, np.inf): "RELU", (0.0, 6.0): "RELU6", (-1.0, 1.0): "RELU_N1_TO_1"}
"""Bounds of "clip" -> the activation function that LiteRT's operators carry."""

GROUPED_CONVOLUTION = 6
"""Version of CONV_2D that knows groups."""


class _Translation:
    """A Graph in normal form on its way into a file."""

    def __init__(self) -> None:
        self.file = LiteRtFile()
        self.tensors: dict[ir.Value, int] = {}

    def tensor(self, value: ir.Value) -> int:
        """The tensor of an activation."""
        if value not in self.tensors:
            self.tensors[value] = self.file.tensor(str(value.name), _nhwc(shape_of(value)))
        return self.tensors[value]

    def inputs(self, node: ir.Node) -> list[int]:
        return [self.tensor(value) for value in activations_of(node)]

    def output(self, node: ir.Node) -> int:
        return self.tensor(node.outputs[0])

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
        if (low, high) in FUSED:
            file.operator(FUSED[low, high], [x], out)
            return
        raised = file.like(f"{node.name}.raised", x) if np.isfinite(high) else out
        file.operator("MAXIMUM", [x, file.constant(f"{node.name}.minimum", max(low, _LOWEST))], raised)
        if np.isfinite(high):
            file.operator("MINIMUM", [raised, file.constant(f"{node.name}.maximum", high)], out)

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
        padded, sizes = file.tensor(f"{node.name}.padded", sides), file.integers(f"{node.name}.pads", pads)
        if fill:
            file.operator("PADV2", [x, sizes, file.constant(f"{node.name}.border", [fill])], padded)
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
    return "NONE" if name == "none" else FUSED.get(bounds_of(node)) if name == "clip" else None


def _convolution(to: _Translation, node: ir.Node) -> None:
    x, options = to.border(node, 0.0)
    weight, dilation = array_of(node.inputs[1]), window_of(node).dilation
    constants = [
        to.file.constant(f"{node.name}.weight", weight.transpose(0, 2, 3, 1)),
        to.file.constant(f"{node.name}.bias", array_of(node.inputs[2])),
    ]
    version = GROUPED_CONVOLUTION if node.attributes.get_int("group", 1) > 1 else 1
    options |= {"dilationHFactor": dilation[0], "dilationWFactor": dilation[1]}
    to.operator(node, "CONV_2D", [x, *constants], version, **options)


def _depthwise(to: _Translation, node: ir.Node) -> None:
    x, options = to.border(node, 0.0)
    weight, dilation = array_of(node.inputs[1]), window_of(node).dilation
    constants = [
        to.file.constant(f"{node.name}.weight", weight.transpose(1, 2, 3, 0)),
        to.file.constant(f"{node.name}.bias", array_of(node.inputs[2])),
    ]
    options |= {"dilationHFactor": dilation[0], "dilationWFactor": dilation[1]}
    options["depthMultiplier"] = len(weight) // shape_of(node.inputs[0])[1]
    version = 1 if dilation == (1, 1) else 2
    to.operator(node, "DEPTHWISE_CONV_2D", [x, *constants], version, **options)


def _fully_connected(to: _Translation, node: ir.Node) -> None:
    weight = array_of(node.inputs[1])
    source = shape_of(node.inputs[0])
    ordered = np.moveaxis(weight.reshape(len(weight), *source[1:]), 1, -1).reshape(len(weight), -1)
    constants = [
        to.file.constant(f"{node.name}.weight", ordered),
        to.file.constant(f"{node.name}.bias", array_of(node.inputs[2])),
    ]
    to.operator(node, "FULLY_CONNECTED", [*to.inputs(node), *constants])


def _pool_options(node: ir.Node) -> dict[str, int]:
    window = window_of(node)
    if window.dilation != (1, 1):
        raise UserError(
            f"node '{node.name}' ({node.op_type}) has dilation {list(window.dilation)}, which LiteRT's pooling lacks: "
            "use a pooling without dilation"
        )
    return {"filterHeight": window.kernel[0], "filterWidth": window.kernel[1]}


def _max_pool(to: _Translation, node: ir.Node) -> None:
    x, options = to.border(node, -np.inf)
    to.operator(node, "MAX_POOL_2D", [x], **options, **_pool_options(node))


def _average_pool(to: _Translation, node: ir.Node) -> None:
    """LiteRT leaves the border out of the count; where the node does not, or has another border, the map is padded."""
    whole, (source,) = bool(node.attributes.get_int("count_include_pad", 0)), to.inputs(node)
    x, options = to.border(node, 0.0, same=not whole)
    if x == source or whole:
        to.operator(node, "AVERAGE_POOL_2D", [x], **options, **_pool_options(node))
        return
    window = window_of(node)
    seen = window.patches(window.pad(np.ones((1, *shape_of(node.inputs[0])[2:])))).sum(axis=(3, 4))
    factor = to.file.constant(f"{node.name}.factor", np.prod(window.kernel) / seen[..., None])
    mean = to.file.like(f"{node.name}.mean", to.output(node))
    to.file.operator("AVERAGE_POOL_2D", [x], mean, **options, **_pool_options(node))
    to.operator(node, "MUL", [mean, factor])


def _global_average_pool(to: _Translation, node: ir.Node) -> None:
    axes = to.file.integers(f"{node.name}.axes", [1, 2])
    to.file.operator("MEAN", [*to.inputs(node), axes], to.output(node), keepDims=True)


def _flatten(to: _Translation, node: ir.Node) -> None:
    shape = shape_of(node.outputs[0])
    sizes = to.file.integers(f"{node.name}.shape", shape)
    to.file.operator("RESHAPE", [*to.inputs(node), sizes], to.output(node), newShape=list(shape))


def _softmax(to: _Translation, node: ir.Node) -> None:
    to.file.operator("SOFTMAX", to.inputs(node), to.output(node), beta=1.0)


OPERATORS: Mapping[str, Callable[[_Translation, ir.Node], None]] = {
    "Activation": lambda to, node: to.activate(node, *to.inputs(node)),
    "Add": lambda to, node: to.operator(node, "ADD", to.inputs(node)),
    "AveragePool": _average_pool,
    "Convolution": _convolution,
    "Depthwise": _depthwise,
    "Flatten": _flatten,
    "FullyConnected": _fully_connected,
    "GlobalAveragePool": _global_average_pool,
    "MaxPool": _max_pool,
    "Multiply": lambda to, node: to.operator(node, "MUL", to.inputs(node)),
    "Pointwise": _convolution,
    "Softmax": _softmax,
}
"""Operator of the normal form -> how it is written."""


def write(normal: ir.Model, path: Path) -> None:
    """Writes a Graph in normal form with float32 inputs as a LiteRT file.

    Raises:
        UserError: a node that LiteRT cannot express, named; ai-edge-litert is not installed.
    """
    to = _Translation()
    inputs = {str(value.name): to.tensor(value) for value in normal.graph.inputs}
    for node in normal.graph:
        if node.op_type not in OPERATORS:
            raise UserError(f"node '{node.name}' ({node.op_type}) cannot be exported to LiteRT yet")
        OPERATORS[node.op_type](to, node)
    outputs = {str(value.name): to.tensor(value) for value in normal.graph.outputs}
    for key in (PREPROCESSING, CLASSES):
        if key in normal.metadata_props:
            to.file.metadata(key, normal.metadata_props[key].encode())
    path.write_bytes(to.file.to_bytes(inputs, outputs, str(normal.graph.name)))


def run(path: Path, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs of a LiteRT file for one NHWC array per input, by LiteRT's interpreter on one thread.

    Raises:
        UserError: ai-edge-litert is not installed, or refuses the file.
    """
    load_schema()
    from ai_edge_litert.interpreter import Interpreter

    with _quiet():
        try:
            interpreter = Interpreter(model_path=str(path), num_threads=1)
            interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise UserError(f"LiteRT refuses the exported file: {error}") from None
        for detail, array in zip(interpreter.get_input_details(), inputs, strict=True):
            interpreter.set_tensor(detail["index"], array)
        interpreter.invoke()
        return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps the library's own lines, which it writes past Python, from standard error."""
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


EXPORTERS = {"litert": Exporter(".tflite", "LiteRT", "NHWC", write, run)}
