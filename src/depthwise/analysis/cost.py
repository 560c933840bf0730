"""Exact counts of a network: parameters, multiply-accumulates and bytes, per operator of the normal form.

The convention, which is that of the papers (Howard et al. 2017, Sandler et al. 2018) and of timm:

- One MAC is one multiplication with its addition. Convolutions and fully connected layers count, positions in padding
  included; biases, activation functions, additions, pooling, and the normalization of the input count as none. (Sources
  that print "FLOPs" for MobileNets mean these MACs.)
- Parameters are trainable ones: weights, biases, BatchNorm's scale and shift; not its running statistics.
- Bytes are those of the network's own precision: weights after folding (of 8 bits with their bias and scales), and the
  output map of each operator.

MobileNetV2 1.0/224 with 1000 classes: 300.77 M MACs, 3,504,872 parameters.
"""

import math

import onnx_ir as ir

from depthwise.graph import Graph, normalize
from depthwise.graph.metadata import PARAMETERS, parameters_of_node
from depthwise.ops import REGISTRY
from depthwise.ops._quantized import is_integer
from depthwise.ops.base import parameters_of, shape_of
from depthwise.results import Cost, LayerCost


def cost(graph: Graph) -> Cost:
    """Counts a Graph; it needs shapes only, so one built without weights will do.

    Args:
        graph: any Graph; it is brought to the normal form first, and stays as it is.

    Raises:
        UserError: it has an operator or a shape that the normal form cannot express.
    """
    return cost_of(normalize(graph))


def cost_of(normal: Graph) -> Cost:
    """`cost` of a Graph that is in normal form already, of floats or of camera bytes."""
    rows = [_row(node) for node in normal.graph]
    return Cost(
        parameters=sum(row.parameters for row in rows),
        macs=sum(row.macs for row in rows),
        layers=rows,
        input_shape=list(shape_of(normal.graph.inputs[0])[1:]),
    )


def _row(node: ir.Node) -> LayerCost:
    operator = REGISTRY[node.op_type]
    shape = shape_of(node.outputs[0])
    values = parameters_of(node)
    trained = values[: 2 if is_integer(node) else None]  # scales are not
    return LayerCost(
        name=str(node.name),
        op=node.op_type,
        shape=list(shape[1:]),
        parameters=parameters_of_node(node) if PARAMETERS in node.metadata_props else sum(map(_elements, trained)),
        macs=operator.macs(node),
        weight_bytes=sum(map(_bytes, values)),
        activation_bytes=0 if operator.view else _bytes(node.outputs[0]),
    )


def _elements(value: ir.Value) -> int:
    return math.prod(shape_of(value))


def _bytes(value: ir.Value) -> int:
    assert value.dtype is not None
    return int(_elements(value) * value.dtype.itemsize)
