"""Squeeze-excite that was written with vectors is written with 1 x 1 maps (Hu et al. 2018).

Reshape(f(Gemm(Flatten(x)))) to [1, C, 1, 1] = f(Conv 1x1 (x))   for x [1, I, 1, 1] and activation functions f
"""

import onnx_ir as ir

from depthwise.graph.passes.base import carried, constant, new_node, nodes_of, parameter, refuse, replace, shape_at
from depthwise.ops.base import DOMAIN


def vectors_to_maps(model: ir.Model) -> bool:
    """Removes every view of a vector as [1, C, 1, 1] by redoing what computed the vector on maps.

    Raises:
        UserError: the vector comes from something else than fully connected layers and activations on a 1 x 1 map.
    """
    changed = False
    for node in nodes_of(model, "Reshape", "Unsqueeze"):
        source = _as_map(model, node.inputs[0])
        if source is None:
            raise refuse(node, "makes a map of a vector that was not computed from a 1 x 1 map")
        replace(node.outputs[0], source)
        changed = True
    return changed


def _as_map(model: ir.Model, value: ir.Value | None) -> ir.Value | None:
    """The map [1, C, 1, 1] of which `value` [1, C] is the flattened form."""
    node = None if value is None else value.producer()
    if node is None:
        return None
    if node.op_type == "Flatten" and not node.domain:
        return node.inputs[0] if shape_at(node)[2:] == (1, 1) else None
    is_activation = node.domain == DOMAIN and node.op_type == "Activation"
    weight = None if is_activation else constant(node, 1)
    if not is_activation and (node.op_type != "Gemm" or node.domain or weight is None):
        return None
    source = _as_map(model, node.inputs[0])
    if source is None:
        return None
    if is_activation:
        attributes = {key: attribute.value for key, attribute in node.attributes.items()}
        return new_node(node, "Activation", [source], (*shape_at(node), 1, 1), attributes, DOMAIN).outputs[0]
    assert weight is not None
    kernel = parameter(model, f"{node.name}.weight", weight.reshape(*weight.shape, 1, 1))
    inputs = [source, kernel, *node.inputs[2:]]
    return new_node(node, "Conv", inputs, (1, len(weight), 1, 1), {"kernel_shape": [1, 1], **carried(node)}).outputs[0]
