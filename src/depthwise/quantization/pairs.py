"""Pairs of layers between which the scale of a channel is free: what one is divided by, the other is multiplied by.

    W2 f(W1 x + b1) = (W2 s) f((W1 x + b1) / s)    for each channel's s > 0, if f(y / s) = f(y) / s: none, or ReLU

Between the two may stand operators that treat each channel by itself and scale with it: pools, a view of 1 x 1 pixels.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from depthwise.graph.passes.base import sole_consumer
from depthwise.ops._activation import activation_of, bounds_of
from depthwise.ops._window import window_of
from depthwise.ops.base import shape_of
from depthwise.quantization.state import has_weights, layer_parameters, set_parameter

SCALING = ("AveragePool", "Flatten", "GlobalAveragePool", "MaxPool")
"""Operators that may stand between the two layers of a pair."""

REACHED = 1 - 1e-6
"""Share of a clip's maximum from which a channel counts as clipped."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two layers, the second of which is the only reader of the first.

    Attributes:
        between: the operators between them.
    """

    first: ir.Node
    second: ir.Node
    between: tuple[ir.Node, ...] = ()

    @property
    def value(self) -> str:
        """Name of the first layer's output, [1, C, H, W] or [1, C]."""
        return str(self.first.outputs[0].name)

    @property
    def maximum(self) -> float:
        """The upper clip of the first layer; infinite if there is none."""
        return bounds_of(self.first)[1] if activation_of(self.first) == "clip" else float(np.inf)

    @property
    def rectified(self) -> bool:
        """Whether the first layer clips below 0."""
        return activation_of(self.first) == "clip" and bounds_of(self.first)[0] == 0

    @property
    def depthwise(self) -> bool:
        """Whether the second layer reads one channel for each of its outputs."""
        return self.second.attributes.get_int("group", 1) > 1

    @property
    def padded(self) -> bool:
        """Whether zeros are added round a map on the way."""
        windows = [node for node in (*self.between, self.second) if "pads" in node.attributes]
        return any(any(window_of(node).pads) for node in windows)


def pairs_of(network: ir.Model) -> list[Pair]:
    """All pairs of a network, in order of execution."""
    return list(_pairs(network))


def _pairs(network: ir.Model) -> Iterator[Pair]:
    for first in network.graph:
        if not has_weights(first) or not _scales(first):
            continue
        between: list[ir.Node] = []
        reader = sole_consumer(first.outputs[0])
        while reader is not None and reader.op_type in SCALING and _same_channels(reader):
            between.append(reader)
            reader = sole_consumer(reader.outputs[0])
        if reader is not None and has_weights(reader) and _reads_each_channel(reader):
            yield Pair(first, reader, tuple(between))


def by_input(pair: Pair) -> np.ndarray:
    """The second layer's weight as [C, weights that read channel c], float64."""
    weight, _ = layer_parameters(pair.second)
    channels = shape_of(pair.first.outputs[0])[1]
    if pair.depthwise:
        return weight.reshape(channels, -1).astype(np.float64)
    return weight.swapaxes(0, 1).reshape(channels, -1).astype(np.float64)


def divide(model: ir.Model, pair: Pair, factors: np.ndarray) -> None:
    """Divides each channel between the layers by its factor, [C]."""
    weight, bias = layer_parameters(pair.first)
    set_parameter(model, pair.first, 1, weight / factors.reshape(-1, *(1,) * (weight.ndim - 1)))
    set_parameter(model, pair.first, 2, bias / factors)
    weight, _ = layer_parameters(pair.second)
    if pair.depthwise:
        each = np.repeat(factors, len(weight) // len(factors))
        set_parameter(model, pair.second, 1, weight * each.reshape(-1, 1, 1, 1))
    else:
        set_parameter(model, pair.second, 1, weight * factors.reshape(1, -1, *(1,) * (weight.ndim - 2)))


def shift(model: ir.Model, pair: Pair, amounts: np.ndarray) -> None:
    """Lowers each channel between the layers by an amount, [C], which the second layer's bias makes up for."""
    _, bias = layer_parameters(pair.first)
    set_parameter(model, pair.first, 2, bias - amounts)
    sums = by_input(pair)
    _, bias = layer_parameters(pair.second)
    if pair.depthwise:
        members = len(bias) // len(amounts)
        set_parameter(model, pair.second, 2, bias + sums.reshape(len(bias), -1).sum(1) * np.repeat(amounts, members))
    else:
        set_parameter(model, pair.second, 2, bias + amounts @ sums.reshape(len(amounts), len(bias), -1).sum(2))


def _scales(node: ir.Node) -> bool:
    """Whether its activation function scales with its argument, as far as the upper clip is not reached."""
    function = activation_of(node)
    return function == "none" or (function == "clip" and bounds_of(node)[0] in (0, -np.inf))


def _same_channels(node: ir.Node) -> bool:
    return shape_of(node.inputs[0])[1] == shape_of(node.outputs[0])[1]


def _reads_each_channel(node: ir.Node) -> bool:
    """Whether its weights belong to single channels: a dense or a depthwise layer."""
    channels = shape_of(node.inputs[0])[1]
    return node.attributes.get_int("group", 1) in (1, channels) and "pad_values" not in node.attributes
