"""Operators that do nothing at inference are skipped: Identity(x), Dropout(x), Reshape(x) to the same shape -> x."""

import onnx_ir as ir

from depthwise.graph.passes.base import constant, nodes_of, refuse, replace, static_shape

_VIEWS = ("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand")


def remove_identities(model: ir.Model) -> bool:
    """Skips Identity, inference Dropout, Cast to the same type, and views and transposes that change nothing.

    Raises:
        UserError: a Dropout in training mode or whose mask is read, a Cast to another type, axes that are reordered,
            values that are repeated.
    """
    changed = False
    for node in nodes_of(model, "Identity", "Dropout", "Cast", "Transpose", *_VIEWS):
        source = node.inputs[0]
        if source is not None and _is_identity(node, source):
            replace(node.outputs[0], source)
            changed = True
    return changed


def _is_identity(node: ir.Node, source: ir.Value) -> bool:
    match node.op_type:
        case "Identity":
            return True
        case "Dropout":
            return _is_inactive(node)
        case "Cast":
            target = ir.DataType(node.attributes.get_int("to"))
            if target != source.dtype:
                raise refuse(node, f"converts {source.dtype} to {target}: export the network in float32")
            return True
        case "Transpose":
            order = node.attributes.get_ints("perm", (-1,))
            if list(order) != sorted(order) or order[0] < 0:
                raise refuse(
                    node,
                    f"reorders axes by {list(order)}: export the network with maps [N, C, H, W] throughout, "
                    "or take out what is undone later by `depthwise lint --fix`",
                )
            return True
    same = static_shape(source) == static_shape(node.outputs[0])
    if node.op_type == "Expand" and not same:
        raise refuse(node, f"repeats values to {list(static_shape(node.outputs[0]) or ())}, which is not supported")
    return same


def _is_inactive(node: ir.Node) -> bool:
    training = constant(node, 2)
    if training is not None and training.any():
        raise refuse(node, "is in training mode: call model.eval() before exporting")
    if any(output.uses() for output in node.outputs[1:]):
        raise refuse(node, "has a mask that other nodes read: call model.eval() before exporting")
    return True
