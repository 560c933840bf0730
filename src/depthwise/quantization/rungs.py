"""The rungs that need no torch, and their order."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from depthwise.quantization.absorption import absorb
from depthwise.quantization.correction import correct
from depthwise.quantization.equalization import equalize, without_clips
from depthwise.quantization.ranges import METHODS
from depthwise.quantization.state import Rule, Rung, State, encoded
from depthwise.quantization.statistics import Statistics, collect
from depthwise.results import Interval

METHOD_NAMES = {"minmax": "min-max", "percentile": "percentile", "mse": "squared error"}

Measure = Callable[[ir.Model], Interval]
"""Accuracy of a float network in normal form on the validation images."""

LOSSLESS = 0.1
"""Points of accuracy that the float network may lose when its ReLU6 become ReLU."""


@dataclass(frozen=True)
class Calibration:
    """Scales from ranges, by one method."""

    method: str
    per_tensor: bool = False

    @property
    def name(self) -> str:
        """For tables."""
        return f"calibration, {METHOD_NAMES[self.method]}"

    def __call__(self, state: State) -> State:
        """A State with encodings and the nearest weights."""
        scales = "one scale for a layer's weights" if self.per_tensor else "a scale for each output channel"
        return encoded(replace(state, rule=Rule(self.method, self.per_tensor)), scales)


@dataclass(frozen=True, eq=False)
class Equalization:
    """Like ranges for the channels between two layers.

    Attributes:
        images: for calibration, uint8 pixels [N, H, W, C] or float32.
        measure: accuracy of a float network; given, ReLU6 are replaced by ReLU first if that costs less than `LOSSLESS`
            points against `reference`.
    """

    images: np.ndarray
    measure: Measure | None = None
    reference: Interval | None = None

    @property
    def name(self) -> str:
        """For tables."""
        return "equalization" if self.measure is None else "equalization, ReLU"

    def __call__(self, state: State) -> State:
        """A State of another network, the same function as far as calibration saw, calibrated anew."""
        note = ""
        if self.measure is not None and self.reference is not None:
            unclipped, count = without_clips(state.network)
            if not count:
                return state
            lost = 100 * (self.reference.value - self.measure(unclipped).value)
            if lost > LOSSLESS:
                return replace(state, changed=f"ReLU6 stay: without them the float network loses {lost:.1f} points")
            state = replace(state, network=unclipped, statistics=collect(unclipped, self.images))
            note = f", {count} ReLU6 replaced by ReLU ({-lost:+.1f} points in float)"
        network, pairs = equalize(state)
        return recalibrated(state, network, self.images, f"{pairs} pairs of layers{note}") if pairs else state


@dataclass(frozen=True, eq=False)
class Absorption:
    """High biases moved into the next layer."""

    images: np.ndarray
    name: str = "bias absorption"

    def __call__(self, state: State) -> State:
        """A State of another network, nearly the same function, calibrated anew."""
        network, channels = absorb(state)
        return recalibrated(state, network, self.images, f"{channels} channels lowered") if channels else state


@dataclass(frozen=True, eq=False)
class Correction:
    """Mean errors taken from the biases.

    Attributes:
        inputs: what the float network takes, float32 [N, H, W, C].
    """

    inputs: np.ndarray
    name: str = "bias correction"

    def __call__(self, state: State) -> State:
        """A State with other biases."""
        return replace(correct(state, self.inputs), changed=f"{len(state.weights)} layers")


def recalibrated(state: State, network: ir.Model, images: np.ndarray, changed: str) -> State:
    """A State of another float network by the same rule; better weights than the nearest are given up."""
    statistics: dict[str, Statistics] = collect(network, images)
    return encoded(replace(state, network=network, statistics=statistics), changed)


def calibrations(method: str, per_tensor: bool) -> list[Rung]:
    """Those of one method, or of all for "auto"."""
    return [Calibration(name, per_tensor) for name in (METHODS if method == "auto" else (method,))]


def repairs(images: np.ndarray, inputs: np.ndarray, measure: Measure, reference: Interval) -> list[Rung]:
    """What mends a network in 8 bits without training, in order.

    Args:
        images: for calibration, uint8 pixels [N, H, W, C] or float32.
        inputs: what the float network takes of some of them, float32 [N, H, W, C].
        measure, reference: accuracy of a float network, and of the one that was given.
    """
    return [
        Equalization(images),
        Equalization(images, measure, reference),
        Absorption(images),
        Correction(inputs),
    ]
