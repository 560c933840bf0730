"""The training loop: steps, validation of the averaged weights, checkpoints, and the best weights at the end."""

import csv
import io
import math
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from depthwise.config import Config
from depthwise.errors import UserError
from depthwise.files import write_text
from depthwise.progress import Progress, Silent
from depthwise.results import Epoch, Training
from depthwise.runs import PLAN
from depthwise.training import checkpoint
from depthwise.training.learner import Learner, repeatable
from depthwise.training.plan import make_plan, network_fingerprint, stored_plan
from depthwise.training.recipe import Images, Plan, Settings
from depthwise.training.weights import NAME as WEIGHTS
from depthwise.training.weights import save_weights

CHECKPOINT_SECONDS = 20.0
"""Longest time between two checkpoints, to the next step."""


@dataclass
class _Place:
    """How far a run is: all that its checkpoint holds beside the learner's state."""

    epoch: int = 0
    step: int = 0
    loss: float = 0.0
    correct: int = 0
    seconds: float = 0.0
    history: list[Epoch] = field(default_factory=list)
    best_epoch: int = -1
    best: dict[str, Tensor] = field(default_factory=dict)

    def state(self) -> dict[str, Any]:
        """As plain values and tensors."""
        return {**vars(self), "history": [row.model_dump() for row in self.history]}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> "_Place":
        """The inverse of `state`."""
        return cls(**{**state, "history": [Epoch(**row) for row in state["history"]]})


def train(
    network: nn.Module,
    data: Images,
    config: Config,
    folder: Path,
    progress: Progress | None = None,
    spent: float = 0.0,
    threads: int | None = None,
) -> Training:
    """Trains a network as a run's config asks; a killed run goes on with the plan that it stored.

    Args:
        network: from float32 [N, C, H, W] to logits [N, classes]; trained in place.
        data: train and validation images.
        config: its epochs or train_time, batch_size, learning_rate and seed are read.
        folder: run folder; see `follow`.
        progress: told of each step.
        spent: seconds of the train_time that are gone already.
        threads: as for `make_plan`.

    Raises:
        UserError: too few images, a setting out of range, or a loss that is no longer finite.
    """
    plan = stored_plan(folder, data)
    if plan is None or plan.network != network_fingerprint(network):
        left = None if config.train_time is None else max(config.train_time - spent, 0.1 * config.train_time)
        plan = make_plan(network, data, Settings.of(config), left, config.epochs, threads)
    return follow(network, data, plan, folder, progress)


def follow(network: nn.Module, data: Images, plan: Plan, folder: Path, progress: Progress | None = None) -> Training:
    """Trains by a plan, or takes up its training where a killed run of the same plan left it in `folder`.

    The result is a function of the plan, the images and the initial weights: on one machine a resumed run ends with the
    same bits as an unbroken one. At the end `network` holds the weights that are written.

    Args:
        network: from float32 [N, C, H, W] to logits [N, classes]; trained in place.
        data: train and validation images.
        plan: from `make_plan`, or the one that `stored_plan` found.
        folder: run folder; gets plan.json, history.csv, at the end weights.safetensors, and a checkpoint, which
            stays until the caller knows that the training is on record.
        progress: told of each step; what it raises ends the run, which can be resumed.

    Raises:
        UserError: if the loss is no longer finite.
    """
    progress = progress or Silent()
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / PLAN, plan.model_dump_json(indent=2) + "\n")
    with repeatable(plan.threads):
        learner = Learner(network, data, plan)
        state, note = checkpoint.load(folder, plan)
        place = _Place()
        if state is not None:
            learner.restore(state["learner"])
            place = _Place.restore(state["place"])
            progress.note(f"training resumes in epoch {min(place.epoch + 1, plan.epochs)} of {plan.epochs}")
        for line in filter(None, (plan.note, note)):
            progress.note(line)
        while place.epoch < plan.epochs:
            _run_epoch(learner, place, folder, progress)
            _close_epoch(learner, place, folder)
        save_weights(folder / WEIGHTS, place.best)
        network.load_state_dict(place.best)
    seconds = sum(row.seconds for row in place.history)
    return Training(
        epochs=plan.epochs,
        images_per_second=round(plan.steps * plan.batch_size / max(seconds, 1e-9), 1),
        best_epoch=place.best_epoch,
        seconds=round(seconds, 3),
        history=place.history,
    )


def _run_epoch(learner: Learner, place: _Place, folder: Path, progress: Progress) -> None:
    """The steps that are left of the epoch; saves a checkpoint when the last one is old."""
    plan = learner.plan
    saved = last = time.monotonic()
    while place.step < plan.steps_per_epoch:
        loss, correct = learner.step(place.epoch, place.step)
        if not math.isfinite(loss):
            raise UserError(
                f"training diverged: the loss is {loss} in epoch {place.epoch + 1}, step {place.step + 1}; "
                f"give a --learning-rate lower than {plan.learning_rate:g}"
            )
        place.loss += loss
        place.correct += correct
        place.step += 1
        now = time.monotonic()
        place.seconds += now - last
        last = now
        if now - saved >= CHECKPOINT_SECONDS and place.step < plan.steps_per_epoch:
            _save(learner, place, folder)
            saved = now
        done = place.epoch * plan.steps_per_epoch + place.step
        progress.step(done, plan.steps, _message(plan, place))


def _close_epoch(learner: Learner, place: _Place, folder: Path) -> None:
    """Validates, keeps the weights if they are the best so far, writes history and checkpoint."""
    plan = learner.plan
    began = time.monotonic()
    loss, accuracy = learner.validate()
    row = Epoch(
        epoch=place.epoch + 1,
        train_loss=place.loss / plan.steps_per_epoch,
        train_accuracy=place.correct / (plan.steps_per_epoch * plan.batch_size),
        validation_loss=loss,
        validation_accuracy=accuracy,
        learning_rate=plan.learning_rate_at((place.epoch + 1) * plan.steps_per_epoch - 1),
        seconds=place.seconds + time.monotonic() - began,
    )
    best = next((old for old in place.history if old.epoch == place.best_epoch), None)
    if best is None or (accuracy, -loss) > (best.validation_accuracy, -best.validation_loss):
        place.best_epoch, place.best = row.epoch, learner.weights()
    place.history.append(row)
    place.epoch, place.step, place.loss, place.correct, place.seconds = place.epoch + 1, 0, 0.0, 0, 0.0
    _write_history(folder, place.history)
    _save(learner, place, folder)


def _save(learner: Learner, place: _Place, folder: Path) -> None:
    checkpoint.save(folder, learner.plan, {"learner": learner.state(), "place": place.state()})


def _message(plan: Plan, place: _Place) -> str:
    text = f"epoch {place.epoch + 1}/{plan.epochs}  loss {place.loss / place.step:.3f}"
    if place.history:
        text += f"  validation {place.history[-1].validation_accuracy:.1%}"
    return text


def _write_history(folder: Path, history: list[Epoch]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(Epoch.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.model_dump() for row in history)
    write_text(folder / "history.csv", text.getvalue())
