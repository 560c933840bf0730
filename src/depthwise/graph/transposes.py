"""Transposes and Casts of an ONNX network that undo each other, or are there twice.

    T_q(T_p(x)) = T_pq(x), and nothing if pq is the identity;   f(T_p(x)) = T_p(f'(x))

f is an operator that works on each number by itself, or whose axes can be renamed (f'): so a Transpose sinks towards
the outputs until it meets its inverse. Networks that were converted from [N, H, W, C] come with one on each side of
every convolution. What is left is accepted only if there are fewer.

    Cast_a(Cast_b(x)) = x for x of type a, if b holds every number of a
"""

from collections.abc import Callable, Mapping

import numpy as np
import onnx_ir as ir

from depthwise.graph.passes.base import constant, has_input, initializer, nodes_of, replace
from depthwise.graph.passes.remove_dead import remove_dead
from depthwise.ops.base import is_constant

ALIKE = frozenset(
    (
        "Abs",
        "Cast",
        "Ceil",
        "Clip",
        "DequantizeLinear",
        "Dropout",
        "Elu",
        "Erf",
        "Exp",
        "Floor",
        "Gelu",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "LeakyRelu",
        "Log",
        "Mish",
        "Neg",
        "QuantizeLinear",
        "Reciprocal",
        "Relu",
        "Round",
        "Selu",
        "Sigmoid",
        "Sign",
        "Softplus",
        "Softsign",
        "Sqrt",
        "Swish",
        "Tanh",
    )
)
"""Operators that work on each number of their first input by itself, if their other inputs are scalars."""

BETWEEN = frozenset(("Add", "Div", "Max", "Mean", "Min", "Mul", "PRelu", "Pow", "Sub", "Sum"))
"""Operators that work on each number of several inputs of one shape, or of shapes that broadcast."""

