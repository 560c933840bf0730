"""A tiny network, separable toy images and recipes for the tests of training."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from depthwise.data.preprocessing import Preprocessing
from depthwise.training.plan import make_plan
from depthwise.training.recipe import Plan, Settings


@dataclass
class ToySplit:
    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass
class ToyImages:
    train: ToySplit
    validation: ToySplit
    preprocessing: Preprocessing
    fingerprint: str = "toy"
    classes: tuple[str, ...] = ("top", "bottom", "middle")


def toy_images(train: int = 64, validation: int = 48, size: int = 8, channels: int = 1) -> ToyImages:
    """Grey noise with a bright band whose height on the image is the class."""
    rng = np.random.default_rng(7)

    def split(count: int) -> ToySplit:
        labels = rng.integers(0, 3, count)
        pixels = rng.integers(0, 90, (count, size, size, channels)).astype(np.uint8)
        for image, label in zip(pixels, labels, strict=True):
            start = (0, size - 2, size // 2 - 1)[label]
            image[start : start + 2] += 120
        return ToySplit(pixels, labels.astype(np.int64))

    form = Preprocessing(size=size, channels=channels, mean=(0.3,) * channels, std=(0.25,) * channels)
    return ToyImages(split(train), split(validation), form)


def toy_network(seed: int = 0, channels: int = 1) -> nn.Module:
    """Convolution, norm, dropout and a classifier that sees where things are."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(channels, 6, 3, padding=1, bias=False),
            nn.BatchNorm2d(6),
            nn.Hardtanh(0, 6),
            nn.AdaptiveAvgPool2d(4),
            nn.Flatten(),
            nn.Dropout(0.1),
            nn.Linear(96, 3),
        )


def toy_plan(network: nn.Module, data: ToyImages, epochs: int = 3, **changes: object) -> Plan:
    """A plan on one processor thread."""
    plan = make_plan(network, data, Settings(batch_size=16, learning_rate=0.1), epochs=epochs)
    return plan.model_copy(update={"threads": 1, **changes})
