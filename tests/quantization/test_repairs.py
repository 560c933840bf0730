"""Statistics, and the repairs by themselves: what they keep and what they mend."""

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest

from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.graph import build, evaluate, initialize, normalize, with_outputs
from depthwise.graph.quantizing import separate_functions
from depthwise.ops import REGISTRY
from depthwise.quantization import absorption
from depthwise.quantization.absorption import absorb
from depthwise.quantization.correction import correct
from depthwise.quantization.equalization import equalize, without_clips
from depthwise.quantization.noise import decibels, noise_of
from depthwise.quantization.pairs import REACHED, divide, pairs_of, shift
from depthwise.quantization.simulation import Layer, simulate
from depthwise.quantization.state import Rule, State, encoded, in_bytes
from depthwise.quantization.statistics import collect
from networks import family
from small_network import SMALL

INPUTS = np.random.default_rng(1).normal(size=(16, 28, 28, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> ir.Model:
    return normalize(build(SMALL.layers(), initialize(SMALL.layers(), 0)), "float")


@pytest.fixture(scope="module")
def state(network: ir.Model) -> State:
    return encoded(State(network, collect(network, INPUTS)), "")


def outputs(model: ir.Model, count: int = 2) -> np.ndarray:
    return np.concatenate([evaluate(model, image[None].transpose(0, 3, 1, 2))[0] for image in INPUTS[:count]])


def spread(network: ir.Model, state: State, seed: int = 0) -> ir.Model:
    """The same function with ranges of channels up to 100 times apart, where no clip is reached."""
    model, random = network.clone(), np.random.default_rng(seed)
    for pair in pairs_of(model):
        highs = state.statistics[pair.value].highs
        factors = 10 ** random.uniform(0, 2, len(highs))
        factors[highs >= pair.maximum * REACHED] = 1
        divide(model, pair, factors)
    return model


def test_statistics_are_those_of_the_interpreter(network: ir.Model, state: State) -> None:
    values = []
    for image in INPUTS:
        x = image[None].transpose(0, 3, 1, 2)
        node = network.graph[0]
        values.append(REGISTRY[node.op_type].reference(node, x)[0])
    stem = np.stack(values)
    found = state.statistics[str(network.graph[0].outputs[0].name)]
    assert np.isclose(found.low, stem.min(), atol=1e-6) and np.isclose(found.high, stem.max(), rtol=1e-5)
    assert np.allclose(found.means, stem.mean((0, 2, 3)), atol=1e-5)
    assert np.allclose(found.deviations, stem.std((0, 2, 3)), atol=1e-4)
    assert found.counts.sum() == stem.size
    assert state.statistics[str(network.graph.inputs[0].name)].low == INPUTS.min()
    assert set(state.statistics) >= {str(node.outputs[0].name) for node in network.graph}


def test_too_few_images_are_refused(network: ir.Model) -> None:
    with pytest.raises(UserError, match="15 calibration images are too few"):
        collect(network, INPUTS[:15])


def test_equalization_keeps_the_function_and_evens_the_ranges(network: ir.Model, state: State) -> None:
    uneven = spread(network, state)
    assert np.allclose(outputs(uneven), outputs(network), rtol=1e-3, atol=1e-5)
    before = State(uneven, collect(uneven, INPUTS))
    for per_tensor in (False, True):
        even, pairs = equalize(replace(before, rule=Rule(per_tensor=per_tensor)))
        assert pairs == 13
        assert np.allclose(outputs(even), outputs(uneven), rtol=1e-3, atol=1e-5)
        after = collect(even, INPUTS)
        for pair in pairs_of(even):
            assert after[pair.value].high <= before.statistics[pair.value].high * 1.001
            if not per_tensor and pair.depthwise:
                highs = after[pair.value].highs[before.statistics[pair.value].highs > 0]
                assert np.allclose(highs, highs.max(), rtol=0.02), "each channel fills the range"


def test_a_channel_that_is_clipped_keeps_its_scale(network: ir.Model) -> None:
    """A stem 50 times as large drives many channels into ReLU6."""
    loud = network.clone()
    pair = pairs_of(loud)[0]
    loud.graph[0].inputs[1].const_value = ir.tensor(50 * loud.graph[0].inputs[1].const_value.numpy())
    before = State(loud, collect(loud, INPUTS))
    pair = pairs_of(loud)[0]
    clipped = before.statistics[pair.value].highs >= 6 * REACHED
    assert clipped.any()
    even, _ = equalize(before)
    for index in (1, 2):
        old, new = (pairs_of(model)[0].first.inputs[index].const_value.numpy() for model in (loud, even))
        assert np.array_equal(new[clipped], old[clipped])
    assert np.allclose(outputs(even), outputs(loud), rtol=1e-3, atol=1e-4)


def test_without_clips_only_the_maximum_goes(network: ir.Model) -> None:
    free, count = without_clips(network)
    assert count == 12
    assert all(not np.isfinite(pair.maximum) for pair in pairs_of(free))
    assert all(
        pair.rectified for pair in pairs_of(free) if np.isfinite(pair.first.attributes.get_float("minimum", -np.inf))
    )


def test_only_a_sole_reader_that_scales_makes_a_pair() -> None:
    """In MobileNetV3 hard-swish and gates stand between layers; what they separate must be left."""
    gated = separate_functions(normalize(family("mobilenet_v3_small", 0.35, 28, channels=1), "float"))
    for pair in pairs_of(gated):
        assert [use.node for use in pair.first.outputs[0].uses()] in (
            [pair.second],
            [pair.between[0]] if pair.between else [],
        )
    model = gated.clone()
    for pair in pairs_of(model):
        divide(model, pair, np.random.default_rng(0).uniform(1, 3, pair.first.outputs[0].shape.numpy()[1]))
    assert np.allclose(outputs(model), outputs(gated), rtol=1e-3, atol=1e-5)


def test_absorption_lowers_what_never_is_low(network: ir.Model, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    """Depthwise layers whose outputs stay high: what they never go below moves into the projection's bias."""
    high = network.clone()
    places = [pair for pair in pairs_of(high) if pair.rectified and not pair.padded]
    for pair in places:
        shift(high, pair, np.full(len(state.statistics[pair.value].lows), -5.0))
        pair.first.attributes["maximum"] = ir.AttrFloat32("maximum", float("inf"))
    before = State(high, collect(high, INPUTS))
    _, more = absorb(before)
    monkeypatch.setattr(absorption, "DEVIATIONS", 1e6)
    lower, channels = absorb(before)
    assert more >= channels > 100
    assert np.allclose(outputs(lower), outputs(high), rtol=1e-3, atol=1e-3)
    after = collect(lower, INPUTS)
    for pair in places:
        assert np.allclose(after[pair.value].lows, 0, atol=1e-3)


def test_simulation_is_the_network_in_8_bits(state: State) -> None:
    """Sums in float32 round otherwise now and then; what noise there is in the end is the same."""
    layers: list[Layer] = []
    simulate(state, INPUTS[:2], layers.append)
    compiled = Engine.build(with_outputs(in_bytes(state), ["all"], "float"), "float")(INPUTS[:2])
    for layer in layers[:3]:
        name = str(layer.node.outputs[0].name)
        levels = np.abs(layer.found - compiled[name]) / state.encodings[name].scale
        assert (levels > 0.5).mean() < 0.01
    last = layers[-1]
    assert np.allclose(last.expected, outputs(state.network), rtol=1e-3, atol=1e-5)
    simulated, found = (decibels(last.expected, each) for each in (last.found, compiled["logits"]))
    assert abs(simulated - found) < 3


def test_correction_mends_mean_errors(network: ir.Model) -> None:
    """Weights of one scale for a whole layer, so that there is something to mend."""
    start = State(network, collect(network, INPUTS), Rule(per_tensor=True))
    before = encoded(start, "")
    after = correct(before, INPUTS)

    def bias_of(state: State) -> dict[str, float]:
        errors = {}

        def visit(layer: Layer) -> None:
            mean = (layer.found - layer.expected).mean(tuple(range(layer.found.ndim - 1)))
            errors[str(layer.node.name)] = float(np.abs(mean).mean())

        simulate(state, INPUTS, visit)
        return errors

    errors = bias_of(before), bias_of(after)
    projections = [name for name in errors[0] if name.endswith("projection")]
    assert sum(errors[1][name] for name in projections) < 0.5 * sum(errors[0][name] for name in projections)
    assert not np.array_equal(after.weights["stem.conv"].bias, before.weights["stem.conv"].bias)
    assert before.weights["stem.conv"].values is after.weights["stem.conv"].values


def test_noise_names_the_layer_that_is_rounded_worst(state: State) -> None:
    name = "blocks.1.1.depthwise"
    weights = state.weights[name]
    coarse = replace(weights, values=weights.values // 32 * 32)
    rows = {row.name: row for row in noise_of(replace(state, weights={**state.weights, name: coarse}), INPUTS[:8])}
    plain = {row.name: row for row in noise_of(state, INPUTS[:8])}
    assert min(rows.values(), key=lambda row: row.alone).name == name
    assert rows[name].alone < plain[name].alone - 10
    before = list(rows)[: list(rows).index(name)]
    assert all(rows[each] == plain[each] for each in before)


def test_a_layer_in_float_makes_no_noise(state: State) -> None:
    name = "blocks.1.1.depthwise"
    kept = replace(state, floats=frozenset([name]))
    rows = {row.name: row for row in noise_of(kept, INPUTS[:4])}
    assert rows[name].alone == decibels(np.ones(1), np.ones(1)) > 100
    nodes = {node.name: node for node in in_bytes(kept).graph}
    assert "y_scale" not in nodes[name].attributes
    assert [
        node.name for node in nodes.values() if node.op_type == "Depthwise" and "y_scale" not in node.attributes
    ] == [name]
    assert np.isfinite(outputs(in_bytes(kept))).all()
