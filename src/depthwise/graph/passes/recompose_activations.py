"""Every spelling of an activation function becomes one node `Activation` of the normal form.

    Relu(x) = Clip(x, 0, inf);  Max(x, a) = Clip(x, a, inf);  Min(x, b) = Clip(x, -inf, b)
    Clip(Clip(x, a, b), c, d) = Clip(x, clip(a, c, d), clip(b, c, d))
    Clip(x + 3, 0, 6) = 6 hard_sigmoid(x);   c * (f * hard_sigmoid(x)) = (c f) * hard_sigmoid(x)
    x * hard_sigmoid(x) = hard_swish(x);     x * sigmoid(x) = silu(x)

Hard-swish is spelled in many ways (Howard et al. 2019, eq. 1: x * relu6(x + 3) / 6, the division before or after the
product), so a gate is recognised together with the constant factor in front of it, and a node is replaced when the
factor is 1. Nodes inside that nobody else reads are removed.
"""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from depthwise.graph.passes.base import activation_node, constant, has_input, nodes_of, refuse, replace
from depthwise.graph.passes.remove_dead import remove_dead
from depthwise.ops.base import DOMAIN, is_constant

SPELLINGS = ("Relu", "Clip", "Max", "Min", "Sigmoid", "HardSigmoid", "HardSwish", "Swish", "Mul", "Div")
"""Operators at whose output an activation function may end."""


@dataclass(frozen=True)
class Gated:
    """A value that equals factor * function(source)."""

    function: str
    source: ir.Value
    factor: float


@dataclass(frozen=True)
class Clipped:
    """A value that equals clip(source, minimum, maximum)."""

    source: ir.Value
    minimum: float
    maximum: float


CLIPS = ("Relu", "Clip", "Max", "Min")
"""Operators that clip, if their bounds are scalar constants."""

_SWISHES = {"hard_sigmoid": "hard_swish", "sigmoid": "silu"}


def recompose_activations(model: ir.Model) -> bool:
    """Replaces activation functions by `Activation` nodes.

    Raises:
        UserError: bounds that are no scalar constants; a HardSigmoid other than clip(x / 6 + 1/2, 0, 1).
    """
    changed = False
    # Products first: a Clip(x + 3, 0, 6) inside a hard-swish is no activation of its own.
    for kinds in (("Mul", "Div", "Swish", "HardSwish"), ("Relu", "Clip", "Max", "Min", "Sigmoid", "HardSigmoid")):
        for node in nodes_of(model, *kinds):
            activation = _activation(node)
            if activation is not None:
                replace(node.outputs[0], activation.outputs[0])
                changed = True
        remove_dead(model)
    return changed


def _activation(node: ir.Node) -> ir.Node | None:
    found = gated(node.outputs[0])
    if found is not None and np.isclose(found.factor, 1, rtol=1e-6):
        return activation_node(node, found.source, found.function)
    if node.op_type in CLIPS:
        clipped = clip_of(node)
        if clipped is None:
            raise refuse(
                node, "has bounds that are no scalar constants, and is supported only as an activation function"
            )
        return _clip(node, clipped)
    if node.op_type in ("HardSigmoid", "Swish"):
        raise refuse(node, f"has alpha {_alpha(node):g}: only clip(x / 6 + 1/2, 0, 1) and x * sigmoid(x) are supported")
    return None


def gated(value: ir.Value | None) -> Gated | None:
    """`value` as factor * function(source), if it is one."""
    node = None if value is None else value.producer()
    if node is None or not node.inputs or node.inputs[0] is None or node.domain not in ("", DOMAIN):
        return None
    if node.domain == DOMAIN and node.op_type == "Activation":
        name = node.attributes.get_string("activation")
        return Gated(name, node.inputs[0], 1.0) if name in _SWISHES else None
    match node.op_type:
        case "Sigmoid":
            return Gated("sigmoid", node.inputs[0], 1.0)
        case "HardSwish":
            return Gated("hard_swish", node.inputs[0], 1.0)
        case "Swish" if node.attributes.get_float("alpha", 1.0) == 1:
            return Gated("silu", node.inputs[0], 1.0)
        case "HardSigmoid":
            usual = np.isclose(_alpha(node), 1 / 6) and np.isclose(node.attributes.get_float("beta", 0.5), 0.5)
            return Gated("hard_sigmoid", node.inputs[0], 1.0) if usual else None
        case "Clip":
            return _shifted_clip(node)
        case "Mul":
            return _product(node)
        case "Div":
            inner, divisor = gated(node.inputs[0]), _scalar(node, 1)
            return Gated(inner.function, inner.source, inner.factor / divisor) if inner and divisor else None
    return None


