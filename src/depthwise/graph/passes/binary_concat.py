"""Channels are put side by side two maps at a time: Concat(a, b, c) = Concat(Concat(a, b), c); Concat(a) = a.

If all of it is quantized, so is what comes between, to the same scale: a byte of it becomes the same byte again.
"""

import onnx_ir as ir

from depthwise.graph.passes.base import new_node, nodes_of, refuse, replace, shape_at


def binary_concat(model: ir.Model) -> bool:
    """Leaves Concat nodes of two inputs along the channels.

    Raises:
        UserError: another axis, or inputs of different sizes.
    """
    changed = False
    for node in nodes_of(model, "Concat"):
        shapes = [shape_at(node, index) for index in range(len(node.inputs))]
        axis = node.attributes.get_int("axis") % len(shapes[0])
        if axis != 1 or any(shape[2:] != shapes[0][2:] for shape in shapes):
            raise refuse(node, f"joins along axis {axis}: channels of maps of one size can be put side by side")
        if len(shapes) == 2:
            continue
        value, channels = node.inputs[0], shapes[0][1]
        assert value is not None
        for index in range(1, len(shapes)):
            channels += shapes[index][1]
            shape = (1, channels, *shapes[0][2:])
            value = new_node(node, "Concat", [value, node.inputs[index]], shape, {"axis": 1}).outputs[0]
            if index < len(shapes) - 1:
                value = _requantized(node, value)
        replace(node.outputs[0], value)
        changed = True
    return changed


def _requantized(node: ir.Node, value: ir.Value) -> ir.Value:
    """A part of what `node` computes, quantized as all of it is."""
    readers = [use.node for use in node.outputs[0].uses()]
    if len(readers) != 1 or readers[0].op_type != "QuantizeLinear":
        return value
    assert value.shape is not None
    scales, shape = readers[0].inputs[1:], value.shape.numpy()
    quantized = new_node(node, "QuantizeLinear", [value, *scales], shape)
    quantized.outputs[0].type = readers[0].outputs[0].type
    return new_node(node, "DequantizeLinear", [quantized.outputs[0], *scales], shape).outputs[0]
