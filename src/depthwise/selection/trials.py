"""The trials: how fast this machine trains, what can be trained in the time, and one short training as an answer."""

import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from depthwise import design, search
from depthwise.data import ImageData
from depthwise.errors import UserError
from depthwise.progress import Silent
from depthwise.results import Interval
from depthwise.search import Answer, Axes, Question, Speed
from depthwise.selection.task import Task, elements

_MEASURED_WIDTHS = 0.25, 0.05

LEAST_PASSES = 2
"""A network so slow to train that the time left for it is not enough for so many passes is not a candidate."""


@dataclass(frozen=True)
class Trainer:
    """How candidates are trained.

    Attributes:
        read: gives the images at a resolution.
        room: the room `training`.
        folder: for what a trial writes.
    """

    read: Callable[[int], ImageData]
    room: ModuleType
    folder: Path


def training_speed(task: Task, trainer: Trainer, resolution: int) -> tuple[int, Speed]:
    """Threads to train with, and how fast this machine trains; without a limit of time nothing is measured.

    Beside a fixed part, which two widths tell, the time of a training step is close to proportional to the elements of
    all layers' outputs: within a third over MobileNetV1 and V2, widths 0.1 to 0.75, 20 to 96 px, on one thread. It is
    bound by memory, not by multiplications.
    """
    config = task.config
    if config.train_time is None:
        return 1, Speed(1.0, 0.3)
    images = trainer.read(resolution)
    room, settings = trainer.room, trainer.room.Settings.of(config)
    wide, thin = (task.network(design.searched_models()[0], width, resolution) for width in _MEASURED_WIDTHS)
    module = room.new_network(wide.layers(), config.seed)
    threads, step, image = room.measure_speed(module, images, settings, config.train_time)
    module = room.new_network(thin.layers(), config.seed)
    _, least, _ = room.measure_speed(module, images, settings, config.train_time, threads)
    batch = min(config.batch_size, len(images.train))
    slope = max(0.0, step - least) / (elements(wide) - elements(thin))
    fixed = max(0.0, least - slope * elements(thin))
    return threads, Speed((step - fixed) / elements(wide) / batch, image / elements(wide), fixed)


def affordable(task: Task, axes: Axes, speed: Speed) -> float:
    """Most elements of a candidate, so that neither the search nor the training that follows takes too long."""
    config, images = task.config, len(task.images.train)
    if config.train_time is None:
        return math.inf
    passes = config.train_time * (1 - search.SHARE) / (LEAST_PASSES * images * speed.training)
    seconds = config.train_time * search.SHARE
    return min(passes, search.affordable(seconds, config.batch_size, speed, len(axes.models)))


def evaluate(task: Task, trainer: Trainer, question: Question, threads: int) -> Answer:
    """Trains a candidate and validates it once. A loss that is no longer finite is an answer, too: no accuracy."""
    training, one = trainer.room, question.candidate
    images = trainer.read(one.resolution)
    network = training.new_network(task.network_of(one).layers(), task.config.seed)
    settings = training.Settings.of(task.config)
    trial = training.trial_plan(network, images, settings, question.steps, question.images, threads)
    folder = trainer.folder / f"{one.name} {question.rung}".replace(" ", "-")
    began = time.monotonic()
    try:
        done = training.follow(network, images, trial, folder, Silent())
    except UserError as error:
        task.progress.note(f"{one.name}: {error}")
        accuracy, seconds = 0.0, time.monotonic() - began
    else:
        accuracy, seconds = done.history[-1].validation_accuracy, done.seconds
    shutil.rmtree(folder)
    right = Interval.of(round(accuracy * trial.validation_images), trial.validation_images)
    return Answer(right, question.steps * trial.batch_size / len(images.train), seconds)
