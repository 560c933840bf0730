"""Compound scaling on one's own images and device: how much of depth, width and resolution should grow together?

EfficientNet's small grid search (Tan and Le 2019, arXiv:1905.11946, section 3.3): at phi = 1 a few triples with
alpha beta^2 gamma^2 near 2, which about double the MACs, are trained alike; the most accurate holds for every phi.
"""

import math
import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from pydantic import ValidationError

from depthwise.config import Record
from depthwise.device import HOST, RESOURCES
from depthwise.errors import UserError
from depthwise.files import fingerprint, write_text
from depthwise.results import Candidate, Interval
from depthwise.search import Effort, Question
from depthwise.search.plan import LEAST_STEPS
from depthwise.selection.candidates import time_network
from depthwise.selection.task import Task
from depthwise.selection.trials import Trainer, evaluate, training_speed

ALPHAS, BETAS = (1.0, 1.2, 1.4, 2.0), (1.0, 1.1, 1.2, 1.4)
"""Growths of depth and of width that are tried; gamma, that of resolution, follows. Each alone is among them."""

GROWTH = 2.0
"""alpha beta^2 gamma^2."""

FAIR = (1.5, 2.5)
"""Growth of MACs between which triples are compared. Repeats and channels are whole numbers, so a small base can grow
by far more or less than GROWTH."""


class Triple(Record):
    """A triple of coefficients at phi = 1 and what it came to; the first of a Scaling is the base, 1, 1 and 1.

    Attributes:
        candidate: the network, and what it takes of the device. times: its MACs over those of the base.
        accuracy: on the validation images after the short training; None: not trained yet.
        missed: why it is not trained: "over RAM and MACs", or how its MACs grow.
    """

    alpha: float
    beta: float
    gamma: float
    candidate: Candidate
    times: float = 1.0
    accuracy: Interval | None = None
    missed: str = ""


class Scaling(Record):
    """The grid: what is trained, how long, and what came of it. Stored in a file, it can be taken up again.

    Attributes:
        mark: fingerprint of what it was made for. precision: that the networks were weighed in.
        steps, epochs: of each training. images: that each is validated on. threads, seconds: of all trainings.
    """

    mark: str
    device: str
    precision: str
    triples: list[Triple]
    steps: int
    epochs: float
    images: int
    threads: int
    seconds: float = 0.0

    @property
    def ranking(self) -> list[Triple]:
        """The triples that grew and were trained, the most accurate first, of equals the one with fewer MACs."""
        trained = [one for one in self.triples[1:] if one.accuracy]
        return sorted(trained, key=lambda one: (-(one.accuracy.value if one.accuracy else 0.0), one.candidate.macs))

    @property
    def choice(self) -> Triple:
        """The best triple."""
        return self.ranking[0]

    @property
    def rivals(self) -> int:
        """How many triples the best one cannot be told from: those whose accuracy lies in its 95 % interval."""
        best = self.choice.accuracy
        assert best
        return sum(one.accuracy is not None and one.accuracy.value >= best.low for one in self.ranking[1:])


def triples() -> Iterator[tuple[float, float, float]]:
    """Alpha, beta and gamma of the grid: those with alpha beta^2 gamma^2 = 2 and no growth below 1."""
    for alpha, beta in product(ALPHAS, BETAS):
        gamma = math.sqrt(GROWTH / alpha) / beta
        if gamma > 0.99:  # a little less is 1 within rounding
            yield alpha, beta, max(1.0, round(gamma, 2))


