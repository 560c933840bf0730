"""Making the plan: from a number of epochs, or from a time by measuring the speed at the start."""

import copy
import math
import time
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError
from torch import nn

from depthwise.errors import UserError
from depthwise.files import fingerprint
from depthwise.runs import PLAN
from depthwise.training.evaluate import BATCH, predict
from depthwise.training.learner import Learner, repeatable
from depthwise.training.recipe import Images, Plan, Settings

DEFAULT_EPOCHS = 30
"""Without a number of epochs and without a time."""

LEAST_EPOCHS = 8
"""When a time is given and fewer passes fit, epochs are shorter than a pass."""

AUGMENTED_EPOCHS = 25
"""Fewer passes over the images are too few to overfit, and augmentation costs accuracy: MobileNetV2 0.35 on 8,500
images of Fashion-MNIST had 87.9 % in validation after 3 of 6 epochs without, 82.7 % with it."""

_WORTH_THREADS = 1.25  # several must be so much faster than one: whatever else runs slows them much more

_LONGEST_MEASUREMENT = 5.0  # seconds for each number of threads

_USED = 0.92  # share of the time that is planned; the rest is for checkpoints and a machine that slows down


def make_plan(
    network: nn.Module,
    data: Images,
    settings: Settings,
    seconds: float | None = None,
    epochs: int | None = None,
    threads: int | None = None,
) -> Plan:
    """The plan of a run; the network is left as it is.

    Args:
        network: from float32 [N, C, H, W] to [N, classes].
        data: train and validation images.
        settings: what the user chose.
        seconds: limit for the wall time of training, this measurement included. Ignored if `epochs` is given.
        epochs: passes over the training images; then nothing is measured.
        threads: of the processor; None: as many as are fastest.

    Raises:
        UserError: fewer than two training images, or a setting out of range.
    """
    began = time.perf_counter()
    _check(data, settings, seconds, epochs)
    if epochs is not None or seconds is None:
        return _plan(network, data, settings, epochs or DEFAULT_EPOCHS)
    draft = _plan(network, data, settings, 1)
    threads, step, image = measure_speed(network, data, settings, seconds, threads)
    draft = draft.model_copy(update={"threads": threads})
    left = (seconds - (time.perf_counter() - began)) * _USED
    passes = left / (draft.steps_per_epoch * step + len(data.validation) * image)
    speed = round(draft.batch_size / step, 1)
    if passes >= LEAST_EPOCHS:
        plan = _plan(network, data, settings, int(passes))
        return plan.model_copy(update={"images_per_second": speed, "threads": threads})
    return _short_plan(draft, data, left, step, image).model_copy(update={"images_per_second": speed})


def trial_plan(network: nn.Module, data: Images, settings: Settings, steps: int, images: int, threads: int) -> Plan:
    """The plan of a trial: one epoch of so many steps, then one validation on so many images."""
    plan = _plan(network, data, settings, 1)
    return plan.model_copy(
        update={
            "steps_per_epoch": steps,
            "validation_images": images,
            "warmup_steps": _warmup(steps),
            "ema_decay": _ema_decay(steps),
            "threads": threads,
        }
    )


def _short_plan(draft: Plan, data: Images, left: float, step: float, image: float) -> Plan:
    """Fewer passes than LEAST_EPOCHS: that many shorter epochs, so that the time is used and there is a best to choose.

    Args:
        draft: a plan of one epoch that is a whole pass.
        left: seconds. step: seconds of one. image: seconds of one in validation.
    """
    epochs = min(LEAST_EPOCHS, max(1, int(left / (4 * (step + 64 * image)))))
    share = left / epochs
    validated = min(len(data.validation), max(64, int(0.1 * share / image)))
    steps = max(1, int((share - validated * image) / step))
    passes = epochs * steps / draft.steps_per_epoch
    return draft.model_copy(
        update={
            "epochs": epochs,
            "steps_per_epoch": steps,
            "validation_images": validated,
            "warmup_steps": _warmup(epochs * steps),
            "ema_decay": _ema_decay(epochs * steps),
            "note": f"at {draft.batch_size / step:.0f} images/s the time is enough for {passes:.2g} passes over the "
            f"training images: {epochs} epochs of {steps} steps each (a pass is {draft.steps_per_epoch})",
        }
    )


