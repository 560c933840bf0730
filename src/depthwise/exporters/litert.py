"""LiteRT (.tflite), float32 and int8: every operator of the normal form as one to three operators of LiteRT.

The file is written directly, from the schema that ai-edge-litert ships. Memory is NHWC, batch 1; preprocessing and
class names are metadata under the same keys as in ONNX. A border that "SAME" would lay elsewhere becomes a PAD.
An 8-bit network keeps its integers and scales, and takes and gives int8.
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
from depthwise.exporters._litert_file import load_schema
from depthwise.exporters._litert_translation import OFFSET, Translation
from depthwise.exporters.base import Exporter, bytes_of_input
from depthwise.graph.metadata import CLASSES, PREPROCESSING
from depthwise.ops._activation import activation_of
from depthwise.ops._quantized import (
    HIGHEST,
    LOWEST,
    Quantization,
    input_quantization,
    output_bounds,
    output_quantization,
)
from depthwise.ops._window import window_of
from depthwise.ops.base import activations_of, shape_of

GROUPED_CONVOLUTION = 6
"""Version of CONV_2D that knows groups."""


def _convolution(to: Translation, node: ir.Node) -> None:
    x, options = to.border(node, 0.0)
    dilation = window_of(node).dilation
    constants = to.parameters(node, lambda weight: weight.transpose(0, 2, 3, 1))
    version = GROUPED_CONVOLUTION if node.attributes.get_int("group", 1) > 1 else 1
    options |= {"dilationHFactor": dilation[0], "dilationWFactor": dilation[1]}
    to.operator(node, "CONV_2D", [x, *constants], version, **options)


def _depthwise(to: Translation, node: ir.Node) -> None:
    x, options = to.border(node, 0.0)
    dilation = window_of(node).dilation
    constants = to.parameters(node, lambda weight: weight.transpose(1, 2, 3, 0), axis=3)
    options |= {"dilationHFactor": dilation[0], "dilationWFactor": dilation[1]}
    options["depthMultiplier"] = shape_of(node.outputs[0])[1] // shape_of(node.inputs[0])[1]
    version = 1 if dilation == (1, 1) else 2
    to.operator(node, "DEPTHWISE_CONV_2D", [x, *constants], version, **options)


def _fully_connected(to: Translation, node: ir.Node) -> None:
    source = shape_of(node.inputs[0])

    def ordered(weight: np.ndarray) -> np.ndarray:
        return np.moveaxis(weight.reshape(len(weight), *source[1:]), 1, -1).reshape(len(weight), -1)

    to.operator(node, "FULLY_CONNECTED", [*to.inputs(node), *to.parameters(node, ordered)])


def _pool_options(node: ir.Node) -> dict[str, int]:
    window = window_of(node)
    if window.dilation != (1, 1):
        raise UserError(
            f"node '{node.name}' ({node.op_type}) has dilation {list(window.dilation)}, which LiteRT's pooling lacks: "
            "use a pooling without dilation"
        )
    return {"filterHeight": window.kernel[0], "filterWidth": window.kernel[1]}


def _max_pool(to: Translation, node: ir.Node) -> None:
    x, options = to.border(node, -np.inf)
    to.operator(node, "MAX_POOL_2D", [x], **options, **_pool_options(node))


def _average_pool(to: Translation, node: ir.Node) -> None:
    """LiteRT leaves the border out of the count; where the node does not, or has another border, the map is padded."""
    whole, (source,) = bool(node.attributes.get_int("count_include_pad", 0)), to.inputs(node)
    if to.integer(node) and (any(window_of(node).pads) or input_quantization(node) != output_quantization(node)):
        to.in_floats(node, _average_pool)  # LiteRT's has one scale
        return
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


def _global_average_pool(to: Translation, node: ir.Node) -> None:
    axes = to.file.integers(f"{node.name}.axes", [1, 2])
    to.file.operator("MEAN", [*to.inputs(node), axes], to.output(node), keepDims=True)


def _flatten(to: Translation, node: ir.Node) -> None:
    shape = shape_of(node.outputs[0])
    sizes = to.file.integers(f"{node.name}.shape", shape)
    to.file.operator("RESHAPE", [*to.inputs(node), sizes], to.output(node), newShape=list(shape))


def _softmax(to: Translation, node: ir.Node) -> None:
    if to.integer(node):
        to.in_floats(node, _softmax)  # LiteRT's has one scale for all networks
        return
    to.file.operator("SOFTMAX", to.inputs(node), to.output(node), beta=1.0)


def _activation(to: Translation, node: ir.Node) -> None:
    """A function of 8 bits is a table here. LiteRT's hard-swish of 8 bits is slower than in float, and coarser."""
    (x,), name = to.inputs(node), activation_of(node)
    if to.integer(node) and name in ("none", "clip"):
        whole = name == "none" or output_bounds(node) == (LOWEST, HIGHEST)
        rescaled = to.output(node) if whole else to.file.like(f"{node.name}.rescaled", to.output(node))
        to.file.operator("QUANTIZE", [x], rescaled)
        if not whole:
            to.activate(node, rescaled)
    elif to.integer(node):
        to.in_floats(node, _activation)
    else:
        to.activate(node, x)


