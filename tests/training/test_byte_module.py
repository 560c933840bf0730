"""The torch forms of a Graph in normal form: as the NumPy references in float, and to the byte in 8 bits."""

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
import torch
from byte_states import outputs_of, state_of

from depthwise.errors import UserError
from depthwise.graph import normalize
from depthwise.quantization.state import State, in_bytes
from depthwise.training.byte_module import ByteModule, to_whole
from depthwise.training.normal_module import NormalModule
from networks import RELU6, Chain, family

FAMILIES = ("mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_lite0")


def images(size: int = 24) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 1, (2, 3, size, size)).astype(np.float32)


def every_operator() -> ir.Model:
    """Groups, dilation, a multiplier, uneven borders, all pools, all functions, and a softmax."""
    chain = Chain(12)
    chain.weighted("Convolution", 8, 3, **RELU6)
    chain.weighted("Depthwise", 16, 3, 2, group=8)
    window = {"kernel_shape": [3, 3], "strides": [1, 1], "dilations": [1, 1]}
    chain.apply("AveragePool", pads=[1, 1, 1, 1], **window)
    chain.apply("MaxPool", shape=(1, 16, 5, 5), pads=[1, 1, 0, 0], **window)
    chain.weighted("Convolution", 16, 3, 1, 2, group=2)
    gated = chain.end
    chain.apply("GlobalAveragePool", shape=(1, 16, 1, 1))
    for function in ("silu", "sigmoid", "hard_swish", "hard_sigmoid"):
        chain.weighted("Pointwise", 16, activation=function)
    chain.apply("Multiply", gated, shape=(1, 16, 5, 5))
    chain.apply("Add", gated, activation="clip", minimum=-1.0)
    chain.apply("Concat", gated, shape=(1, 32, 5, 5))
    chain.apply("AveragePool", shape=(1, 32, 4, 4), pads=[1, 0, 0, 1], count_include_pad=1, **window)
    chain.weighted("Pointwise", 10)
    chain.apply("GlobalAveragePool", shape=(1, 10, 1, 1))
    chain.apply("Flatten", shape=(1, 10))
    chain.apply("Softmax")
    network = chain.model()
    for multiply in (node for node in network.graph if node.op_type == "Multiply"):
        gate, scaled = multiply.inputs
        multiply.replace_input_with(0, scaled)
        multiply.replace_input_with(1, gate)
    network.graph.inputs[0].type = ir.TensorType(ir.DataType.FLOAT)
    return network


@pytest.mark.parametrize("name", FAMILIES)
def test_in_float_it_is_the_graph(name: str) -> None:
    network, x = normalize(family(name, 0.25, 24), "float"), images()
    with torch.no_grad():
        found = NormalModule(network)(torch.from_numpy(x)).numpy()
    expected = outputs_of(network, x)
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()


@pytest.mark.parametrize("name", FAMILIES)
def test_in_8_bits_it_is_the_integer_network(name: str) -> None:
    x = images()
    check_bytes(state_of(family(name, 0.25, 24), x, per_tensor=name == "mobilenet_v1"), x)


def check_bytes(state: State, x: np.ndarray) -> None:
    """At most one step of the output beside the oracle, the same class, and gradients for all that learns."""
    module, network = ByteModule(state), in_bytes(state)
    found, expected = module(torch.from_numpy(x)), outputs_of(network, x)
    step = state.encodings[str(state.network.graph.outputs[0].name)].scale
    assert np.abs(found.detach().numpy() - expected).max() < 1.01 * step
    assert (found.detach().numpy().argmax(1) == expected.argmax(1)).all()
    found.square().sum().backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None and parameter.grad.isfinite().all(), name


def test_in_8_bits_every_operator() -> None:
    x = 100 * images(size=12)
    check_bytes(state_of(every_operator(), x), x)


def test_in_float_every_operator() -> None:
    network, x = every_operator(), 100 * images(size=12)
    with torch.no_grad():
        found = NormalModule(network)(torch.from_numpy(x)).numpy()
    assert np.abs(found - outputs_of(network, x)).max() < 1e-5


def test_rounding_passes_gradients_inside_the_range_only() -> None:
    x = torch.tensor([-3.0, -0.5, 0.5, 1.5, 2.4, 9.0], requires_grad=True)
    y = to_whole(x, -2, 4)
    assert y.tolist() == [-2, 0, 0, 2, 2, 4]
    y.sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1, 1, 0]


def test_what_has_learned_nothing_is_the_same_state() -> None:
    state = state_of(family("mobilenet_v2", 0.25, 24), images())
    same = ByteModule(state).learned("")
    assert same.encodings == state.encodings
    for name, weights in state.weights.items():
        for field in ("values", "scales", "bias"):
            assert np.array_equal(getattr(weights, field), getattr(same.weights[name], field)), name


def test_other_whole_numbers_than_the_nearest_are_kept() -> None:
    state = state_of(family("mobilenet_v1", 0.25, 24), images())
    name, weights = next(iter(state.weights.items()))
    turned = np.clip(weights.values.astype(int) + 1, -127, 127).astype(np.int8)
    other = replace(state, weights={**state.weights, name: replace(weights, values=turned)})
    assert np.array_equal(ByteModule(other).learned("").weights[name].values, turned)


def test_an_unknown_operator_is_refused_by_name() -> None:
    network = every_operator()
    network.graph[-1].op_type, network.graph[-1].name = "Fold", "last"
    with pytest.raises(UserError, match="last is Fold"):
        NormalModule(network)
