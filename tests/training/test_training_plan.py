"""Plans: from epochs, from a time, stored and read again; the schedule's values; what is refused."""

import math
from pathlib import Path

import pytest
import torch
from training_toys import toy_images, toy_network, toy_plan

from depthwise.errors import UserError
from depthwise.files import write_text
from depthwise.training import plan as planning
from depthwise.training.plan import LEAST_EPOCHS, make_plan, stored_plan
from depthwise.training.recipe import Settings


def test_with_epochs_nothing_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(planning, "measure_speed")
    plan = make_plan(toy_network(), toy_images(70), Settings(batch_size=16), seconds=5, epochs=4)
    assert (plan.epochs, plan.steps_per_epoch, plan.batch_size, plan.validation_images) == (4, 4, 16, 48)
    assert plan.images_per_second == 0
    assert plan == make_plan(toy_network(), toy_images(70), Settings(batch_size=16), epochs=4)


@pytest.mark.parametrize("seconds", [1000.0, 61.0, 8.0, 0.5, 0.01])
def test_a_planned_time_is_kept(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """With 0.1 s a step of 4 in a pass and 1 ms a validated image."""
    monkeypatch.setattr(planning, "measure_speed", lambda *_: (1, 0.1, 0.001))
    plan = make_plan(toy_network(), toy_images(64), Settings(batch_size=16), seconds=seconds)
    needed = plan.epochs * (plan.steps_per_epoch * 0.1 + plan.validation_images * 0.001)
    assert plan.images_per_second == 160
    least = 0.1 + 48 * 0.001
    assert least <= needed <= max(seconds, least + 1e-9)
    if seconds >= 8:
        assert needed > 0.7 * seconds
    assert bool(plan.note) == (seconds < LEAST_EPOCHS * (0.4 + 0.048) / 0.92)
    assert 1 <= plan.warmup_steps <= plan.steps
    if plan.note:
        assert f"{plan.epochs} epochs of {plan.steps_per_epoch} steps" in plan.note


def test_the_speed_is_measured_and_the_network_left_alone() -> None:
    network, data = toy_network(), toy_images()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    random = torch.get_rng_state()
    plan = make_plan(network, data, Settings(batch_size=16), seconds=1)
    assert plan.images_per_second > 0
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert torch.equal(random, torch.get_rng_state())


def test_stored_plan(tmp_path: Path) -> None:
    data = toy_images()
    plan = toy_plan(toy_network(), data)
    assert stored_plan(tmp_path, data) is None
    write_text(tmp_path / "plan.json", plan.model_dump_json())
    assert stored_plan(tmp_path, data) == plan
    data.fingerprint = "other"
    assert stored_plan(tmp_path, data) is None
    write_text(tmp_path / "plan.json", plan.model_dump_json()[:-9])
    assert stored_plan(tmp_path, data) is None


def test_schedule() -> None:
    plan = toy_plan(toy_network(), toy_images(), epochs=25, warmup_steps=10, learning_rate=0.4)
    assert plan.steps == 100
    assert plan.learning_rate_at(0) == pytest.approx(0.04)
    assert plan.learning_rate_at(9) == pytest.approx(0.4)
    assert plan.learning_rate_at(10) == pytest.approx(0.4)
    assert plan.learning_rate_at(55) == pytest.approx(0.2)
    assert plan.learning_rate_at(99) == pytest.approx(0.2 * (1 + math.cos(math.pi * 89 / 90)))
    assert plan.learning_rate_at(100) == pytest.approx(0, abs=1e-12)


def test_short_runs_are_not_augmented() -> None:
    def name(epochs: int, settings: Settings) -> str:
        return make_plan(toy_network(), toy_images(), settings, epochs=epochs).augmentation

    assert [name(epochs, Settings()) for epochs in (1, 24, 25, 40)] == ["none", "none", "standard", "standard"]
    assert name(1, Settings(augmentation="light")) == "light"


def test_a_small_set_makes_a_small_batch() -> None:
    plan = make_plan(toy_network(), toy_images(train=5), Settings(), epochs=1)
    assert (plan.batch_size, plan.steps_per_epoch) == (5, 1)


@pytest.mark.parametrize(
    ("settings", "limits", "message"),
    [
        (Settings(batch_size=1), {"epochs": 1}, "--batch-size 1 is out of range"),
        (Settings(learning_rate=0.0), {"epochs": 1}, "--learning-rate 0.0 is out of range"),
        (Settings(), {"epochs": 0}, "--epochs 0 is out of range"),
        (Settings(), {"seconds": 0.0}, "--train-time 0.0 is out of range"),
    ],
)
def test_settings_out_of_range(settings: Settings, limits: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        make_plan(toy_network(), toy_images(), settings, **limits)  # type: ignore[arg-type]


def test_too_few_images() -> None:
    with pytest.raises(UserError, match="1 training and 48 validation images are too few"):
        make_plan(toy_network(), toy_images(train=1), Settings(), epochs=1)
