"""What the tensors of a float network hold over calibration images, taken with the compiled network itself.

Two passes, so that nothing but sums is kept: extremes and moments first, then histograms between the extremes.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.graph.debugging import ALL, with_outputs
from depthwise.ops import REGISTRY
from depthwise.ops.base import shape_of
from depthwise.progress import Progress, Silent

FEWEST = 16
"""Images below which ranges would be guesses."""

BINS = 2048
"""Of a histogram: eight for each level of 8 bits."""

AT_ONCE = 2**28
"""Bytes of all tensors of the images that run together."""


@dataclass(frozen=True, eq=False)
class Statistics:
    """Of one tensor over all images and pixels.

    Attributes:
        low, high: its extremes; not finite if a value was not.
        counts: int64 [BINS], of values between the extremes.
        lows, highs, means, deviations: float64 [C], by channel.
    """

    low: float
    high: float
    counts: np.ndarray
    lows: np.ndarray
    highs: np.ndarray
    means: np.ndarray
    deviations: np.ndarray


def collect(network: ir.Model, images: np.ndarray, progress: Progress | None = None) -> dict[str, Statistics]:
    """The statistics of every tensor by name: the input, and the output of each node.

    Args:
        network: in normal form, with one float32 input.
        images: uint8 pixels [N, H, W, C], which the network's preprocessing normalizes, or float32 of the same shape.
        progress: told how it goes.

    Raises:
        UserError: fewer than `FEWEST` images; as `Engine.build` and a call of the engine.
    """
    if len(images) < FEWEST:
        raise UserError(f"{len(images)} calibration images are too few to know ranges from: give {FEWEST} or more")
    progress = progress or Silent()
    runs = _Runs(network, images)
    moments: dict[str, _Moments] = {}
    with np.errstate(all="ignore"):  # what is not finite is told of where a range is made of it
        for done, tensors in runs:
            progress.step(done, 2 * len(images), "extremes")
            for name, array in tensors.items():
                moments.setdefault(name, _Moments(array.shape[1])).add(array)
    counts = {name: np.zeros(BINS, np.int64) for name in moments}
    for done, tensors in runs:
        progress.step(len(images) + done, 2 * len(images), "histograms")
        for name, array in tensors.items():
            counts[name] += _histogram(array, moments[name].low, moments[name].high)
    found = {name: moment.statistics(counts[name]) for name, moment in moments.items()}
    for node in network.graph:
        if REGISTRY[node.op_type].view:  # no kernel runs: it holds what its input holds
            found[str(node.outputs[0].name)] = found[str(node.inputs[0].name)]  # type: ignore[union-attr]
    return found


class _Runs:
    """All tensors of a network, batch by batch: (images before, name -> [values, C])."""

    def __init__(self, network: ir.Model, images: np.ndarray) -> None:
        every = with_outputs(network, [ALL], "float")
        self._engine, self._images = Engine.build(every, "float"), images
        self._input = str(network.graph.inputs[0].name)
        self._outputs = [str(value.name) for value in every.graph.outputs]
        self._batch = max(1, AT_ONCE // (4 * sum(int(np.prod(shape_of(value))) for value in every.graph.outputs)))

    def __iter__(self) -> Iterator[tuple[int, Mapping[str, np.ndarray]]]:
        for begin in range(0, len(self._images), self._batch):
            batch = inputs_of(self._engine, self._images[begin : begin + self._batch])
            found = self._engine(batch)
            tensors = found if isinstance(found, dict) else {self._outputs[0]: found}
            arrays = {self._input: batch, **tensors}
            yield begin, {name: array.reshape(-1, array.shape[-1]) for name, array in arrays.items()}


def inputs_of(engine: Engine, images: np.ndarray) -> np.ndarray:
    """What an engine takes, from uint8 pixels or from float32 that is normalized already; both [N, H, W, C]."""
    return engine.of_pixels(np.asarray(images)) if images.dtype == np.uint8 else np.asarray(images)


class _Moments:
    """Extremes, sums and sums of squares by channel."""

    def __init__(self, channels: int) -> None:
        self._lows, self._highs = np.full(channels, np.inf), np.full(channels, -np.inf)
        self._sums, self._squares, self._count = np.zeros(channels), np.zeros(channels), 0

    @property
    def low(self) -> float:
        return float(self._lows.min())

    @property
    def high(self) -> float:
        return float(self._highs.max())

    def add(self, array: np.ndarray) -> None:
        """More values, [values, C]."""
        self._lows, self._highs = np.minimum(self._lows, array.min(0)), np.maximum(self._highs, array.max(0))
        self._sums += array.sum(0, dtype=np.float64)
        self._squares += np.einsum("nc,nc->c", array, array, dtype=np.float64)
        self._count += len(array)

    def statistics(self, counts: np.ndarray) -> Statistics:
        """With the histogram between the extremes."""
        with np.errstate(all="ignore"):
            means = self._sums / self._count
            deviations = np.sqrt(np.maximum(self._squares / self._count - means**2, 0))
        return Statistics(self.low, self.high, counts, self._lows, self._highs, means, deviations)


def _histogram(array: np.ndarray, low: float, high: float) -> np.ndarray:
    """Counts [BINS] of values between two bounds; all in the first bin where there is no range."""
    if not (np.isfinite(low) and np.isfinite(high)):
        return np.zeros(BINS, np.int64)
    per_value = min(BINS / (high - low), 1e30) if high > low else 0.0
    places = ((array - np.float32(low)) * np.float32(per_value)).astype(np.int32)
    return np.bincount(np.clip(places, 0, BINS - 1).reshape(-1), minlength=BINS)
