"""Depthwise separable convolutions beside the standard ones that they stand for (MobileNetV1, section 3.1).

A depthwise filter of k x k taps and the pointwise one of N outputs behind it take 1/N + 1/k^2 of the multiplications of
a standard k x k convolution between the same maps.
"""

import math

import onnx_ir as ir

from depthwise.counts import Separable
from depthwise.graph import Graph
from depthwise.ops import REGISTRY
from depthwise.ops.base import activations_of, parameters_of, shape_of


def separable_of(normal: Graph) -> list[Separable]:
    """Every depthwise operator of a Graph in normal form whose output only a pointwise one reads, gated or not."""
    found = []
    for node in normal.graph:
        mixing = mixing_of(node) if is_depthwise(node) else None
        if mixing is not None:
            found.append(_pair(node, mixing))
    return found


def is_depthwise(node: ir.Node) -> bool:
    """Whether a node filters each channel by itself."""
    operator = REGISTRY[node.op_type]
    return operator.channelwise and operator.macs(node) > 0


def is_pointwise(node: ir.Node) -> bool:
    """Whether a node mixes the channels of each pixel by itself."""
    operator = REGISTRY[node.op_type]
    return operator.pixelwise and operator.macs(node) > 0


def mixing_of(node: ir.Node) -> ir.Node | None:
    """The pointwise operator behind a depthwise one, or behind the gate of its output."""
    readers = [use.node for use in node.outputs[0].uses()]
    gates = [reader for reader in readers if len(activations_of(reader)) == 2]
    if len(readers) > 1 and len(gates) == 1:  # the others compute the gate
        readers = [use.node for use in gates[0].outputs[0].uses()]
    return readers[0] if len(readers) == 1 and is_pointwise(readers[0]) else None


def _pair(depthwise: ir.Node, pointwise: ir.Node) -> Separable:
    filters, mixing = (shape_of(parameters_of(node)[0]) for node in (depthwise, pointwise))
    inputs, outputs, taps = shape_of(depthwise.inputs[0])[1], mixing[0], math.prod(filters[2:])
    return Separable(
        depthwise=str(depthwise.name),
        pointwise=str(pointwise.name),
        kernel=list(filters[2:]),
        inputs=inputs,
        outputs=outputs,
        macs=sum(REGISTRY[node.op_type].macs(node) for node in (depthwise, pointwise)),
        standard_macs=math.prod(shape_of(depthwise.outputs[0])[2:]) * taps * inputs * outputs,
        weights=math.prod(filters) + math.prod(mixing),
        standard_weights=taps * inputs * outputs,
    )
