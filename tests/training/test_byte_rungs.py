"""The rungs that need torch, by themselves: what they may change, repeats, limits and bad input."""

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import pytest
import torch
from byte_states import state_of
from training_toys import ToySplit

from depthwise.data.preprocessing import Preprocessing
from depthwise.errors import UserError
from depthwise.graph import normalize
from depthwise.quantization.state import State
from depthwise.training import trained_rungs
from depthwise.training.byte_module import ByteModule
from depthwise.training.evaluate import predict
from depthwise.training.learning import Learning
from depthwise.training.normal_module import NormalModule
from depthwise.training.rounding import Rounding
from networks import family

FORM = Preprocessing(24, 3, mean=(0.5,) * 3, std=(0.25,) * 3)
PIXELS = np.random.default_rng(5).integers(0, 256, (32, 24, 24, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def model() -> ir.Model:
    return family("mobilenet_v1", 0.25, 24)


@pytest.fixture(scope="module")
def state(model: ir.Model) -> State:
    return state_of(model, FORM.normalize(PIXELS), per_tensor=True)


def learned(model: ir.Model, state: State, **more: object) -> State:
    return Learning(normalize(model, "float"), PIXELS, FORM, **{"epochs": 3, **more})(state)


def same(one: State, other: State) -> bool:
    names = one.weights.keys()
    fields = ("values", "scales", "bias")
    return one.encodings == other.encodings and all(
        np.array_equal(getattr(one.weights[name], field), getattr(other.weights[name], field))
        for name in names
        for field in fields
    )


def distance(state: State) -> float:
    """Mean square of what 8 bits change in the outputs."""
    exact = predict(NormalModule(state.network), PIXELS, FORM)
    return float(np.square(predict(ByteModule(state), PIXELS, FORM) - exact).mean())


def test_learned_rounding_comes_nearer_to_the_float_network(state: State) -> None:
    found = Rounding(PIXELS, FORM, steps=30)(state)
    assert distance(found) < 0.7 * distance(state)
    assert found.encodings == state.encodings and " % of the weights" in found.changed
    for name, weights in state.weights.items():
        other = found.weights[name]
        assert np.array_equal(weights.scales, other.scales) and np.array_equal(weights.bias, other.bias)
        assert np.abs(weights.values.astype(int) - other.values).max() <= 1, name


def test_learned_rounding_repeats(state: State) -> None:
    one, two, other = (Rounding(PIXELS[:8], FORM, steps=3, seed=seed)(state) for seed in (1, 1, 2))
    assert same(one, two) and not same(one, other)


def test_training_repeats_and_follows_its_seed(model: ir.Model, state: State) -> None:
    one, two, other = (learned(model, state, seed=seed) for seed in (1, 1, 2))
    assert same(one, two) and not same(one, other)
    assert one.changed.startswith("3 steps of 32 images")


def test_training_keeps_one_scale_for_a_layer(model: ir.Model, state: State) -> None:
    found = learned(model, state)
    assert all(len(set(weights.scales.tolist())) == 1 for weights in found.weights.values())
    assert any(found.encodings[name].scale != form.scale for name, form in state.encodings.items())


def test_a_time_limits_the_steps(model: ir.Model, state: State) -> None:
    assert learned(model, state, seconds=1e-9).changed.startswith("1 steps")


def test_a_loss_that_is_no_number_gives_up_and_loses_nothing(model: ir.Model, state: State) -> None:
    name, weights = next(iter(state.weights.items()))
    broken = replace(state, weights={**state.weights, name: replace(weights, scales=weights.scales * np.nan)})
    found = learned(model, broken)
    assert found.weights is broken.weights and found.changed.startswith("given up: the loss was nan in step 1 of 3")


def test_the_rungs_of_a_model(model: ir.Model) -> None:
    split = ToySplit(PIXELS, np.zeros(len(PIXELS), np.int64))
    rungs = trained_rungs(model, split, epochs=2.0, seconds=5.0)
    assert [rung.name for rung in rungs] == ["learned rounding", "training in 8 bits"]
    with pytest.raises(UserError, match="0 epochs"):
        trained_rungs(model, split, epochs=0)
    with pytest.raises(UserError, match="give --mean and --std"):
        trained_rungs(normalize(_without_form(model), "float"), split)


def test_layers_in_float_are_not_trained(state: State) -> None:
    with pytest.raises(ValueError, match="in float"):
        ByteModule(replace(state, floats=frozenset(["stem.conv"])))


def _without_form(model: ir.Model) -> ir.Model:
    plain = model.clone()
    plain.metadata_props.clear()
    return plain


def test_torch_is_left_as_it_was(model: ir.Model, state: State) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    learned(model, state, epochs=1)
    assert torch.equal(torch.rand(1), expected)
