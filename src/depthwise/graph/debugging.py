"""More of a network's tensors as its outputs, so that one can see where it goes wrong."""

from collections.abc import Sequence

import onnx_ir as ir

from depthwise.graph.pipeline import normalize
from depthwise.ops import REGISTRY
from depthwise.ops._quantized import output_quantization
from depthwise.ops.base import DOMAIN
from depthwise.registry import choose

ALL = "all"
"""Stands for every layer."""


def with_outputs(graph: ir.Model, layers: Sequence[str], input: str = "auto") -> ir.Model:
    """The normal form of a Graph with more outputs, after its own, under the names of their layers and in their order.

    What is fused is one layer, named after its first part: its tensor is that after the activation function. A layer
    that is an output already stays one.

    Args:
        graph: any Graph.
        layers: names of layers; "all" stands for every one that computes something.
        input: see `normalize`.

    Raises:
        UserError: no such layer, with the nearest name; what `normalize` refuses.
    """
    model = normalize(graph, input)
    nodes = {str(node.name): node for node in model.graph if not REGISTRY[node.op_type].view}
    wanted = {choose("layer", layer, nodes) for layer in layers if layer != ALL or layer in nodes}
    for name, node in nodes.items():
        if name in wanted or ALL in layers:
            output = node.outputs[0] if node.outputs[0].dtype == ir.DataType.FLOAT else _in_floats(node)
            if not output.is_graph_output():
                model.graph.outputs.append(output)
    return model


def _in_floats(node: ir.Node) -> ir.Value:
    """What a node of 8 bits computes, in floats, under its name unless it is an output already."""
    value, scale = node.outputs[0], output_quantization(node)
    readers = (use.node for use in value.uses() if use.node.op_type == "Dequantize")
    reader = next(readers, None)
    if reader is None:
        attributes = {"x_scales": [scale.scale], "x_zeros": [scale.zero]}
        floats = ir.Value(shape=value.shape, type=ir.TensorType(ir.DataType.FLOAT))
        reader = ir.node(
            "Dequantize", [value], attributes, domain=DOMAIN, outputs=[floats], name=f"{node.name}.dequantize"
        )
        assert node.graph is not None
        node.graph.insert_after(node, [reader])
    if not reader.outputs[0].is_graph_output():
        value.name, reader.outputs[0].name = f"{value.name}.bytes", value.name
    return reader.outputs[0]
