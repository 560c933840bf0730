"""Padding stands as four numbers (top, left, bottom, right) at the window that it belongs to, and nowhere else.

auto_pad SAME_UPPER: total = max((ceil(H / s) - 1) s + d (k - 1) + 1 - H, 0), the odd one below and right;
auto_pad SAME_LOWER: the odd one above and left;  VALID: none
Conv(Pad(x, p), q) = Conv(x, p + q), for zeros around height and width
AveragePool(Pad(x, p)) = AveragePool(x, p) counting the padding
MaxPool(Pad(x, p)) = MaxPool(x, p) if nothing in x is below 0, or the border is -inf
ceil_mode: pads below / right grow until the windows come out even
"""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from depthwise.graph.passes.base import constant, has_input, nodes_of, refuse, replace, shape_at, static_shape
from depthwise.ops.base import DOMAIN

_WINDOWS = ("Conv", "MaxPool", "AveragePool")


def explicit_padding(model: ir.Model) -> bool:
    """Resolves auto_pad and ceil_mode and folds Pad nodes into the Conv or pooling after them.

    Raises:
        UserError: a node that is not two-dimensional, or whose window is malformed or larger than the padded map;
            padding that is no border of zeros before a window.
    """
    changed = False
    for node in nodes_of(model, *_WINDOWS):
        if len(shape_at(node)) != 4:
            raise refuse(node, "is not two-dimensional: its input must be [N, C, H, W]")
        _check_window(node)
        changed |= _resolve_auto_pad(node)
        changed |= _resolve_ceil_mode(node)
        _check_fit(node)
    for node in nodes_of(model, "Pad"):
        changed |= _fold_pad(node)
    return changed


def _check_window(node: ir.Node) -> None:
    for name, count, least in (("kernel_shape", 2, 1), ("strides", 2, 1), ("dilations", 2, 1), ("pads", 4, 0)):
        values = node.attributes.get_ints(name, (least,) * count)
        if len(values) != count or min(values) < least:
            raise refuse(node, f"has {name} {list(values)}: {count} numbers of at least {least} are supported")


def _check_fit(node: ir.Node) -> None:
    """The window is that of the weight, if there is one, and no larger than the padded map."""
    kernel = tuple(node.attributes.get_ints("kernel_shape", ()))
    weight = shape_at(node, 1)[2:] if node.op_type == "Conv" else kernel
    if kernel and kernel != weight:
        raise refuse(node, f"has kernel_shape {list(kernel)} and a weight of {list(weight)}")
    pads = _pads(node)
    for axis, size in enumerate(shape_at(node)[2:]):
        padded, reach = size + pads[axis] + pads[axis + 2], _reach(node, axis)
        if reach > padded:
            raise refuse(
                node, f"has a window of {reach} on {padded} padded pixels (axis {axis + 2}), which gives nothing"
            )