def _concat(to: Translation, node: ir.Node) -> None:
    """LiteRT's inputs have the output's scale."""
    parts, out = to.inputs(node), to.output(node)
    for index, part in enumerate(parts):
        if to.file.encoding(part) != to.file.encoding(out):
            parts[index] = to.file.like(f"{node.name}.rescaled{index}", out, to.file.shape(part))
            to.file.operator("QUANTIZE", [part], parts[index])
    to.operator(node, "CONCATENATION", parts, axis=len(to.file.shape(out)) - 1)


def _scaled(code: str) -> Callable[[Translation, ir.Node], None]:
    """QUANTIZE or DEQUANTIZE."""
    return lambda to, node: to.file.operator(code, to.inputs(node), to.output(node))


OPERATORS: Mapping[str, Callable[[Translation, ir.Node], None]] = {
    "Activation": _activation,
    "Add": lambda to, node: to.operator(node, "ADD", to.inputs(node)),
    "AveragePool": _average_pool,
    "Concat": _concat,
    "Convolution": _convolution,
    "Depthwise": _depthwise,
    "Dequantize": _scaled("DEQUANTIZE"),
    "Flatten": _flatten,
    "FullyConnected": _fully_connected,
    "GlobalAveragePool": _global_average_pool,
    "MaxPool": _max_pool,
    "Multiply": lambda to, node: to.operator(node, "MUL", to.inputs(node)),
    "Pointwise": _convolution,
    "Quantize": _scaled("QUANTIZE"),
    "Softmax": _softmax,
}
"""Operator of the normal form -> how it is written."""


def write(normal: ir.Model, path: Path) -> None:
    """Writes a Graph in normal form with float32 inputs as a LiteRT file; of int8 where it begins or ends with 8 bits.

    Raises:
        UserError: a node that LiteRT cannot express, named; ai-edge-litert is not installed.
    """
    to = Translation.of(normal)
    inputs = {str(value.name): to.tensor(bytes_of_input(value) or value) for value in normal.graph.inputs}
    outputs = {str(value.name): to.tensor(_last(value)) for value in normal.graph.outputs}
    for node in normal.graph:
        if _outside(node):
            continue
        if node.op_type not in OPERATORS:
            raise UserError(f"node '{node.name}' ({node.op_type}) cannot be exported to LiteRT yet")
        OPERATORS[node.op_type](to, node)
    for key in (PREPROCESSING, CLASSES):
        if key in normal.metadata_props:
            to.file.metadata(key, normal.metadata_props[key].encode())
    path.write_bytes(to.file.to_bytes(inputs, outputs, str(normal.graph.name)))


def _last(value: ir.Value) -> ir.Value:
    """What stands for an output in the file: the bytes that it is made from, if there are some."""
    node = value.producer()
    return activations_of(node)[0] if node is not None and node.op_type == "Dequantize" else value


def _outside(node: ir.Node) -> bool:
    """Whether a node is left to the caller: between floats and the bytes at the file's ends."""
    if node.op_type == "Quantize":
        source = activations_of(node)[0]
        return source.is_graph_input() and bytes_of_input(source) is node.outputs[0]
    return node.op_type == "Dequantize" and node.outputs[0].is_graph_output() and not node.outputs[0].uses()


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
            interpreter.set_tensor(detail["index"], to_bytes(detail, array))
        interpreter.invoke()
        return [to_floats(one, interpreter.get_tensor(one["index"])) for one in interpreter.get_output_details()]


def to_bytes(detail: Mapping[str, Any], array: np.ndarray) -> np.ndarray:
    """Floats as the tensor of the interpreter's `detail` takes them: int8 where it does."""
    if detail["dtype"] is not np.int8:
        return array
    scale, zero = detail["quantization"]
    return (Quantization(scale, zero + OFFSET).quantize(array).astype(np.int16) - OFFSET).astype(np.int8)


def to_floats(detail: Mapping[str, Any], array: np.ndarray) -> np.ndarray:
    """The inverse of `to_bytes`."""
    if detail["dtype"] is not np.int8:
        return array
    scale, zero = detail["quantization"]
    return Quantization(scale, zero).dequantize(array)


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
