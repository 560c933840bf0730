"""Separable convolutions in a Graph, and the standard convolution that each stands for.

A depthwise convolution (k x k, C channels) and the 1 x 1 convolution after it (C -> N) take the place of one standard
convolution (k x k, C -> N) of the same window; with MACs for each output position

    (k k C + C N) / (k k C N) = 1/N + 1/(k k)
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from depthwise.ops import REGISTRY
from depthwise.ops.base import DOMAIN, activations_of, array_of, parameters_of, shape_of

STANDARD = "Convolution"
"""Operator of the normal form that computes what a separable convolution replaces."""

WINDOW = ("kernel_shape", "strides", "pads", "dilations")
"""Attributes of a window; the others of a node with weights are its groups and its activation function."""


@dataclass(frozen=True)
class Separable:
    """A separable convolution, its two nodes.

    `key` is equal for those that compute the same from other numbers.
    """

    depthwise: ir.Node
    pointwise: ir.Node

    @property
    def key(self) -> tuple[object, ...]:
        """Shapes and attributes of both nodes."""
        return tuple(
            (*map(shape_of, node.inputs), *sorted((name, str(value.value)) for name, value in node.attributes.items()))
            for node in (self.depthwise, self.pointwise)
        )

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of the window."""
        height, width = shape_of(self.depthwise.inputs[1])[2:]
        return height, width

    @property
    def outputs(self) -> int:
        """N, the output channels."""
        return shape_of(self.pointwise.outputs[0])[1]

    def alone(self) -> ir.Model:
        """A Graph in normal form of the two nodes alone, with their weights."""
        source = _input(self.depthwise)
        first = _copy(self.depthwise, self.depthwise.op_type, source, self.depthwise)
        second = _copy(self.pointwise, self.pointwise.op_type, first.outputs[0], self.pointwise)
        return _model(source, [first, second])

    def standard(self) -> ir.Model:
        """A Graph in normal form of the one standard convolution that they replace, with random weights."""
        source = _input(self.depthwise)
        channels, (height, width) = shape_of(source)[1], self.kernel
        fan_in = channels * height * width
        shape = (self.outputs, channels, height, width)
        weight = np.random.default_rng(0).normal(0, math.sqrt(2 / fan_in), shape)
        node = _copy(self.depthwise, STANDARD, source, self.pointwise, weight.astype(np.float32))
        return _model(source, [node])


def separables(normal: ir.Model) -> Iterator[Separable]:
    """The depthwise operators of a Graph in normal form whose output only a pointwise one reads, perhaps behind a gate.

    A gate (squeeze-excite) is no part of the Separable.
    """
    for node in normal.graph:
        mixing = mixing_of(node) if is_depthwise(node) else None
        if mixing is not None:
            yield Separable(node, mixing)


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


def _input(node: ir.Node) -> ir.Value:
    return ir.Value(name="input", shape=ir.Shape(shape_of(node.inputs[0])), type=ir.TensorType(ir.DataType.FLOAT))


def _copy(node: ir.Node, operator: str, source: ir.Value, end: ir.Node, weight: np.ndarray | None = None) -> ir.Node:
    """A node like `node` with the output, bias and activation of `end`; with its own weight if none is given."""
    attributes = {name: node.attributes[name] for name in WINDOW if name in node.attributes}
    attributes |= {name: value for name, value in end.attributes.items() if name not in (*WINDOW, "group")}
    if weight is None:
        weight = array_of(node.inputs[1])
        attributes |= {name: value for name, value in node.attributes.items() if name == "group"}
    bias = array_of(parameters_of(end)[1])
    constants = [_constant(f"{end.name}.weight", weight), _constant(f"{end.name}.bias", bias)]
    output = ir.Value(
        name=f"{end.name}.out", shape=ir.Shape(shape_of(end.outputs[0])), type=ir.TensorType(ir.DataType.FLOAT)
    )
    return ir.node(operator, [source, *constants], attributes, domain=DOMAIN, outputs=[output], name=end.name)


def _constant(name: str, array: np.ndarray) -> ir.Value:
    tensor = ir.Tensor(np.ascontiguousarray(array, np.float32), name=name)
    return ir.Value(name=name, shape=tensor.shape, type=ir.TensorType(ir.DataType.FLOAT), const_value=tensor)


def _model(source: ir.Value, nodes: list[ir.Node]) -> ir.Model:
    constants = [value for node in nodes for value in parameters_of(node)]
    inside = ir.Graph(
        [source], list(nodes[-1].outputs), nodes=nodes, initializers=constants, opset_imports={DOMAIN: 1}, name="layer"
    )
    return ir.Model(inside, ir_version=8)
