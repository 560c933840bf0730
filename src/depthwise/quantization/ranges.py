"""From what calibration saw of a tensor to its 8-bit scale and zero point: min-max, percentile, least squared error."""

from collections.abc import Callable, Mapping

import numpy as np

from depthwise.errors import UserError
from depthwise.ops._quantized import HIGHEST, Quantization
from depthwise.quantization.statistics import Statistics

SMALLEST_SCALE = 1e-12
"""Below it the ratios of scales, which are float32, would end."""

PERCENTILE = 99.99
"""Share of a tensor's values, in percent, that lies inside the range on each side."""

STEPS = 64
"""Shares of the extremes that the search for the least squared error tries on each side."""


def encode(low: float, high: float) -> Quantization:
    """The scale and zero point of values from `low` to `high`; 0 is always in the range, and exact.

    A tensor that is 0 everywhere gets scale 1 and zero point 0.

    Raises:
        ValueError: a bound that is no finite number, or low above high.
    """
    if not (np.isfinite(low) and np.isfinite(high) and low <= high):
        raise ValueError(f"{low} to {high} is no range")
    low, high = min(float(low), 0.0), max(float(high), 0.0)
    if low == high:
        return Quantization(1.0, 0)
    scale = float(np.float32(max((high - low) / HIGHEST, SMALLEST_SCALE)))
    return Quantization(scale, int(np.clip(np.rint(-low / scale), 0, HIGHEST)))


def minmax(seen: Statistics) -> tuple[float, float]:
    """All of what was seen."""
    return seen.low, seen.high


def percentile(seen: Statistics) -> tuple[float, float]:
    """Without the rarest values at each end, `PERCENTILE` of it on each side."""
    share = np.cumsum(seen.counts) / max(1, seen.counts.sum())
    edges = np.linspace(seen.low, seen.high, len(seen.counts) + 1)
    rare = 1 - PERCENTILE / 100
    first = int(np.searchsorted(share, rare, side="right"))
    last = int(np.searchsorted(share, 1 - rare, side="left"))
    return float(edges[min(first, len(edges) - 2)]), float(edges[min(last, len(edges) - 2) + 1])


def least_squares(seen: Statistics) -> tuple[float, float]:
    """The range whose 256 levels are nearest to what was seen, by the squared error."""
    edges = np.linspace(seen.low, seen.high, len(seen.counts) + 1)
    values, weights = (edges[1:] + edges[:-1]) / 2, seen.counts / max(1, seen.counts.sum())
    shares = np.arange(STEPS, 0, -1) / STEPS

    def error(low: float, high: float) -> float:
        form = encode(low, high)
        return float(weights @ (form.dequantize(form.quantize(values)) - values) ** 2)

    # Both ends shrink together first, then each by itself: two searches of a line find what a grid would.
    low, high = min(((seen.low * share, seen.high * share) for share in shares), key=lambda ends: error(*ends))
    low = min((seen.low * share for share in shares), key=lambda end: error(end, high))
    high = min((seen.high * share for share in shares), key=lambda end: error(low, end))
    return float(low), float(high)


METHODS: Mapping[str, Callable[[Statistics], tuple[float, float]]] = {
    "minmax": minmax,
    "percentile": percentile,
    "mse": least_squares,
}
"""How a range is chosen -> from the statistics of a tensor to its lowest and highest value."""


def range_of(method: str, name: str, seen: Statistics) -> Quantization:
    """The scale and zero point of the tensor `name` by a method of `METHODS`.

    Raises:
        UserError: it held a value that is not finite.
    """
    if not (np.isfinite(seen.low) and np.isfinite(seen.high)):
        raise UserError(
            f"the tensor '{name}' holds {seen.low:g} to {seen.high:g} on calibration images: mend the network first"
        )
    return encode(*METHODS[method](seen))
