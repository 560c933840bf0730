"""Activation functions that are written as more operators than they need.

    Add, Clip, Mul, Div of a hard-swish -> HardSwish (opset 14), else HardSigmoid and Mul
    Add, Clip, Div of a hard-sigmoid    -> HardSigmoid
    Relu and Min, Max and Min           -> Clip

What an operator computes, the pass `recompose_activations` knows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from depthwise.graph.passes.base import new_node, parameter, replace, sole_consumer, static_shape
from depthwise.graph.passes.recompose_activations import clip_of, gated

_FEWEST = {"sigmoid": 1, "hard_sigmoid": 1, "hard_swish": 1, "silu": 2}
"""Operators that a function takes at least."""

HARD_SWISH_SINCE = 14
"""ONNX operator set that has HardSwish."""


@dataclass(frozen=True)
class Spelled:
    """A function that is written as several operators.

    Attributes:
        function: its name; "clip" has bounds. source: what it is applied to.
        nodes: that compute it, the last one last. fewest: operators that it takes.
    """

    function: str
    source: ir.Value
    nodes: Sequence[ir.Node]
    fewest: int
    bounds: tuple[float, float] = (-np.inf, np.inf)


def spelled_out(model: ir.Model) -> list[Spelled]:
    """Every function of more operators than it takes, which nothing else reads from inside, in order."""
    opset = model.graph.opset_imports.get("", 0)
    found: list[Spelled] = []
    for node in model.graph:
        spelled = _gate(node, opset) or _chain(node)
        output = node.outputs[0]
        if spelled is None or static_shape(output) is None or output.dtype != ir.DataType.FLOAT:
            continue
        inside = set(spelled.nodes)
        found = [other for other in found if not inside.issuperset(other.nodes)]  # the longest of a chain stays
        found.append(spelled)
    return found


def write_functions(model: ir.Model) -> bool:
    """Writes each function that is spelled out as the operators that it takes."""
    found = spelled_out(model)
    for spelled in found:
        _write(model, spelled)
    return bool(found)


def _gate(node: ir.Node, opset: int) -> Spelled | None:
    if node.domain or node.op_type not in ("Mul", "Div"):
        return None
    inner = gated(node.outputs[0])
    if inner is None or not np.isclose(inner.factor, 1, rtol=1e-6):
        return None
    fewest = _FEWEST[inner.function] + (inner.function == "hard_swish" and opset < HARD_SWISH_SINCE)
    nodes = _between(node, inner.source)
    return Spelled(inner.function, inner.source, nodes, fewest) if len(nodes) > fewest and _closed(nodes) else None


def _chain(node: ir.Node) -> Spelled | None:
    """Clips of clips."""
    clipped = clip_of(node)
    if clipped is None:
        return None
    nodes, source, bounds = [node], clipped.source, np.array([-np.inf, np.inf])
    while (maker := source.producer()) is not None and sole_consumer(source) and (inner := clip_of(maker)):
        nodes.insert(0, maker)
        source = inner.source
    if len(nodes) == 1:
        return None
    for each in nodes:
        one = clip_of(each)
        assert one is not None
        if one.minimum > one.maximum:
            return None
        bounds = np.clip(bounds, one.minimum, one.maximum)
    return Spelled("clip", source, nodes, 1, (float(bounds[0]), float(bounds[1])))


def _between(last: ir.Node, source: ir.Value) -> list[ir.Node]:
    """The nodes that compute an output from a value, in order."""
    nodes: list[ir.Node] = []
    waiting: list[ir.Value | None] = [last.outputs[0]]
    while waiting:
        value = waiting.pop()
        maker = None if value is None or value is source else value.producer()
        if maker is not None and maker not in nodes:
            nodes.insert(0, maker)
            waiting += maker.inputs
    return nodes


def _closed(nodes: Sequence[ir.Node]) -> bool:
    """Whether nothing else reads what is inside."""
    return all(
        use.node in nodes and not output.is_graph_output()
        for node in nodes[:-1]
        for output in node.outputs
        for use in output.uses()
    )


def _write(model: ir.Model, spelled: Spelled) -> None:
    last, shape = spelled.nodes[-1], static_shape(spelled.nodes[-1].outputs[0])
    assert shape is not None
    sigmoid = {"alpha": 1 / 6, "beta": 0.5}
    match spelled.function:
        case "clip":
            low, high = spelled.bounds
            if (low, high) == (0, np.inf):
                node = new_node(last, "Relu", [spelled.source], shape)
            else:
                ends = [
                    None if np.isinf(end) else parameter(model, f"{last.name}.{name}", np.asarray(end, np.float32))
                    for name, end in (("min", low), ("max", high))
                ]
                node = new_node(last, "Clip", [spelled.source, *ends], shape)
        case "hard_swish" if spelled.fewest == 1:
            node = new_node(last, "HardSwish", [spelled.source], shape)
        case "sigmoid":
            node = new_node(last, "Sigmoid", [spelled.source], shape)
        case function:
            gate = ("HardSigmoid", sigmoid) if function.startswith("hard") else ("Sigmoid", {})
            node = new_node(last, gate[0], [spelled.source], shape, gate[1])
            if spelled.fewest == 2:
                node.name = f"{last.name}.gate"
                node = new_node(last, "Mul", [spelled.source, node.outputs[0]], shape)
    replace(last.outputs[0], node.outputs[0])
