"""A BatchNorm that no convolution can take is a 1 x 1 depthwise convolution itself: BN(x)_c = a_c x_c + b_c.

A vector that was a map of 1 x 1 is treated as that map: BN(Flatten(x)) = Flatten(BN(x)).
"""

import onnx_ir as ir

from depthwise.graph.passes.base import new_node, nodes_of, parameter, refuse, replace, shape_at
from depthwise.graph.passes.fold_batchnorm import affine_of


def batchnorm_to_depthwise(model: ir.Model) -> bool:
    """Replaces every BatchNormalization that is left; one that changes nothing is skipped.

    Raises:
        UserError: it works on a vector that was no map of 1 x 1.
    """
    changed = False
    for node in nodes_of(model, "BatchNormalization"):
        factor, summand = affine_of(node)
        source = node.inputs[0]
        assert source is not None
        if (factor == 1).all() and not summand.any():
            replace(node.outputs[0], source)
            changed = True
            continue
        shape = shape_at(node)
        view = source.producer()
        is_vector = len(shape) == 2
        if is_vector:
            if view is None or view.op_type != "Flatten" or shape_at(view)[2:] != (1, 1):
                raise refuse(node, "works on a vector and neither follows nor precedes a fully connected layer")
            source = view.inputs[0]
            shape = shape_at(view)
        weight = parameter(model, f"{node.name}.weight", factor.reshape(-1, 1, 1, 1))
        bias = parameter(model, f"{node.name}.bias", summand)
        attributes = {"kernel_shape": [1, 1], "group": shape[1]}
        result = new_node(node, "Conv", [source, weight, bias], shape, attributes)
        if is_vector:
            result = _flatten(node, result)
        replace(node.outputs[0], result.outputs[0])
        changed = True
    return changed


def _flatten(before: ir.Node, node: ir.Node) -> ir.Node:
    flatten = new_node(before, "Flatten", [node.outputs[0]], (1, before.outputs[0].shape[1]), {"axis": 1})  # type: ignore[index,arg-type]
    flatten.metadata_props.clear()
    return flatten
