"""A float Graph in normal form as a torch module, which can learn: each operator of `ops/` in torch."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthwise.errors import UserError
from depthwise.ops._activation import activation_of, bounds_of
from depthwise.ops._window import window_of
from depthwise.ops.base import activations_of, array_of, parameters_of


class NormalModule(nn.Module):
    """Runs a Graph in normal form; a parameter's name is its node's place, as in `weights.3`.

    Args:
        network: of floats, with one float input [1, C, H, W] and one output.

    forward takes float32 [N, C, H, W] and returns the network's output for N images.

    Raises:
        UserError: an operator that torch has no form of here.
    """

    def __init__(self, network: ir.Model) -> None:
        super().__init__()
        self.network = network
        self.weights, self.biases = nn.ParameterDict(), nn.ParameterDict()
        for place, node in enumerate(network.graph):
            if node.op_type not in OPERATORS and node.op_type not in SUMS:
                known = ", ".join(sorted((*OPERATORS, *SUMS)))
                raise UserError(f"{node.name} is {node.op_type}, which cannot be trained in 8 bits; known: {known}")
            if parameters_of(node):
                weight, bias = (torch.from_numpy(np.array(array_of(value))) for value in node.inputs[1:3])
                self.weights[str(place)], self.biases[str(place)] = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, x: Tensor) -> Tensor:
        """The output of a batch."""
        return run(self.network, x, lambda node, place, inputs: self.compute(node, place, inputs))

    def compute(self, node: ir.Node, place: int, inputs: Sequence[Tensor]) -> Tensor:
        """What the node at a place of the Graph makes of its activations."""
        if node.op_type not in SUMS:
            return activate(node, OPERATORS[node.op_type](node, *inputs))
        return activate(node, SUMS[node.op_type](node, inputs[0], self.weights[str(place)], self.biases[str(place)]))


Compute = Callable[[ir.Node, int, Sequence[Tensor]], Tensor]
"""From a node, its place in the Graph and its activations to its output."""


def run(network: ir.Model, x: Tensor, compute: Compute) -> Tensor:
    """The output of a Graph whose nodes are computed by `compute`; what nothing reads any more is let go."""
    values = {network.graph.inputs[0]: x}
    last = {value: node for node in network.graph for value in activations_of(node)}
    for place, node in enumerate(network.graph):
        inputs = activations_of(node)
        values[node.outputs[0]] = compute(node, place, [values[value] for value in inputs])
        for value in inputs:
            if last[value] is node and not value.is_graph_output():
                values.pop(value, None)
    return values[network.graph.outputs[0]]


def channels(vector: Tensor, like: Tensor) -> Tensor:
    """One number a channel, [C], to go with [N, C, H, W] or [N, C]."""
    return vector.reshape(1, -1, *(1,) * (like.ndim - 2))


def activate(node: ir.Node, x: Tensor) -> Tensor:
    """The node's activation function."""
    name = activation_of(node)
    return x.clamp(*bounds_of(node)) if name == "clip" else _FUNCTIONS[name](x)


def convolution(node: ir.Node, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Bias and weights times inputs over each window; padded pixels are 0."""
    window = window_of(node)
    top, left, bottom, right = window.pads
    padding = (top, left)
    if padding != (bottom, right):
        x, padding = F.pad(x, (left, right, top, bottom)), (0, 0)
    group = node.attributes.get_int("group", 1)
    return F.conv2d(x, weight, bias, window.stride, padding, window.dilation, group)


def window_sums(node: ir.Node, x: Tensor) -> Tensor:
    """The sum of each window of a pool."""
    window, channels = window_of(node), x.shape[1]
    top, left, bottom, right = window.pads
    ones = x.new_ones(channels, 1, *window.kernel)
    padded = F.pad(x, (left, right, top, bottom))
    return F.conv2d(padded, ones, None, window.stride, 0, window.dilation, channels)


def window_counts(node: ir.Node, x: Tensor) -> Tensor:
    """How many taps of each window of a pool count, [1, 1, OH, OW] or [1, 1, 1, 1]."""
    window = window_of(node)
    if node.attributes.get_int("count_include_pad", 0):
        return x.new_full((1, 1, 1, 1), window.kernel[0] * window.kernel[1])
    return window_sums(node, x.new_ones(1, 1, *x.shape[2:]))


def largest(node: ir.Node, x: Tensor) -> Tensor:
    """The largest value of each window; padded pixels never win."""
    window = window_of(node)
    top, left, bottom, right = window.pads
    padded = F.pad(x, (left, right, top, bottom), value=-torch.inf)
    return F.max_pool2d(padded, window.kernel, window.stride, 0, window.dilation)


def _average(node: ir.Node, x: Tensor) -> Tensor:
    return window_sums(node, x) / window_counts(node, x)


SUMS: Mapping[str, Callable[[ir.Node, Tensor, Tensor, Tensor], Tensor]] = {
    "Convolution": convolution,
    "Depthwise": convolution,
    "FullyConnected": lambda _, x, weight, bias: F.linear(x.flatten(1), weight, bias),
    "Pointwise": convolution,
}
"""Operators with weights: from node, input, weight and bias to the sums, without activation function."""

MOVERS: Mapping[str, Callable[[ir.Node, Tensor], Tensor]] = {
    "Flatten": lambda _, x: x.flatten(1),
    "MaxPool": largest,
}
"""Operators whose output values are some of their input's."""

OPERATORS: Mapping[str, Callable[..., Tensor]] = {
    **MOVERS,
    "Activation": lambda _, x: x,
    "Add": lambda _, x, y: x + y,
    "AveragePool": _average,
    "Concat": lambda _, *x: torch.cat(x, 1),
    "GlobalAveragePool": lambda _, x: x.mean((2, 3), keepdim=True),
    "Multiply": lambda _, x, y: x * y,
    "Softmax": lambda _, x: x.softmax(1),
}
"""The other operators of floats, without activation function."""

_FUNCTIONS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "none": lambda x: x,
    "hard_sigmoid": F.hardsigmoid,
    "hard_swish": F.hardswish,
    "sigmoid": torch.sigmoid,
    "silu": F.silu,
}