def _resolve_auto_pad(node: ir.Node) -> bool:
    mode = node.attributes.get_string("auto_pad", "NOTSET")
    node.attributes.pop("auto_pad", None)
    if mode == "NOTSET":
        return False
    pads = [0, 0, 0, 0]
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        for axis, size in enumerate(shape_at(node)[2:]):
            stride, reach = _strides(node)[axis], _reach(node, axis)
            total = max((-(-size // stride) - 1) * stride + reach - size, 0)
            small, large = total // 2, total - total // 2
            pads[axis], pads[axis + 2] = (small, large) if mode == "SAME_UPPER" else (large, small)
    elif mode != "VALID":
        raise refuse(node, f"has the unknown auto_pad '{mode}'")
    _set_pads(node, pads)
    return True


def _resolve_ceil_mode(node: ir.Node) -> bool:
    if not node.attributes.get_int("ceil_mode", 0):
        return False
    del node.attributes["ceil_mode"]
    pads = list(_pads(node))
    output = static_shape(node.outputs[0])
    assert output is not None
    for axis, size in enumerate(shape_at(node)[2:]):
        padded = size + pads[axis] + pads[axis + 2]
        pads[axis + 2] += max((output[axis + 2] - 1) * _strides(node)[axis] + _reach(node, axis) - padded, 0)
    if tuple(pads) != tuple(_pads(node)) and node.attributes.get_int("count_include_pad", 0) == 1:
        raise refuse(node, "has ceil_mode and count_include_pad together, which is not supported")
    _set_pads(node, pads)
    return True


def _fold_pad(node: ir.Node) -> bool:
    pads = _border(node)
    if not any(pads):
        source = node.inputs[0]
        assert source is not None
        replace(node.outputs[0], source)
        return True
    consumers = [use.node for use in node.outputs[0].uses()]
    if node.outputs[0].is_graph_output() or not all(_accepts(node, consumer) for consumer in consumers):
        raise refuse(node, "is supported only as a border of zeros before a convolution or pooling")
    for consumer in consumers:
        _set_pads(consumer, [own + more for own, more in zip(_pads(consumer), pads, strict=True)])
        if consumer.op_type == "AveragePool":
            consumer.attributes["count_include_pad"] = ir.AttrInt64("count_include_pad", 1)
        consumer.replace_input_with(0, node.inputs[0])
    return True


def _border(node: ir.Node) -> list[int]:
    """(top, left, bottom, right) of a Pad node of zeros (or, before a MaxPool, of -inf)."""
    amounts, rank = constant(node, 1), len(shape_at(node))
    axes = constant(node, 3)
    if (
        node.attributes.get_string("mode", "constant") != "constant"
        or amounts is None
        or (has_input(node, 3) and axes is None)
    ):
        raise refuse(node, "is supported only with constant zeros")
    full = np.zeros((2, rank), int)
    full[:, list(range(rank)) if axes is None else [int(axis) % rank for axis in axes]] = amounts.reshape(2, -1)
    if rank != 4 or full[:, :2].any() or (full < 0).any():
        raise refuse(node, f"pads by {amounts.tolist()}: only borders around height and width are supported")
    return [int(amount) for amount in full[:, 2:].reshape(-1)]


def _accepts(pad: ir.Node, consumer: ir.Node) -> bool:
    """Whether the padding may move into a consumer without changing a number."""
    value = constant(pad, 2)
    number = 0.0 if value is None else float(value.item())
    if consumer.domain or consumer.inputs[0] is not pad.outputs[0]:
        return False
    match consumer.op_type:
        case "Conv":
            return number == 0
        case "AveragePool":
            counted = consumer.attributes.get_int("count_include_pad", 0) == 1 or not any(_pads(consumer))
            return number == 0 and counted
        case "MaxPool":
            return number == -np.inf or (number == 0 and _is_not_negative(pad.inputs[0]))
    return False


def _is_not_negative(value: ir.Value | None) -> bool:
    node = None if value is None else value.producer()
    if node is None or node.domain != DOMAIN or node.op_type != "Activation":
        return False
    name = node.attributes.get_string("activation")
    return name in ("sigmoid", "hard_sigmoid") or (name == "clip" and node.attributes.get_float("minimum") >= 0)


def _kernel(node: ir.Node) -> Sequence[int]:
    return node.attributes.get_ints("kernel_shape", ()) or shape_at(node, 1)[2:]


def _strides(node: ir.Node) -> Sequence[int]:
    return node.attributes.get_ints("strides", (1, 1))


def _pads(node: ir.Node) -> Sequence[int]:
    return node.attributes.get_ints("pads", (0, 0, 0, 0))


def _set_pads(node: ir.Node, pads: Sequence[int]) -> None:
    node.attributes["pads"] = ir.AttrInt64s("pads", list(pads))


def _reach(node: ir.Node, axis: int) -> int:
    return (_kernel(node)[axis] - 1) * node.attributes.get_ints("dilations", (1, 1))[axis] + 1
