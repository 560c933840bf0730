"""An activation function becomes the epilogue of the operator before it: Activation(Conv(x)) -> Conv(x; activation)."""

import onnx_ir as ir

from depthwise.graph.passes.base import nodes_of, replace, sole_consumer
from depthwise.ops.base import DOMAIN

FUSABLE = ("Add", "Convolution", "Depthwise", "FullyConnected", "Multiply", "Pointwise")
"""Operators of the normal form with an epilogue."""


def fuse_activation(model: ir.Model) -> bool:
    """Fuses every Activation that is the only reader of an operator whose epilogue is still free."""
    changed = False
    for node in nodes_of(model, "Activation", domain=DOMAIN):
        source = node.inputs[0]
        target = None if source is None else source.producer()
        if source is None or target is None or target.domain != DOMAIN or target.op_type not in FUSABLE:
            continue
        if sole_consumer(source) is not node or target.attributes.get_string("activation", "none") != "none":
            continue
        for attribute in node.attributes.values():
            target.attributes[attribute.name] = attribute
        replace(node.outputs[0], source)
        changed = True
    return changed


def is_fused(node: ir.Node) -> bool:
    """Whether a node carries an activation function in its epilogue."""
    return node.op_type in FUSABLE and node.attributes.get_string("activation", "none") != "none"
