"""What learns: network, optimizer and the moving average of the weights, one step or one validation at a time."""

import contextlib
import ctypes
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.swa_utils import AveragedModel

from depthwise.training.augmentation import Augmentation, seed_step
from depthwise.training.evaluate import normalize, predict, to_unit
from depthwise.training.recipe import Images, Plan


class Learner:
    """The state of a training run between two steps.

    Args:
        network: trained in place.
        data: images to learn from and to validate with.
        plan: the recipe.

    Attributes:
        network: as accelerate prepared it.
        average: the moving average of its weights and of its BatchNorm statistics; this is what is validated and kept.
    """

    def __init__(self, network: nn.Module, data: Images, plan: Plan) -> None:
        self.data = data
        self.plan = plan
        self._accelerator = Accelerator()
        device = self._accelerator.device
        network = network.to(device=device, memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.average = AveragedModel(network, multi_avg_fn=_averaging(plan.ema_decay), use_buffers=True)
        optimizer = torch.optim.SGD(
            parameter_groups(network, plan.weight_decay),
            lr=plan.learning_rate,
            momentum=plan.momentum,
            nesterov=True,
            fused=device.type in ("cpu", "cuda"),
        )
        self.network, self._optimizer = self._accelerator.prepare(network, optimizer)
        height, width, _ = data.preprocessing.shape
        self._augment = Augmentation(plan.augmentation, height, width, plan.flip)
        self._device = device

    def step(self, epoch: int, step: int) -> tuple[float, int]:
        """Learns from batch `step` of `epoch` (both from 0). Returns the mean loss and the count of right answers."""
        plan = self.plan
        seed_step(plan.seed, epoch, step)
        chosen = batch_indices(plan, epoch * plan.steps_per_epoch + step, len(self.data.train))
        images = self._augment(to_unit(self.data.train.pixels[chosen], self._device))
        labels = torch.from_numpy(np.asarray(self.data.train.labels)[chosen].astype(np.int64)).to(self._device)
        outputs = self.network(normalize(images, self.data.preprocessing))
        loss = F.cross_entropy(outputs, labels, label_smoothing=plan.label_smoothing)
        self._accelerator.backward(loss)
        for group in self._optimizer.param_groups:
            group["lr"] = plan.learning_rate_at(epoch * plan.steps_per_epoch + step)
        self._optimizer.step()
        self._optimizer.zero_grad()
        self.average.update_parameters(self._accelerator.unwrap_model(self.network))
        return float(loss.detach()), int((outputs.argmax(1) == labels).sum())

    def validate(self) -> tuple[float, float]:
        """Mean loss (no smoothing) and accuracy in 0..1 of the averaged weights on the validation images."""
        pixels, labels = self.data.validation.pixels, np.asarray(self.data.validation.labels).astype(np.int64)
        if self.plan.validation_images < len(labels):
            chosen = np.sort(shuffled(self.plan.seed, 0, len(labels))[: self.plan.validation_images])
            pixels, labels = pixels[chosen], labels[chosen]
        outputs = predict(self.average.module, pixels, self.data.preprocessing)
        loss = F.cross_entropy(torch.from_numpy(outputs).double(), torch.from_numpy(labels))
        return float(loss), float((outputs.argmax(1) == labels).mean())

    def weights(self) -> dict[str, Tensor]:
        """A copy of the averaged weights by state_dict key, on the CPU and contiguous."""
        state = self.average.module.state_dict()
        return {key: value.detach().cpu().clone(memory_format=torch.contiguous_format) for key, value in state.items()}

    def state(self) -> dict[str, Any]:
        """All that a later `restore` needs: nested dictionaries of tensors and plain values."""
        return {
            "network": self._accelerator.unwrap_model(self.network).state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Takes up a state that `state` gave for the same plan."""
        self._accelerator.unwrap_model(self.network).load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])


def batch_indices(plan: Plan, step: int, images: int) -> np.ndarray:
    """Which of the training images make up a step (counted from 0 over all epochs), in ascending order.

    Each pass over the images takes whole batches from a new permutation of them.
    """
    number, place = divmod(step, images // plan.batch_size)
    order = shuffled(plan.seed, number, images)
    return np.sort(order[place * plan.batch_size : (place + 1) * plan.batch_size])


@lru_cache(maxsize=2)
def shuffled(seed: int, number: int, count: int) -> np.ndarray:
    """A permutation of `count` things that depends on the arguments only."""
    return np.random.default_rng((seed, number)).permutation(count)


def parameter_groups(network: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Kernels and matrices decay; vectors (norms, biases) do not (He et al., arXiv:1812.01187, section 3.1)."""
    parameters = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]


def ema_decay(limit: float, updates: int) -> float:
    """Decay of the moving average after `updates` updates: (1 + n) / (10 + n) up to `limit`, so that short runs
    forget their random start."""
    return min(limit, (1 + updates) / (10 + updates))


def _averaging(limit: float) -> Any:
    @torch.no_grad()
    def average(averaged: list[Tensor], current: list[Tensor], updates: Tensor | int) -> None:
        share = 1 - ema_decay(limit, int(updates))
        for mean, value in zip(averaged, current, strict=True):
            if mean.is_floating_point():
                mean.lerp_(value, share)
            else:
                mean.copy_(value)  # counts, such as the batches that a norm has seen

    return average


@contextlib.contextmanager
def repeatable(threads: int) -> Iterator[None]:
    """Inside, the same steps give the same bits; the process's own settings and randomness come back afterwards."""
    old_threads = torch.get_num_threads()
    old_mode = torch.are_deterministic_algorithms_enabled()
    old_fill = torch.utils.deterministic.fill_uninitialized_memory  # type: ignore[attr-defined]
    keep_freed_memory()
    with torch.random.fork_rng():
        torch.set_num_threads(threads)
        if not torch.cuda.is_available():  # there it would refuse operators that have no deterministic form
            torch.use_deterministic_algorithms(True)
            torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.backends.cudnn.benchmark = False
        try:
            yield
        finally:
            torch.set_num_threads(old_threads)
            torch.use_deterministic_algorithms(old_mode)
            torch.utils.deterministic.fill_uninitialized_memory = old_fill  # type: ignore[attr-defined]


def keep_freed_memory() -> None:
    """Asks glibc to keep freed blocks instead of giving them back to the system; elsewhere it does nothing.

    By default each activation of some megabytes is mapped afresh, page by page, in every step. Without that a step on
    the processor takes 1.2 to 1.8 times less.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        mallopt(-1, 2**31 - 1)  # M_TRIM_THRESHOLD