def stored_plan(folder: Path, data: Images) -> Plan | None:
    """The plan that a run on these images stored in its folder; None if there is none that can be read."""
    try:
        plan = Plan.model_validate_json((folder / PLAN).read_text(encoding="utf-8"))
    except (FileNotFoundError, UnicodeDecodeError, ValidationError):
        return None
    return plan if plan.data == data.fingerprint else None


def network_fingerprint(network: nn.Module) -> str:
    """Hash of names and shapes of a network's weights."""
    return fingerprint([(key, tuple(value.shape)) for key, value in network.state_dict().items()])


def _check(data: Images, settings: Settings, seconds: float | None, epochs: int | None) -> None:
    rate = settings.learning_rate
    for name, value, fine in (
        ("--batch-size", settings.batch_size, settings.batch_size >= 2),
        ("--learning-rate", rate, rate is None or (rate > 0 and math.isfinite(rate))),
        ("--epochs", epochs, epochs is None or epochs >= 1),
        ("--train-time", seconds, seconds is None or (seconds > 0 and math.isfinite(seconds))),
    ):
        if not fine:
            least = "at least 2" if name == "--batch-size" else "at least 1" if name == "--epochs" else "above 0"
            raise UserError(f"{name} {value} is out of range: give a number {least}")
    if len(data.train) < 2 or len(data.validation) < 1:
        raise UserError(
            f"{len(data.train)} training and {len(data.validation)} validation images are too few: "
            "give at least 2 and 1"
        )


def _plan(network: nn.Module, data: Images, settings: Settings, epochs: int) -> Plan:
    batch = min(settings.batch_size, len(data.train))
    steps = len(data.train) // batch
    return Plan(
        epochs=epochs,
        steps_per_epoch=steps,
        batch_size=batch,
        validation_images=len(data.validation),
        learning_rate=settings.learning_rate or (0.01 if settings.tuned else 0.1) * batch / 32,
        warmup_steps=_warmup(epochs * steps),
        momentum=0.9,
        weight_decay=2e-4,
        label_smoothing=0.1,
        ema_decay=_ema_decay(epochs * steps),
        augmentation=settings.augmentation or ("standard" if epochs >= AUGMENTED_EPOCHS else "none"),
        flip=settings.flip,
        seed=settings.seed,
        threads=torch.get_num_threads(),
        data=data.fingerprint,
        network=network_fingerprint(network),
    )


def _warmup(steps: int) -> int:
    """A tenth of the run, in short runs up to 50 steps: after six the loss rose at the peak rate."""
    return max(1, steps // 10, min(50, steps // 3))


def _ema_decay(steps: int) -> float:
    """The average looks back over about a thirtieth of the run, at most 1000 steps."""
    return 1 - 1 / min(1000, max(5, steps // 30))


def measure_speed(
    network: nn.Module, data: Images, settings: Settings, limit: float, threads: int | None = None
) -> tuple[int, float, float]:
    """The best number of threads, seconds of one step and of one validated image, in about a twentieth of `limit`.

    On a machine that does something else besides, one thread is faster than one a core. The median keeps stalls out.

    Args:
        network: left as it is.
        data, settings: as for `make_plan`.
        limit: seconds of the training that is planned.
        threads: the only number that is tried; None: one, and one a core.
    """
    plan = _plan(network, data, settings, 1)
    limit = min(limit, _LONGEST_MEASUREMENT * 60)
    speeds = []
    for number in sorted({threads} if threads else {plan.threads, 1}):
        with repeatable(number):
            learner = Learner(copy.deepcopy(network), data, plan)
            for warm in range(2):
                learner.step(0, warm % plan.steps_per_epoch)
            ends = [time.perf_counter()]
            while len(ends) < 3 or (len(ends) < 100 and ends[-1] - ends[0] < limit / 60):
                learner.step(0, (len(ends) - 1) % plan.steps_per_epoch)
                ends.append(time.perf_counter())
            few = data.validation.pixels[:BATCH]
            predict(learner.average.module, few[:8], data.preprocessing)
            began = time.perf_counter()
            predict(learner.average.module, few, data.preprocessing)
            image = (time.perf_counter() - began) / len(few)
            speeds.append((float(np.median(np.diff(ends))), number, image))
    step, best, image = min(speeds, key=lambda speed: speed[0] * (1 if speed[1] == 1 else _WORTH_THREADS))
    return best, step, image