REDUCING = frozenset(("ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "Squeeze"))
"""Operators that drop axes, or keep them as 1."""

_D = ir.DataType

_HELD: Mapping[ir.DataType, frozenset[ir.DataType]] = {
    _D.FLOAT16: frozenset({_D.FLOAT, _D.DOUBLE}),
    _D.BFLOAT16: frozenset({_D.FLOAT, _D.DOUBLE}),
    _D.FLOAT: frozenset({_D.DOUBLE}),
    _D.INT8: frozenset({_D.INT16, _D.INT32, _D.INT64, _D.FLOAT16, _D.FLOAT, _D.DOUBLE}),
    _D.UINT8: frozenset({_D.INT16, _D.INT32, _D.INT64, _D.FLOAT16, _D.FLOAT, _D.DOUBLE}),
    _D.INT16: frozenset({_D.INT32, _D.INT64, _D.FLOAT, _D.DOUBLE}),
    _D.INT32: frozenset({_D.INT64, _D.DOUBLE}),
    _D.BOOL: frozenset({_D.INT8, _D.UINT8, _D.INT32, _D.INT64, _D.FLOAT16, _D.FLOAT, _D.DOUBLE}),
}
"""Types that hold every number of a type."""


def remove_detours(model: ir.Model) -> bool:
    """Removes Casts that change nothing, Transposes as far as they undo each other, and what is there twice."""
    changed = _remove_casts(model) | _remove_duplicates(model)
    count = len(nodes_of(model, "Transpose"))
    if not count:
        return changed
    trial = model.clone()
    if _sink(trial) >= count:
        return changed
    _sink(model)
    return True


def _remove_casts(model: ir.Model) -> bool:
    changed = False
    for node in nodes_of(model, "Cast"):
        origin = _uncast(node)
        if origin is not None and _skip(node.outputs[0], origin):
            changed = True
    if changed:
        remove_dead(model)
    return changed


def _uncast(node: ir.Node) -> ir.Value | None:
    """The value that a Cast gives back, if it changes nothing, by itself or behind another."""
    source, target = node.inputs[0], ir.DataType(node.attributes.get_int("to"))
    if source is None or source.dtype is None:
        return None
    if source.dtype == target:
        return source
    before = source.producer()
    if before is None or before.op_type != "Cast" or before.domain:
        return None
    first = before.inputs[0]
    held = first is not None and first.dtype == target and source.dtype in _HELD.get(target, ())
    return first if held else None


def _remove_duplicates(model: ir.Model) -> bool:
    """Lets the readers of the same Transpose or Cast of a value read the first one."""
    first: dict[tuple[ir.Value | None, str], ir.Value] = {}
    changed = False
    for node in nodes_of(model, "Transpose", "Cast"):
        what = _order(node) if node.op_type == "Transpose" else ir.DataType(node.attributes.get_int("to"))
        output = first.setdefault((node.inputs[0], str(what)), node.outputs[0])
        if output is not node.outputs[0]:
            changed |= _skip(node.outputs[0], output)
    return changed


def _sink(model: ir.Model) -> int:
    """Lets every Transpose sink as far as it can, and returns how many are left."""
    for _ in range(len(model.graph)):  # once is enough but for Transposes that meet at a join
        moved = False
        for node in list(model.graph):
            if node.graph is not None:
                moved |= _merge(node) if _order(node) is not None else _swap(model, node)
        remove_dead(model)
        if not moved:
            break
    return len(nodes_of(model, "Transpose"))


def _order(node: ir.Node | None) -> list[int] | None:
    """The permutation of a Transpose, output axis i is input axis order[i]; None: another node."""
    if node is None or node.op_type != "Transpose" or node.domain:
        return None
    order = list(node.attributes.get_ints("perm", ()))
    shape = node.outputs[0].shape
    return order or (None if shape is None else list(range(len(shape)))[::-1])


def _merge(node: ir.Node) -> bool:
    """A Transpose of a Transpose is one or none."""
    order, source = _order(node), node.inputs[0]
    assert order is not None and source is not None
    before = source.producer()
    first = _order(before)
    if first is not None and before is not None and before.inputs[0] is not None:
        source, order = before.inputs[0], [first[axis] for axis in order]
    elif order != sorted(order):
        return False
    if order == sorted(order):
        return _skip(node.outputs[0], source)
    node.replace_input_with(0, source)
    node.attributes["perm"] = ir.AttrInt64s("perm", order)
    return True


def _swap(model: ir.Model, node: ir.Node) -> bool:
    """f(T(x)) becomes T(f'(x)) if f can be told so."""
    sources = [value for value in node.inputs if value is not None and not is_constant(value)]
    orders = [_order(value.producer()) for value in sources]
    order = orders[0] if orders else None
    if order is None or any(each != order for each in orders) or node.domain or len(node.outputs) != 1:
        return False
    if node.outputs[0].shape is None:
        return False
    behind = _renamed(model, node, order)
    if behind is None:
        return False
    for place, value in enumerate(node.inputs):
        maker = value.producer() if value in sources and value is not None else None
        if maker is not None:
            node.replace_input_with(place, maker.inputs[0])
    if behind != sorted(behind):
        _transpose_behind(node, behind)
    return True


def _renamed(model: ir.Model, node: ir.Node, order: list[int]) -> list[int] | None:
    """Changes what a node says of axes to those before a Transpose; returns the order behind it, None: it cannot be."""
    if node.op_type in ALIKE:
        scalars = all(value is None or _size(value) == 1 for value in node.inputs[1:])
        return order if scalars else None
    if node.op_type in BETWEEN:
        return order if _constants_turned(model, node, order) else None
    if node.op_type in REDUCING:
        return _reduced(model, node, order)
    rule = _RULES.get(node.op_type)
    return rule(model, node, order) if rule else None


def _constants_turned(model: ir.Model, node: ir.Node, order: list[int]) -> bool:
    """Turns the constants among a node's inputs the other way."""
    constants = {place: constant(node, place) for place in range(len(node.inputs)) if _is_given(node, place)}
    if any(array is None or array.ndim > len(order) for array in constants.values()):
        return False
    inverse = [order.index(axis) for axis in range(len(order))]
    for place, array in constants.items():
        assert array is not None
        if array.size > 1:
            full = array.reshape((1,) * (len(order) - array.ndim) + array.shape)
            node.replace_input_with(place, initializer(model, f"{node.name}.turned", full.transpose(inverse)))
    return True


def _is_given(node: ir.Node, place: int) -> bool:
    return has_input(node, place) and is_constant(node.inputs[place])


def _concat(_: ir.Model, node: ir.Node, order: list[int]) -> list[int] | None:
    if any(is_constant(value) for value in node.inputs):
        return None
    axis = node.attributes.get_int("axis") % len(order)
    node.attributes["axis"] = ir.AttrInt64("axis", order[axis])
    return order


def _softmax(_: ir.Model, node: ir.Node, order: list[int]) -> list[int]:
    axis = node.attributes.get_int("axis", -1) % len(order)
    node.attributes["axis"] = ir.AttrInt64("axis", order[axis])
    return order


def _pad(model: ir.Model, node: ir.Node, order: list[int]) -> list[int] | None:
    amounts = constant(node, 1)
    if amounts is None or has_input(node, 3) or amounts.size != 2 * len(order):
        return None
    turned = np.empty((2, len(order)), amounts.dtype)
    turned[:, order] = amounts.reshape(2, -1)
    node.replace_input_with(1, initializer(model, f"{node.name}.pads", turned.reshape(-1)))
    return order


def _reduced(model: ir.Model, node: ir.Node, order: list[int]) -> list[int] | None:
    """Renames the axes that are dropped or kept as 1; what is left of the order if they are dropped."""
    given = constant(node, 1)
    axes = node.attributes.get_ints("axes", ()) if given is None else given.reshape(-1).tolist()
    if not axes or (has_input(node, 1) and given is None):
        return None
    dropped = {int(axis) % len(order) for axis in axes}
    renamed = sorted(order[axis] for axis in dropped)
    if given is None:
        node.attributes["axes"] = ir.AttrInt64s("axes", renamed)
    else:
        node.replace_input_with(1, initializer(model, f"{node.name}.axes", np.asarray(renamed, np.int64)))
    if node.op_type != "Squeeze" and node.attributes.get_int("keepdims", 1) == 1:
        return order
    left = [order[axis] for axis in range(len(order)) if axis not in dropped]
    return [sorted(left).index(axis) for axis in left]


def _view(_: ir.Model, node: ir.Node, order: list[int]) -> list[int] | None:
    """A view to a batch of vectors does not see axes of 1 that change places; the batch counts as more than 1."""
    source, target = node.inputs[0], node.outputs[0]
    if source is None or source.shape is None or target.shape is None or len(target.shape) != 2:
        return None
    if node.op_type == "Flatten" and node.attributes.get_int("axis", 1) != 1:
        return None
    target_sizes = constant(node, 1) if node.op_type == "Reshape" else None
    if target_sizes is not None and 0 in target_sizes[1:]:  # copied from an axis that moves
        return None
    sizes = list(source.shape)
    moving = [order[axis] for axis in range(len(order)) if axis == 0 or sizes[axis] != 1]
    return [0, 1] if moving == sorted(moving) and order[0] == 0 else None


_RULES: Mapping[str, Callable[[ir.Model, ir.Node, list[int]], list[int] | None]] = {
    "Concat": _concat,
    "Flatten": _view,
    "LogSoftmax": _softmax,
    "Pad": _pad,
    "Reshape": _view,
    "Softmax": _softmax,
}


def _transpose_behind(node: ir.Node, order: list[int]) -> None:
    """Puts a Transpose between a node and all that read it; an output of the network keeps its name."""
    old, graph = node.outputs[0], node.graph
    assert graph is not None and old.shape is not None
    new = ir.Value(shape=ir.Shape(list(old.shape)), type=old.type)
    name = old.name
    old.replace_all_uses_with(new, replace_graph_outputs=True)
    if new.is_graph_output():
        old.name, new.name = f"{name}.turned", name
    sizes: list[int | str | ir.SymbolicDim | None] = [None] * len(order)
    for axis, place in enumerate(order):
        sizes[place] = new.shape[axis]  # type: ignore[index]
    old.shape = ir.Shape(sizes)
    transpose = ir.node("Transpose", [old], {"perm": order}, outputs=[new], name=f"{node.name}.transpose")
    graph.insert_after(node, [transpose])


def _skip(value: ir.Value, source: ir.Value) -> bool:
    """Lets all that read a value read another, unless an output of the network would be no node's own."""
    if value.is_graph_output() and (source.producer() is None or source.is_graph_output()):
        return False
    replace(value, source)
    return True


def _size(value: ir.Value) -> int:
    return value.const_value.size if value.const_value is not None else 0