def find_coefficients(task: Task, trainer: Trainer, path: Path | None = None) -> Scaling:
    """Trains each triple that keeps every limit for equally many steps from the same seed.

    Args:
        task: its config names the base network, and has limits, the time of all trainings or the epochs of each, and
            the seed.
        trainer: reads images and trains.
        path: of a .json file that is written after each training; the same call takes it up. None: none is.

    Raises:
        UserError: no triple keeps every limit (exit code 1), or what the stages raise.
    """
    task.progress.stage("scaling")
    mark = fingerprint(task.config.model_dump_json(), task.images.fingerprint, sorted(task.limits.items()))
    found = _stored(path, mark) or _plan(task, trainer, mark)
    wanted = [i for i, one in enumerate(found.triples) if not one.missed]
    for done, i in enumerate(wanted):
        one = found.triples[i]
        task.progress.step(done, len(wanted), one.candidate.name)
        if one.accuracy is None:
            question = Question(one.candidate, 0, found.steps, found.images)
            answer = evaluate(task, trainer, question, found.threads)
            rows = [*found.triples[:i], one.model_copy(update={"accuracy": answer.accuracy}), *found.triples[i + 1 :]]
            found = found.model_copy(update={"triples": rows, "seconds": round(found.seconds + answer.seconds, 3)})
            if path:
                write_text(path, found.model_dump_json(indent=1) + "\n")
    task.progress.step(len(wanted), len(wanted))
    shutil.rmtree(trainer.folder, ignore_errors=True)
    return found


def _stored(path: Path | None, mark: str) -> Scaling | None:
    """What an earlier call has found so far; None if there is nothing of this mark."""
    try:
        found = Scaling.model_validate_json(path.read_text(encoding="utf-8")) if path else None
    except (FileNotFoundError, UnicodeDecodeError, ValidationError):
        return None
    return found if found and found.mark == mark else None


def _plan(task: Task, trainer: Trainer, mark: str) -> Scaling:
    """Weighs the base and the grid, and spreads the time over those that fit."""
    config, images = task.config, task.images
    base = _weighed(task, 1.0, 1.0, 1.0, 0)
    grown = [_weighed(task, *triple, base.candidate.macs) for triple in triples()]
    trained = [one for one in (base, *grown) if not one.missed]
    if not [one for one in trained if one is not base]:
        why = ", ".join(dict.fromkeys(one.missed for one in grown))
        raise UserError(
            f"{base.candidate.name} cannot grow on {task.device.name}: its triples are {why}; "
            "begin with a smaller --width or --resolution, or raise the limits",
            exit_code=1,
        )
    threads, speed = training_speed(task, trainer, base.candidate.resolution)
    batch, validated = min(config.batch_size, len(images.train)), len(images.validation)
    if config.train_time is None:
        steps = (config.epochs or trainer.room.DEFAULT_EPOCHS) * (len(images.train) // batch)
    else:
        effort = Effort(config.train_time, 0, batch, validated, speed)
        sizes = [task.elements(one.candidate) for one in trained]
        left = config.train_time - sum(size * validated * speed.validation for size in sizes)
        steps = max(LEAST_STEPS, int(left / sum(effort.step(size) for size in sizes)))
    return Scaling(
        mark=mark,
        device=task.device.name,
        precision=task.precision,
        triples=[base, *grown],
        steps=steps,
        epochs=round(steps * batch / len(images.train), 2),
        images=validated,
        threads=threads,
    )


def _weighed(task: Task, alpha: float, beta: float, gamma: float, base: int) -> Triple:
    """A triple's network with what it takes, on this machine timed; `base`: MACs of the base, 0 for itself."""
    config = task.config
    assert config.model is not None
    resolution = round(task.images.preprocessing.size * gamma)
    one = task.weigh(config.model, round(config.width * beta, 4), resolution, round(config.depth * alpha, 4))
    if task.device.name == HOST:
        known = time_network(task.network_of(one), config.input, task.precision)
        one = one.model_copy(update={"latency": known.latency, "latency_certainty": "measured"})
    over = [
        RESOURCES[name].label
        for name, limit in task.limits.items()
        if (value := getattr(one, name)) is None or value > limit
    ]
    times = round(one.macs / base, 2) if base else 1.0
    missed = f"over {' and '.join(over)}" if over else ""
    if not over and base and not FAIR[0] <= times <= FAIR[1]:
        missed = f"{times:g} times as large"
    return Triple(alpha=alpha, beta=beta, gamma=gamma, candidate=one, times=times, missed=missed)
