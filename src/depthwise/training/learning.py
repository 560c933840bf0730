"""Training in 8 bits, the last rung of the ladder: weights and scales learn to give what the float network gives.

BatchNorm is folded before, so what learns is what ships. The loss is the divergence of the outputs, as probabilities,
from those of the float network on the same images (Hinton et al., arXiv:1503.02531), so no labels are needed. Scales
learn with the weights (Esser et al., arXiv:1902.08153), by Adam, whose steps are alike for small and large gradients,
with the learning rates' schedule of `recipe.py`.
"""

import math
import time
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor
from torch.nn import functional as F

from depthwise.data.preprocessing import Preprocessing
from depthwise.progress import Progress, Silent
from depthwise.quantization.state import State
from depthwise.training.augmentation import Augmentation, seed_step
from depthwise.training.byte_module import ByteModule
from depthwise.training.evaluate import normalize, to_unit
from depthwise.training.learner import repeatable, shuffled
from depthwise.training.normal_module import NormalModule
from depthwise.training.recipe import learning_rate_at

EPOCHS = 4.0
"""Passes over the training images."""

BATCH = 64
"""Images in a step."""

WEIGHT_RATE = 0.1
"""Peak learning rate of weights and biases, in steps of their 8 bits."""

SCALE_RATE = 2e-3
"""Peak learning rate of the logarithms of scales."""

WARM, TIMED = 2, 3
"""Steps before and in the measurement of the speed, where a time is given."""


@dataclass(frozen=True, eq=False)
class Learning:
    """Training in 8 bits.

    Attributes:
        teacher: the float network as it was before any rung, in normal form.
        pixels: training images, uint8 [N, H, W, C] (an array or a memory map). preprocessing: from them to the input.
        epochs: passes over them.
        seconds: a limit of the time, which the speed turns into fewer steps; what comes out is a function of these.
        augmentation: name in `augmentation.AUGMENTATIONS`.
        seed: of order and augmentation.
        progress: told of each step.
    """

    teacher: ir.Model
    pixels: Any
    preprocessing: Preprocessing
    epochs: float = EPOCHS
    seconds: float | None = None
    augmentation: str = "light"
    seed: int = 0
    progress: Progress = field(default_factory=Silent)
    name: str = "training in 8 bits"

    def __call__(self, state: State) -> State:
        """A State with other weights, biases and scales."""
        with repeatable(torch.get_num_threads()):
            steps = max(1, round(self.epochs * len(self.pixels) / self._batch))
            if self.seconds is not None:
                steps = max(1, min(steps, int(self.seconds / self._seconds_a_step(state))))
            learner, loss = _Learner(self, state, steps), math.nan
            for step in range(steps):
                loss = learner.step(step)
                if not math.isfinite(loss):
                    return replace(state, changed=f"given up: the loss was {loss} in step {step + 1} of {steps}")
                self.progress.step(step + 1, steps, f"divergence {loss:.4f}")
            return learner.student.learned(f"{steps} steps of {self._batch} images, divergence {loss:.4f}")

    @property
    def _batch(self) -> int:
        return min(BATCH, len(self.pixels))

    def _seconds_a_step(self, state: State) -> float:
        learner = _Learner(self, state, WARM + TIMED)
        for step in range(WARM + TIMED):
            if step == WARM:
                began = time.perf_counter()
            learner.step(step)
        return (time.perf_counter() - began) / TIMED

    def batch(self, step: int) -> Tensor:
        """The images of a step, in 0..1; each pass takes whole batches of a new order."""
        count = len(self.pixels)
        number, place = divmod(step, count // self._batch)
        chosen = np.sort(shuffled(self.seed, number, count)[place * self._batch : (place + 1) * self._batch])
        return to_unit(self.pixels[chosen], torch.device("cpu"))


class _Learner:
    """The network in 8 bits, the float one, and the optimizer.

    Attributes:
        student: what learns.
    """

    def __init__(self, rung: Learning, state: State, steps: int) -> None:
        self._rung, self._steps = rung, steps
        self.student, self._teacher = ByteModule(state), NormalModule(rung.teacher).requires_grad_(False)
        self._augment = Augmentation(rung.augmentation, *rung.preprocessing.shape[:2])
        student = self.student
        self._groups = (
            (WEIGHT_RATE, [*student.steps.values(), *student.biases.values()]),
            (SCALE_RATE, [*student.weight_scales.values(), student.scales]),
        )
        groups = [{"params": parameters} for _, parameters in self._groups]
        self._optimizer = torch.optim.Adam(groups, eps=1e-12)

    def step(self, step: int) -> float:
        """Learns from the batch of a step; the divergence before, in nats an image."""
        seed_step(self._rung.seed, 0, step)
        inputs = normalize(self._augment(self._rung.batch(step)), self._rung.preprocessing)
        target = self._teacher(inputs).log_softmax(1)
        found = self.student(inputs).log_softmax(1)
        loss = F.kl_div(found, target, log_target=True, reduction="batchmean")
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        for group, (peak, _) in zip(self._optimizer.param_groups, self._groups, strict=True):
            group["lr"] = learning_rate_at(step, self._steps, max(1, self._steps // 10), peak)
        self._optimizer.step()
        return loss.item()
