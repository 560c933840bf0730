"""What goes up the ladder: a float network and how it is written in 8 bits. And what a rung is."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
import onnx_ir as ir

from depthwise.graph.passes.base import parameter
from depthwise.graph.quantizing import MOVERS, WeightScales, quantize_graph
from depthwise.ops._quantized import Quantization
from depthwise.ops.base import activations_of, array_of, parameters_of, shape_of
from depthwise.quantization.ranges import range_of
from depthwise.quantization.statistics import Statistics
from depthwise.quantization.weights import Weights, quantize_weights


@dataclass(frozen=True)
class Rule:
    """How ranges become scales.

    Attributes:
        method: of `ranges.METHODS`; "mse" clips weights, too.
        per_tensor: one scale for all weights of a layer, instead of one for each output channel.
    """

    method: str = "minmax"
    per_tensor: bool = False


@dataclass(frozen=True, eq=False)
class State:
    """A network between float and 8 bits. A rung makes a new one; nothing in it is changed in place.

    Attributes:
        network: float, in normal form; functions other than a clip are nodes of their own (`apply.separate_functions`).
        statistics: of the network's tensors over calibration images, by name.
        rule: how scales were made of them.
        encodings: of every tensor, by name.
        weights: the parameters of every layer that has some, by its node's name. They may be better ones than the
            nearest to the network's: that is what correction, learned rounding and training in 8 bits are about.
        floats: layers that stay in float.
        changed: what the last rung has done, for people.
    """

    network: ir.Model
    statistics: Mapping[str, Statistics]
    rule: Rule = Rule()
    encodings: Mapping[str, Quantization] = field(default_factory=dict)
    weights: Mapping[str, Weights] = field(default_factory=dict)
    floats: frozenset[str] = frozenset()
    changed: str = ""


class Rung(Protocol):
    """One step of the ladder: it makes a better State of a State, or says in `changed` why it leaves it.

    What it needs besides, such as images, it is constructed with. The one it is given stays usable.
    """

    @property
    def name(self) -> str:
        """For tables, such as "bias correction"."""

    def __call__(self, state: State) -> State:
        """The State after this step.

        Raises:
            UserError: it needs what is not installed, or the network cannot be treated.
        """


def encoded(state: State, changed: str) -> State:
    """A State with the scales that its rule makes of its statistics, and the nearest weights.

    Raises:
        UserError: a tensor that is not finite.
    """
    network, rule = state.network.graph, state.rule
    encodings = {str(value.name): _encoding(state, value) for value in network.inputs}
    weights = {}
    for node in network:
        output = node.outputs[0]
        if node.op_type in MOVERS:
            encodings[str(output.name)] = encodings[str(activations_of(node)[0].name)]
        else:
            encodings[str(output.name)] = _encoding(state, output)
        if has_weights(node):
            weight, bias = layer_parameters(node)
            scale = encodings[str(node.inputs[0].name)].scale  # type: ignore[union-attr]
            clipped = rule.method == "mse"
            weights[str(node.name)] = quantize_weights(weight, bias, scale, per_tensor=rule.per_tensor, clipped=clipped)
    return replace(state, encodings=encodings, weights=weights, changed=changed)


def in_bytes(state: State) -> ir.Model:
    """The network in 8 bits that a State stands for, in normal form, with float inputs and outputs."""
    network, encodings = state.network.clone(), dict(state.encodings)
    for node in weighted_layers(network):
        if str(node.name) not in state.floats:
            set_parameter(network, node, 2, state.weights[str(node.name)].bias)
    for node in network.graph:
        readers = [use.node for use in node.outputs[0].uses()]
        if {str(node.name), *(str(reader.name) for reader in readers)} <= state.floats:
            del encodings[str(node.outputs[0].name)]
    rounded = {
        name: WeightScales(weights.scales, weights.values)
        for name, weights in state.weights.items()
        if name not in state.floats
    }
    return quantize_graph(network, encodings, rounded)


def set_parameter(model: ir.Model, node: ir.Node, index: int, array: np.ndarray) -> None:
    """A parameter of a node anew; the old one, which others may share, is left."""
    old = node.inputs[index]
    assert old is not None
    new = parameter(model, str(old.name), np.asarray(array, np.float32))
    node.replace_input_with(index, new)
    if not old.uses():
        name = str(old.name)
        del model.graph.initializers[name]
        new.name = name


def has_weights(node: ir.Node) -> bool:
    """Whether a node is a convolution of any kind or a fully connected layer."""
    return len(parameters_of(node)) == 2


def layer_parameters(node: ir.Node) -> tuple[np.ndarray, np.ndarray]:
    """Weight [O, ...] and bias [O] of a node of the float network, float32."""
    return array_of(node.inputs[1]), array_of(node.inputs[2])


def weighted_layers(network: ir.Model) -> list[ir.Node]:
    """The nodes with weights, in order of execution."""
    return [node for node in network.graph if has_weights(node)]


def channels_of(value: ir.Value) -> int:
    """Of a map [1, C, H, W] or a vector [1, C]."""
    return shape_of(value)[1]


def _encoding(state: State, value: ir.Value) -> Quantization:
    return range_of(state.rule.method, str(value.name), state.statistics[str(value.name)])
