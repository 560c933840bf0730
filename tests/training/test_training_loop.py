"""The loop learns, and a run that was killed anywhere ends with the bits of an unbroken one."""

import csv
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from training_toys import toy_images, toy_network, toy_plan

from depthwise.config import Config
from depthwise.errors import UserError
from depthwise.progress import Silent
from depthwise.results import Training
from depthwise.runs import CHECKPOINT
from depthwise.training import loop
from depthwise.training import plan as planning
from depthwise.training.evaluate import logits, predict
from depthwise.training.loop import follow, train
from depthwise.training.recipe import Plan


class Killed(BaseException):
    """Stands for a signal."""


class Listener(Silent):
    """Remembers notes and steps; kills after step `kill`."""

    def __init__(self, kill: int | None = None) -> None:
        self.kill, self.notes, self.steps = kill, [], []

    def step(self, done: int, total: int, text: str = "") -> None:
        self.steps.append((done, total, text))
        if done == self.kill:
            raise Killed

    def note(self, text: str) -> None:
        self.notes.append(text)


DATA = toy_images()
PLAN = toy_plan(toy_network(), DATA)


def run(folder: Path, kill: int | None = None, plan: Plan = PLAN) -> tuple[Training, Listener]:
    listener = Listener(kill)
    return follow(toy_network(), DATA, plan, folder, listener), listener


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unbroken")
    run(folder)
    return folder


def assert_same(folder: Path, unbroken: Path) -> None:
    assert (folder / "weights.safetensors").read_bytes() == (unbroken / "weights.safetensors").read_bytes()
    assert sorted(p.name for p in folder.iterdir()) == [CHECKPOINT, "history.csv", "plan.json", "weights.safetensors"]
    rows, expected = (list(csv.DictReader((f / "history.csv").read_text().splitlines())) for f in (folder, unbroken))
    for row in (*rows, *expected):
        del row["seconds"]
    assert rows == expected


def test_learns_and_leaves_its_files(tmp_path: Path) -> None:
    network, listener = toy_network(), Listener()
    plan = toy_plan(network, DATA, epochs=8)
    result = follow(network, DATA, plan, tmp_path, listener)
    assert result.epochs == len(result.history) == 8
    assert result.history[result.best_epoch - 1].validation_accuracy > 0.8
    assert result.images_per_second > 0
    assert [done for done, _, _ in listener.steps] == list(range(1, plan.steps + 1))
    assert Plan.model_validate_json((tmp_path / "plan.json").read_text()) == plan
    weights = load_file(tmp_path / "weights.safetensors")
    assert weights.keys() == network.state_dict().keys()
    assert all(torch.equal(value, weights[key]) for key, value in network.state_dict().items())
    accuracy = (predict(network, DATA.validation.pixels, DATA.preprocessing).argmax(1) == DATA.validation.labels).mean()
    assert accuracy == pytest.approx(result.history[result.best_epoch - 1].validation_accuracy)


@pytest.mark.parametrize("kill", [1, 4, 5, 7, 8, 12])
def test_resumed_is_unbroken(tmp_path: Path, unbroken: Path, kill: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a checkpoint after each step, killed in the middle and at the edges of the epochs of four steps."""
    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    with pytest.raises(Killed):
        run(tmp_path, kill)
    assert not (tmp_path / "weights.safetensors").exists()
    _, listener = run(tmp_path)
    assert listener.steps[0][0] == (kill if kill % 4 == 0 else kill + 1)
    assert any("resumes" in note for note in listener.notes) == (kill > 1 or listener.steps[0][0] == 2)
    assert_same(tmp_path, unbroken)


def test_killed_again_and_again(tmp_path: Path, unbroken: Path) -> None:
    """Checkpoints at the ends of epochs only, as in short runs."""
    for kill in (2, 6, 7, 11):
        with pytest.raises(Killed):
            run(tmp_path, kill)
    run(tmp_path)
    assert_same(tmp_path, unbroken)


def test_killed_while_a_checkpoint_is_written(tmp_path: Path, unbroken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = Path.write_bytes, []

    def half(self: Path, content: bytes) -> int:
        calls.append(self)
        if len(calls) == 2:
            real(self, content[: len(content) // 2])
            raise Killed
        return real(self, content)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", half)
        with pytest.raises(Killed):
            run(tmp_path)
    assert len(calls) == 2
    run(tmp_path)
    assert_same(tmp_path, unbroken)


def test_killed_while_the_weights_are_written(tmp_path: Path, unbroken: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(loop, "save_weights", fail)
        with pytest.raises(Killed):
            run(tmp_path)
    assert not (tmp_path / "weights.safetensors").exists()
    _, listener = run(tmp_path)
    assert listener.steps == []
    assert_same(tmp_path, unbroken)


@pytest.mark.parametrize("damage", ["cut", "bit", "empty", "foreign"])
def test_a_checkpoint_that_cannot_be_used(tmp_path: Path, unbroken: Path, damage: str) -> None:
    plan = PLAN.model_copy(update={"seed": 1}) if damage == "foreign" else PLAN
    with pytest.raises(Killed):
        run(tmp_path, 6, plan)
    path = tmp_path / CHECKPOINT
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= damage == "bit"
    path.write_bytes({"cut": content[:-100], "empty": b""}.get(damage, content))
    _, listener = run(tmp_path)
    assert len(listener.notes) == 1
    assert listener.notes[0].endswith("training starts again")
    assert len(listener.steps) == PLAN.steps
    assert_same(tmp_path, unbroken)


def test_train_keeps_the_plan_of_a_killed_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan from a time is measured once; the second call must not measure again."""
    monkeypatch.setattr(planning, "measure_speed", lambda *_: (1, 0.01, 0.0001))
    config = Config(data="toy", model="toy", train_time=1.0, batch_size=16)
    with pytest.raises(Killed):
        train(toy_network(), DATA, config, tmp_path, Listener(kill=2))
    first = (tmp_path / "plan.json").read_text()
    monkeypatch.delattr(planning, "measure_speed")
    train(toy_network(), DATA, config.model_copy(update={"train_time": 100.0}), tmp_path)
    assert (tmp_path / "plan.json").read_text() == first


def test_a_diverging_run_says_what_to_do(tmp_path: Path) -> None:
    plan = toy_plan(toy_network(), DATA, learning_rate=1e30, warmup_steps=1)
    with pytest.raises(UserError, match=r"training diverged: .* epoch 1, step .* --learning-rate lower than 1e\+30"):
        follow(toy_network(), DATA, plan, tmp_path)
    assert not (tmp_path / "weights.safetensors").exists()


def test_the_process_is_left_as_it_was(tmp_path: Path) -> None:
    before = torch.get_rng_state(), torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    run(tmp_path)
    assert torch.equal(before[0], torch.get_rng_state())
    assert before[1:] == (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled())


def test_logits_of_pixels_and_of_prepared_inputs_agree() -> None:
    network = toy_network()
    network.train()
    pixels = DATA.train.pixels
    prepared = logits(network, DATA.preprocessing.normalize(pixels))
    assert prepared.shape == (64, 3)
    np.testing.assert_allclose(predict(network, pixels, DATA.preprocessing), prepared, rtol=1e-5, atol=1e-5)
    assert network.training
