"""What makes a Graph normal, as a table of checks. Run after the pipeline, and between its last passes in tests."""

from collections.abc import Callable, Iterator

import onnx_ir as ir

from depthwise.ops import REGISTRY
from depthwise.ops._quantized import Quantization, input_quantization, is_integer, output_quantization
from depthwise.ops.base import DOMAIN, activations_of, is_constant, parameters_of, shape_of

Check = Callable[[ir.Model], Iterator[str]]


def verify(graph: ir.Model) -> None:
    """Checks that a Graph is in normal form.

    Raises:
        ValueError: it is not; names the first check that fails, and where.
    """
    for what, check in CHECKS:
        for where in check(graph):
            raise ValueError(f"graph '{graph.graph.name}' is not in normal form: {where} ({what})")


def _registered(graph: ir.Model) -> Iterator[str]:
    for node in graph.graph:
        if node.domain != DOMAIN or node.op_type not in REGISTRY:
            yield f"node '{node.name}' is {node.domain or 'onnx'}.{node.op_type}"


def _one_output(graph: ir.Model) -> Iterator[str]:
    for node in graph.graph:
        if len(node.outputs) != 1:
            yield f"node '{node.name}' has {len(node.outputs)} outputs"


def _node_names(graph: ir.Model) -> Iterator[str]:
    seen: set[str | None] = {None, ""}
    for node in graph.graph:
        if node.name in seen:
            yield f"node name '{node.name}'"
        seen.add(node.name)


def _value_names(graph: ir.Model) -> Iterator[str]:
    seen: set[str | None] = {None, ""}
    outputs = (output for node in graph.graph for output in node.outputs)
    for value in (*graph.graph.inputs, *graph.graph.initializers.values(), *outputs):
        if value.name in seen:
            yield f"value name '{value.name}'"
        seen.add(value.name)


def _topological(graph: ir.Model) -> Iterator[str]:
    known = {*graph.graph.inputs, *graph.graph.initializers.values()}
    for node in graph.graph:
        for value in node.inputs:
            if value not in known:
                yield f"node '{node.name}' reads {'nothing' if value is None else repr(value.name)}"
        known.update(node.outputs)
    for output in graph.graph.outputs:
        if output not in known or output.producer() is None:
            yield f"output '{output.name}'"


def _static_shapes(graph: ir.Model) -> Iterator[str]:
    values = [output for node in graph.graph for output in node.outputs]
    for value in (*graph.graph.inputs, *values):
        static = value.shape is not None and value.shape.is_static()
        if not static or len(shape_of(value)) not in (2, 4) or shape_of(value)[0] != 1:
            yield f"value '{value.name}' {value.shape}"


def _types(graph: ir.Model) -> Iterator[str]:
    for value in graph.graph.inputs:
        if value.dtype not in (ir.DataType.FLOAT, ir.DataType.UINT8):
            yield f"input '{value.name}' is {value.dtype}"
    for node in graph.graph:
        expected = ir.DataType.UINT8 if is_integer(node) else ir.DataType.FLOAT
        if node.outputs[0].dtype != expected:
            yield f"value '{node.outputs[0].name}' is {node.outputs[0].dtype}"
        kinds = _INTEGERS if is_integer(node) else (ir.DataType.FLOAT,) * 2
        for value, kind in zip(parameters_of(node), kinds, strict=False):
            if value.dtype != kind:
                yield f"value '{value.name}' is {value.dtype}"


def _scales(graph: ir.Model) -> Iterator[str]:
    """An activation has one scale and zero point, wherever it is written or read."""
    known: dict[ir.Value, Quantization] = {}
    for node in graph.graph:
        read = len(node.attributes.get_floats("x_scales", ()))
        for index, value in enumerate(activations_of(node)[:read]):
            if known.setdefault(value, input_quantization(node, index)) != input_quantization(node, index):
                yield f"value '{value.name}' has two scales"
        if is_integer(node):
            known[node.outputs[0]] = output_quantization(node)


def _input_order(graph: ir.Model) -> Iterator[str]:
    for node in graph.graph:
        constants = [is_constant(value) for value in node.inputs]
        if constants != sorted(constants):
            yield f"node '{node.name}' has parameters before activations"


def _arity(graph: ir.Model) -> Iterator[str]:
    for node in graph.graph:
        expected = ARITY.get(node.op_type, (1, 0))
        if is_integer(node) and expected[1]:
            expected = (expected[0], len(_INTEGERS))
        found = (len(activations_of(node)), len(parameters_of(node)))
        if found != expected:
            yield f"node '{node.name}' ({node.op_type}) has {found} activations and parameters, not {expected}"


def _shape_rules(graph: ir.Model) -> Iterator[str]:
    for node in graph.graph:
        try:
            shape = REGISTRY[node.op_type].shape(node)
        except ValueError as error:
            yield str(error)
            continue
        if tuple(shape) != shape_of(node.outputs[0]):
            yield f"node '{node.name}' ({node.op_type}) gives {tuple(shape)}, stated is {shape_of(node.outputs[0])}"


_INTEGERS = (ir.DataType.INT8, ir.DataType.INT32, ir.DataType.FLOAT)
"""Types of weight, bias and scales of a node of 8 bits."""

ARITY = {
    "Add": (2, 0),
    "Concat": (2, 0),
    "Multiply": (2, 0),
    "Convolution": (1, 2),
    "Depthwise": (1, 2),
    "Pointwise": (1, 2),
    "FullyConnected": (1, 2),
}
"""Operator -> number of (activations, parameters); one activation where nothing is said."""

CHECKS: tuple[tuple[str, Check], ...] = (
    ("each node is a registered operator of the normal form", _registered),
    ("each node has one output", _one_output),
    ("node names are unique", _node_names),
    ("value names are unique", _value_names),
    ("nodes stand after what they read", _topological),
    ("shapes are static, [1, C, H, W] or [1, C]", _static_shapes),
    ("values are float32, the input float32 or uint8, those of 8 bits uint8", _types),
    ("an activation of 8 bits has one scale", _scales),
    ("activations come before parameters", _input_order),
    ("operators have their number of inputs", _arity),
    ("shapes are what the operators' rules say", _shape_rules),
)
"""What is checked -> the check; it yields where the Graph fails."""
