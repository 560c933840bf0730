"""Separable blocks as a normal form shows them, whoever wrote it: expansion, depthwise, projection, residual."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import onnx_ir as ir

from depthwise.graph import Graph
from depthwise.graph.separable import is_depthwise, is_pointwise, mixing_of
from depthwise.ops import REGISTRY
from depthwise.ops.base import activations_of, shape_of


@dataclass(frozen=True)
class Bottleneck:
    """A depthwise node with the pointwise one behind it.

    Attributes:
        expansion: the pointwise node before it that makes more channels than it reads, if the projection makes fewer
            again: else it ends the block before.
        depthwise, projection: the two.
    """

    expansion: ir.Node | None
    depthwise: ir.Node
    projection: ir.Node

    @property
    def source(self) -> ir.Value:
        """The map that the block reads."""
        return activations_of(self.expansion or self.depthwise)[0]

    @property
    def channels(self) -> tuple[int, int, int]:
        """Channels that it reads, filters depthwise, and writes."""
        return channels_of(self.source), channels_of(self.depthwise.outputs[0]), channels_of(self.projection.outputs[0])

    @property
    def stride(self) -> int:
        """Of the depthwise filter, down."""
        return int(self.depthwise.attributes.get_ints("strides", (1,))[0])


def channels_of(value: ir.Value) -> int:
    """Channels of a map [1, C, H, W] or of a vector [1, C]."""
    return shape_of(value)[1]


def side_of(value: ir.Value) -> int:
    """The smaller side of a map in pixels, 1 of a vector."""
    return min(shape_of(value)[2:], default=1)


def pixels_of(value: ir.Value) -> int:
    """Pixels of a map, 1 of a vector."""
    return math.prod(shape_of(value)[2:])


def macs_of(node: ir.Node) -> int:
    """Multiply-accumulates of a node of the normal form."""
    return REGISTRY[node.op_type].macs(node)


def bottlenecks(normal: Graph) -> Iterator[Bottleneck]:
    """Every depthwise node whose output one pointwise node reads, gated or not."""
    for node in normal.graph:
        projection = mixing_of(node) if is_depthwise(node) else None
        if projection is not None:
            yield Bottleneck(_expansion(node, projection), node, projection)


def _expansion(depthwise: ir.Node, projection: ir.Node) -> ir.Node | None:
    before = activations_of(depthwise)[0].producer()
    if before is None or not is_pointwise(before) or len(before.outputs[0].uses()) != 1:
        return None
    if channels_of(projection.outputs[0]) >= channels_of(depthwise.outputs[0]):
        return None
    return before if channels_of(before.outputs[0]) > channels_of(activations_of(before)[0]) else None
