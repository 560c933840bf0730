"""One spelling for what turns a map into a vector.

ReduceMean over height and width -> GlobalAveragePool (and Flatten if it drops those axes); two in a row count as one
AveragePool, MaxPool, GlobalMaxPool over the whole map -> GlobalAveragePool, or MaxPool with the map as its window
Reshape, Squeeze to [1, C H W] -> Flatten;  Reshape, Unsqueeze of a vector to [1, C, 1, 1] stay
"""

import math

import onnx_ir as ir

from depthwise.graph.passes.base import (
    constant,
    new_node,
    nodes_of,
    refuse,
    replace,
    shape_at,
    sole_consumer,
    static_shape,
)
from depthwise.ops.base import Shape

_VIEWS = ("Reshape", "Squeeze", "Unsqueeze", "Flatten")


def canonical_views(model: ir.Model) -> bool:
    """Leaves GlobalAveragePool, AveragePool, MaxPool, Flatten to a vector, and views of a vector as [1, C, 1, 1].

    Raises:
        UserError: a mean or a view of another kind.
    """
    changed = False
    for node in nodes_of(model, "ReduceMean", "AveragePool", "GlobalMaxPool", *_VIEWS):
        if node.graph is None:  # already merged into another
            continue
        rule = {"ReduceMean": _mean, "AveragePool": _average, "GlobalMaxPool": _global_max}.get(node.op_type, _view)
        changed |= rule(node)
    return changed


def _mean(node: ir.Node) -> bool:
    first, axes = node, _axes(node)
    keep = node.attributes.get_int("keepdims", 1)
    source = node.inputs[0]
    follower = sole_consumer(node.outputs[0])
    if axes == {3} and follower is not None and _is_mean_over(follower, {2}, keep):
        axes, node = {2, 3}, follower
    if source is None or len(shape_at(first)) != 4 or axes != {2, 3}:
        raise refuse(first, f"averages over axes {sorted(axes)}: only height and width together are supported")
    pool = new_node(node, "GlobalAveragePool", [source], (*shape_at(first)[:2], 1, 1))
    result = pool
    if not keep:
        result = new_node(node, "Flatten", [pool.outputs[0]], shape_at(first)[:2], {"axis": 1})
    replace(node.outputs[0], result.outputs[0])
    if first is not node and first.graph is not None:
        first.graph.remove(first, safe=True)
    return True


def _axes(node: ir.Node) -> set[int]:
    given = constant(node, 1)
    axes = node.attributes.get_ints("axes", ()) if given is None else given.reshape(-1).tolist()
    rank = len(shape_at(node))
    return {int(axis) % rank for axis in axes} if axes else set(range(rank))


def _is_mean_over(node: ir.Node, axes: set[int], keep: int) -> bool:
    return node.op_type == "ReduceMean" and _axes(node) == axes and node.attributes.get_int("keepdims", 1) == keep


def _average(node: ir.Node) -> bool:
    shape = shape_at(node)
    whole = tuple(node.attributes.get_ints("kernel_shape")) == shape[2:]
    if not whole or any(node.attributes.get_ints("pads", (0,))):
        return False
    replace(node.outputs[0], new_node(node, "GlobalAveragePool", [node.inputs[0]], (*shape[:2], 1, 1)).outputs[0])
    return True


def _global_max(node: ir.Node) -> bool:
    shape = shape_at(node)
    pool = new_node(node, "MaxPool", [node.inputs[0]], (*shape[:2], 1, 1), {"kernel_shape": list(shape[2:])})
    replace(node.outputs[0], pool.outputs[0])
    return True


def _view(node: ir.Node) -> bool:
    source, target = shape_at(node), static_shape(node.outputs[0])
    if target is None:
        raise refuse(node, "has no static shape")
    if node.op_type == "Flatten" and _is_vector(target):
        return False
    if len(source) == 4 and _is_vector(target) and math.prod(source) == target[1]:
        view = new_node(node, "Flatten", [node.inputs[0]], target, {"axis": 1})
    elif len(source) == 2 and target == (*source, 1, 1):
        return False
    else:
        raise refuse(
            node,
            f"makes {list(target)} of {list(source)}: only maps to vectors and vectors to 1 x 1 maps are supported",
        )
    replace(node.outputs[0], view.outputs[0])
    return True


def _is_vector(shape: Shape) -> bool:
    return len(shape) == 2 and shape[0] == 1