def _product(node: ir.Node) -> Gated | None:
    for first in (0, 1):
        x, inner = node.inputs[first], gated(node.inputs[1 - first])
        if x is None or inner is None:
            continue
        factor = _scalar(node, first)
        if factor is not None:
            return Gated(inner.function, inner.source, inner.factor * factor)
        if x is inner.source and inner.function in _SWISHES:
            return Gated(_SWISHES[inner.function], x, inner.factor)
    return None


def _shifted_clip(node: ir.Node) -> Gated | None:
    """Clip(x + 3, 0, 6) = 6 * hard_sigmoid(x)."""
    if not _has_constant_bounds(node) or (_bound(node, 1, "min", -np.inf), _bound(node, 2, "max", np.inf)) != (0, 6):
        return None
    inner = node.inputs[0]
    add = None if inner is None else inner.producer()
    if add is None or add.op_type != "Add" or add.domain:
        return None
    for first in (0, 1):
        x = add.inputs[first]
        if x is not None and _scalar(add, 1 - first) == 3:
            return Gated("hard_sigmoid", x, 6.0)
    return None


def clip_of(node: ir.Node) -> Clipped | None:
    """What a node of CLIPS computes; None: its bounds are no scalar constants."""
    if node.op_type not in CLIPS or node.domain:
        return None
    if node.op_type in ("Max", "Min"):
        first = 1 if is_constant(node.inputs[0]) else 0
        source, bound = node.inputs[first], _scalar(node, 1 - first)
        if len(node.inputs) != 2 or source is None or bound is None:
            return None
        return Clipped(source, bound, np.inf) if node.op_type == "Max" else Clipped(source, -np.inf, bound)
    source = node.inputs[0]
    if source is None or not _has_constant_bounds(node):
        return None
    if node.op_type == "Relu":
        return Clipped(source, 0.0, np.inf)
    return Clipped(source, _bound(node, 1, "min", -np.inf), _bound(node, 2, "max", np.inf))


def _clip(node: ir.Node, clipped: Clipped) -> ir.Node:
    minimum, maximum = clipped.minimum, clipped.maximum
    if not minimum <= maximum:
        raise refuse(node, f"has the bounds {minimum:g} and {maximum:g}")
    x: ir.Value | None = clipped.source
    inner, bounds = clipped.source.producer(), np.array([-np.inf, np.inf])
    if inner is not None and inner.domain == DOMAIN and inner.attributes.get_string("activation", "") == "clip":
        x, bounds = inner.inputs[0], np.array([inner.attributes.get_float(key) for key in ("minimum", "maximum")])
    assert x is not None
    low, high = np.clip(bounds, minimum, maximum)
    return activation_node(node, x, "clip", (low, high))


def _has_constant_bounds(node: ir.Node) -> bool:
    return all(not has_input(node, index) or _scalar(node, index) is not None for index in (1, 2))


def _bound(node: ir.Node, index: int, name: str, default: float) -> float:
    """A bound of Clip that is a scalar constant: an input since opset 11, an attribute before."""
    if not has_input(node, index):
        return node.attributes.get_float(name, default)
    bound = _scalar(node, index)
    assert bound is not None
    return bound


def _scalar(node: ir.Node, index: int) -> float | None:
    array = constant(node, index)
    return float(array.item()) if array is not None and array.size == 1 else None


def _alpha(node: ir.Node) -> float:
    return node.attributes.get_float("alpha", 0.2)
