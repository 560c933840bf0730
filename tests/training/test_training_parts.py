"""The moving average, weight decay, order and augmentation; weights in files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from training_toys import toy_images, toy_network, toy_plan

from depthwise.design import architecture
from depthwise.errors import UserError
from depthwise.training.augmentation import AUGMENTATIONS, Augmentation, seed_step
from depthwise.training.learner import Learner, batch_indices, ema_decay, parameter_groups
from depthwise.training.weights import load_network, load_weights, new_network, save_weights


def test_ema_decay() -> None:
    assert ema_decay(0.99, 0) == pytest.approx(0.1)
    assert ema_decay(0.99, 90) == pytest.approx(0.91)
    assert ema_decay(0.99, 10_000) == 0.99


def test_average_follows_weights_and_statistics() -> None:
    """Every floating-point entry of the state is averaged by the formula; counts are copied."""
    network, data = toy_network(), toy_images()
    learner = Learner(network, data, toy_plan(network, data, ema_decay=0.15))
    expected: dict[str, torch.Tensor] = {}
    for step in range(4):
        learner.step(0, step)
        for key, value in network.state_dict().items():
            if step == 0 or not value.is_floating_point():
                expected[key] = value.clone()
            else:
                decay = min(0.15, (1 + step) / (10 + step))
                expected[key] = decay * expected[key] + (1 - decay) * value
    got = learner.weights()
    assert got.keys() == expected.keys()
    for key, value in expected.items():
        torch.testing.assert_close(got[key], value, rtol=1e-5, atol=1e-6)
    assert not torch.equal(got["1.running_mean"], network.state_dict()["1.running_mean"])


def test_only_kernels_and_matrices_decay() -> None:
    network = toy_network()
    decayed, free = parameter_groups(network, 1e-4)
    named = {id(parameter): name for name, parameter in network.named_parameters()}
    assert {named[id(p)] for p in decayed["params"]} == {"0.weight", "6.weight"}
    assert {named[id(p)] for p in free["params"]} == {"1.weight", "1.bias", "6.bias"}
    assert (decayed["weight_decay"], free["weight_decay"]) == (1e-4, 0.0)


def test_a_pass_sees_each_image_once() -> None:
    data = toy_images(train=64)
    plan = toy_plan(toy_network(), data, steps_per_epoch=3)
    passes = [np.concatenate([batch_indices(plan, step, 64) for step in range(4 * n, 4 * n + 4)]) for n in range(2)]
    for indices in passes:
        assert sorted(indices) == list(range(64))
    assert not np.array_equal(*passes)
    again = batch_indices(plan, 5, 64)
    assert np.array_equal(again, batch_indices(plan, 5, 64))
    other = plan.model_copy(update={"seed": 1})
    assert not np.array_equal(again, batch_indices(other, 5, 64))


@pytest.mark.parametrize("name", AUGMENTATIONS)
@pytest.mark.parametrize("shape", [(5, 1, 28, 28), (3, 3, 40, 40), (2, 3, 4, 4), (4, 1, 49, 10)])
def test_augmentation_keeps_shape_and_range(name: str, shape: tuple[int, ...]) -> None:
    images = torch.rand(shape)
    out = Augmentation(name, *shape[-2:])(images.clone())
    assert out.shape == images.shape
    assert out.dtype == torch.float32
    assert out.min() >= 0
    assert out.max() <= 1
    assert torch.equal(out, images) == (name == "none")


def test_augmentation_is_a_function_of_seed_epoch_and_step() -> None:
    images, augment = torch.rand(8, 1, 12, 12), Augmentation("standard", 12, 12)

    def at(*place: int) -> torch.Tensor:
        seed_step(*place)
        return augment(images.clone())

    first = at(3, 2, 1)
    torch.rand(7)
    assert torch.equal(first, at(3, 2, 1))
    for place in ((4, 2, 1), (3, 3, 1), (3, 2, 2), (3, 1, 2)):
        assert not torch.equal(first, at(*place))


def test_flip_can_be_switched_off() -> None:
    """A ramp from left to right stays one under shifts, not under mirroring."""
    ramp = torch.linspace(0.2, 0.8, 16).expand(64, 1, 16, 16)
    for flip in (False, True):
        seed_step(0, 0, 0)
        out = Augmentation("light", 16, 16, flip)(ramp.clone())
        rising = out[..., 12].mean((1, 2)) > out[..., 3].mean((1, 2))
        assert bool(rising.all()) != flip


def test_spectrograms_are_never_mirrored() -> None:
    ramp = torch.linspace(0.2, 0.8, 16).expand(64, 1, 48, 16)
    seed_step(0, 0, 0)
    out = Augmentation("light", 48, 16)(ramp.clone())
    assert (out[..., 12].mean((1, 2)) > out[..., 3].mean((1, 2))).all()


def test_unknown_augmentation() -> None:
    with pytest.raises(UserError, match="unknown augmentation 'heavy'"):
        Augmentation("heavy", 8, 8)


def test_weights_in_files(tmp_path: Path) -> None:
    layers = architecture("mobilenet_v1", width=0.25, resolution=8, classes=3, channels=1).layers()
    network, path = new_network(layers, seed=1), tmp_path / "weights.safetensors"
    assert all(
        torch.equal(a, b) for a, b in zip(network.parameters(), new_network(layers, 1).parameters(), strict=True)
    )
    convolution = next(m for m in network.modules() if isinstance(m, nn.Conv2d))
    other = next(m for m in new_network(layers, 2).modules() if isinstance(m, nn.Conv2d))
    assert not torch.equal(convolution.weight, other.weight)
    save_weights(path, network.state_dict())
    loaded = load_network(layers, path)
    assert not loaded.training
    for key, value in load_weights(path).items():
        assert np.array_equal(value, loaded.state_dict()[key].numpy())
    with pytest.raises(UserError, match="holds the weights of another network"):
        load_network(architecture("mobilenet_v2", width=0.25, resolution=8, classes=3, channels=1).layers(), path)
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(UserError, match="cannot be read as weights"):
        load_network(layers, path)
