"""Depthwise separable convolutions beside the standard ones that they stand for (MobileNetV1, section 3.1).

A depthwise filter of k x k taps and the pointwise one of N outputs behind it take 1/N + 1/k^2 of the multiplications of
a standard k x k convolution between the same maps.
"""

import math

from depthwise import counts
from depthwise.graph import Graph
from depthwise.graph.separable import Separable, separables
from depthwise.ops import REGISTRY
from depthwise.ops.base import parameters_of, shape_of


def separable_of(normal: Graph) -> list[counts.Separable]:
    """Every depthwise operator of a Graph in normal form whose output only a pointwise one reads, gated or not."""
    return list(map(_counted, separables(normal)))


def _counted(pair: Separable) -> counts.Separable:
    depthwise, pointwise = pair.depthwise, pair.pointwise
    filters, mixing = (shape_of(parameters_of(node)[0]) for node in (depthwise, pointwise))
    inputs, outputs, taps = shape_of(depthwise.inputs[0])[1], mixing[0], math.prod(filters[2:])
    return counts.Separable(
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
