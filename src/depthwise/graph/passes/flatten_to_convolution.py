"""A fully connected layer on a flattened map is a convolution as large as the map.

    Gemm(Flatten(x [1, C, H, W]), W [O, C H W]) = Flatten(Conv(x, W as [O, C, H, W]))
    f(Flatten(x)) = Flatten(f(x)) for an activation function f, which then fuses into what computes x

ONNX flattens in the order C, H, W; compiled maps lie in the order H, W, C. After this rule no order is left to mind.
"""

import onnx_ir as ir

from depthwise.graph.passes.base import (
    carried,
    constant,
    new_node,
    nodes_of,
    parameter,
    refuse,
    replace,
    shape_at,
    sole_consumer,
)
from depthwise.ops.base import DOMAIN


def flatten_to_convolution(model: ir.Model) -> bool:
    """Moves Flatten behind activation functions and behind the fully connected layers that read more than 1 x 1.

    Raises:
        UserError: a larger map is flattened for anything else.
    """
    changed = False
    pending = nodes_of(model, "Flatten")
    while pending:
        node = pending.pop()
        follower = sole_consumer(node.outputs[0])
        if follower is not None and follower.domain == DOMAIN and follower.op_type == "Activation":
            pending.append(_swap(node, follower))
            changed = True
        elif shape_at(node)[2:] != (1, 1):
            consumers = [use.node for use in node.outputs[0].uses()]
            if node.outputs[0].is_graph_output() or not all(_is_linear(consumer) for consumer in consumers):
                raise refuse(node, "flattens a map that no fully connected layer reads, which is not supported")
            pending += [_convolution(model, node, consumer) for consumer in consumers]
            changed = True
    return changed


def _swap(flatten: ir.Node, activation: ir.Node) -> ir.Node:
    attributes = {key: attribute.value for key, attribute in activation.attributes.items()}
    inner = new_node(activation, "Activation", [flatten.inputs[0]], shape_at(flatten), attributes, DOMAIN)
    view = new_node(activation, "Flatten", [inner.outputs[0]], shape_at(activation), {"axis": 1})
    view.name = flatten.name
    replace(activation.outputs[0], view.outputs[0])
    return view


def _convolution(model: ir.Model, flatten: ir.Node, gemm: ir.Node) -> ir.Node:
    weight = constant(gemm, 1)
    assert weight is not None
    shape = shape_at(flatten)
    kernel = parameter(model, f"{gemm.name}.weight", weight.reshape(len(weight), *shape[1:]))
    output = (1, len(weight), 1, 1)
    conv = new_node(
        gemm,
        "Conv",
        [flatten.inputs[0], kernel, *gemm.inputs[2:]],
        output,
        {"kernel_shape": list(shape[2:]), **carried(gemm)},
    )
    view = new_node(gemm, "Flatten", [conv.outputs[0]], output[:2], {"axis": 1})
    view.metadata_props.clear()
    view.name = f"{gemm.name}.flatten"
    replace(gemm.outputs[0], view.outputs[0])
    return view


def _is_linear(node: ir.Node) -> bool:
    return node.op_type == "Gemm" and not node.domain
