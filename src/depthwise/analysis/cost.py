"""Exact counts of a network: parameters, multiply-accumulates and bytes, per operator of the normal form.

The convention, which is that of the papers (Howard et al. 2017, Sandler et al. 2018) and of timm:

- One MAC is one multiplication with its addition. Convolutions and fully connected layers count, positions in padding
  included; biases, activation functions, additions, pooling, and the normalization of the input count as none. (Sources
  that print "FLOPs" for MobileNets mean these MACs.)
- Parameters are trainable ones: weights, biases, BatchNorm's scale and shift; not its running statistics.
- Bytes are those of the network's own precision: weights after folding (of 8 bits with their bias and scales), the
  output map of each operator, and what it moves: its inputs, weights and output, each once.

MobileNetV2 1.0/224 with 1000 classes: 300.77 M MACs, 3,504,872 parameters.
"""

import math

import onnx_ir as ir

from depthwise.analysis.peaks import peaks
from depthwise.analysis.separable import separable_of
from depthwise.counts import Cost, LayerCost
from depthwise.device import Precision
from depthwise.graph import Graph, in_precision
from depthwise.graph.metadata import PARAMETERS, parameters_of_node
from depthwise.ops import REGISTRY
from depthwise.ops._quantized import is_integer
from depthwise.ops.base import activations_of, parameters_of, shape_of


def cost(graph: Graph, precision: Precision | None = None, memory: bool = False) -> Cost:
    """Counts a Graph; it needs shapes only, so one built without weights will do.

    Args:
        graph: any Graph; it is brought to the normal form first, and stays as it is.
        precision: whose bytes count; None: its own.
        memory: whether `peaks` are found too, which takes the planning of the network.

    Raises:
        UserError: it has an operator or a shape that the normal form cannot express; it is in 8 bits and float32 is
            asked for.
    """
    normal = in_precision(graph, precision)
    found = cost_of(normal)
    return found.model_copy(update={"peaks": peaks(normal)}) if memory else found


def cost_of(normal: Graph) -> Cost:
    """`cost` of a Graph that is in normal form already, of floats or of camera bytes."""
    rows = [_row(node) for node in normal.graph]
    return Cost(
        parameters=sum(row.parameters for row in rows),
        macs=sum(row.macs for row in rows),
        layers=rows,
        input_shape=list(shape_of(normal.graph.inputs[0])[1:]),
        separable=separable_of(normal),
    )


def _row(node: ir.Node) -> LayerCost:
    operator = REGISTRY[node.op_type]
    shape = shape_of(node.outputs[0])
    values = parameters_of(node)
    trained = values[: 2 if is_integer(node) else None]  # scales are not
    written = 0 if operator.view else _bytes(node.outputs[0])
    read = 0 if operator.view else sum(map(_bytes, (*activations_of(node), *values)))
    return LayerCost(
        name=str(node.name),
        op=node.op_type,
        shape=list(shape[1:]),
        parameters=parameters_of_node(node) if PARAMETERS in node.metadata_props else sum(map(_elements, trained)),
        macs=operator.macs(node),
        weight_bytes=sum(map(_bytes, values)),
        activation_bytes=written,
        moved_bytes=read + written,
    )


def _elements(value: ir.Value) -> int:
    return math.prod(shape_of(value))


def _bytes(value: ir.Value) -> int:
    assert value.dtype is not None
    return int(_elements(value) * value.dtype.itemsize)
