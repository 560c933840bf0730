"""The recipe: what may be chosen (Settings), what a run is a function of (Plan), and the learning rate at each step."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from depthwise.config import Config, Record
from depthwise.data.preprocessing import Preprocessing


class Split(Protocol):
    """Labelled images: `pixels` uint8 [N, size, size, channels] (an array or a memory map), `labels` int64 [N]."""

    @property
    def pixels(self) -> Any:
        """uint8 [N, size, size, channels]; taking an index array gives those images."""

    @property
    def labels(self) -> np.ndarray:
        """int64 [N]."""

    def __len__(self) -> int: ...


class Images(Protocol):
    """The part of a data set that training sees: never the test images."""

    @property
    def train(self) -> Split:
        """Images that the weights are fitted to."""

    @property
    def validation(self) -> Split:
        """Images by which the epoch whose weights are kept is chosen."""

    @property
    def preprocessing(self) -> Preprocessing:
        """From pixels to the network's input."""

    @property
    def fingerprint(self) -> str:
        """Hash of the images and their split."""

    @property
    def classes(self) -> Sequence[str]:
        """Names of the classes, by label."""


class Settings(Record):
    """What a user may choose; None: the recipe's own.

    Attributes:
        batch_size: images in a step. learning_rate: at its peak.
        seed: of order, augmentation and dropout.
        augmentation: name in `augmentation.AUGMENTATIONS`; None: none in runs of few passes, else the standard one.
        flip: whether it may mirror left and right.
        tuned: whether trained weights are tuned: the recipe's rate is a tenth then.
    """

    batch_size: int = 64
    learning_rate: float | None = None
    seed: int = 0
    augmentation: str | None = None
    flip: bool = True
    tuned: bool = False

    @classmethod
    def of(cls, config: Config) -> "Settings":
        """What the config of a run has chosen."""
        return cls(
            batch_size=config.batch_size,
            learning_rate=config.learning_rate,
            seed=config.seed,
            tuned=config.weights is not None,
        )


class Plan(Record):
    """All that a training run is a function of, with the images and the initial weights. Stored as plan.json.

    Attributes:
        epochs, steps_per_epoch, batch_size: an epoch ends with a validation. As a rule it is one pass over the training
            images (those left over after whole batches are others each time), in short runs a part of one.
        validation_images: how many are looked at after each epoch.
        learning_rate, warmup_steps: peak of the schedule, and the steps of its linear rise.
        momentum, weight_decay: of SGD with Nesterov momentum; norms and biases do not decay.
        label_smoothing: probability taken from the true class and spread over all.
        ema_decay: decay per step of the moving average of the weights, once warmed up.
        augmentation, flip, seed: as in Settings.
        threads: of the processor; the order of sums depends on their number.
        data, network: fingerprints of the images, and of names and shapes of the weights.
        images_per_second: as measured for the plan; 0 when nothing was measured.
        note: what the user should know about the plan.
    """

    epochs: int
    steps_per_epoch: int
    batch_size: int
    validation_images: int
    learning_rate: float
    warmup_steps: int
    momentum: float
    weight_decay: float
    label_smoothing: float
    ema_decay: float
    augmentation: str
    flip: bool
    seed: int
    threads: int
    data: str
    network: str
    images_per_second: float = 0.0
    note: str = ""

    @property
    def steps(self) -> int:
        """Steps of the whole run."""
        return self.epochs * self.steps_per_epoch

    def learning_rate_at(self, step: int) -> float:
        """At a step counted from 0 over all epochs, as `learning_rate_at`."""
        return learning_rate_at(step, self.steps, self.warmup_steps, self.learning_rate)


def learning_rate_at(step: int, steps: int, warmup: int, peak: float) -> float:
    """Linear warm-up, then a half cosine to zero (Loshchilov and Hutter, arXiv:1608.03983, without restarts).

    Args:
        step: counted from 0.
        steps: of the whole run. warmup: of the linear rise among them.
        peak: the learning rate at its end.
    """
    if step < warmup:
        return peak * (step + 1) / warmup
    share = (step - warmup) / max(1, steps - warmup)
    return peak * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))
