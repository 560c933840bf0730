"""Parameters of a layer in 8 bits: int8 weights, symmetric, with a scale for each output channel or one for all."""

from dataclasses import dataclass

import numpy as np

from depthwise.quantization.ranges import SMALLEST_SCALE

LARGEST = 127
"""Of the weights' values; -128 is not used, so that the range is symmetric."""

LARGEST_BIAS = 2.0**30
"""Of the values of a bias: half of what an int32 holds, the rest is for the sum."""

CLIPS = np.linspace(1, 0.5, 51)
"""Shares of the largest weight that are tried as the end of the range where the squared error decides."""


@dataclass(frozen=True, eq=False)
class Weights:
    """What a layer's parameters become.

    Attributes:
        values: int8, of the float weight's shape [O, ...].
        scales: float32 [O]; a weight is its value times its channel's scale.
        bias: float32 [O]; it is rounded to whole multiples of input scale times weight scale in the end.
    """

    values: np.ndarray
    scales: np.ndarray
    bias: np.ndarray

    def weight(self) -> np.ndarray:
        """The weights that the values stand for, float32."""
        return np.asarray(self.values * _column(self.scales, self.values.ndim), np.float32)

    def steps(self, input_scale: float) -> np.ndarray:
        """What the int32 bias counts in, float64 [O]."""
        return np.float64(input_scale) * self.scales.astype(np.float64)

    def integer_bias(self, input_scale: float) -> np.ndarray:
        """The bias as int32 [O]."""
        return np.asarray(np.rint(self.bias.astype(np.float64) / self.steps(input_scale)), np.int32)


def quantize_weights(
    weight: np.ndarray, bias: np.ndarray, input_scale: float, *, per_tensor: bool = False, clipped: bool = False
) -> Weights:
    """The nearest values; a channel of zeros gets a scale, too.

    Args:
        weight: float32 [O, ...]. bias: float32 [O].
        input_scale: of the layer's input; a scale is large enough for the bias to fit into 32 bits.
        per_tensor: one scale for all channels.
        clipped: the end of the range by the least squared error instead of the largest weight.
    """
    rows = weight.reshape(1 if per_tensor else len(weight), -1).astype(np.float64)
    largest = np.abs(rows).max(axis=1)
    if clipped:
        largest = largest * _best_clips(rows, largest)
    scales = np.where(largest > 0, largest / LARGEST, 1 / LARGEST)
    scales = np.maximum(np.broadcast_to(scales, len(weight)), np.abs(bias) / (LARGEST_BIAS * input_scale))
    if per_tensor:
        scales = np.full(len(weight), scales.max())
    scales = np.maximum(scales, SMALLEST_SCALE).astype(np.float32)
    return Weights(_round(weight, _column(scales, weight.ndim)), scales, bias.astype(np.float32))


def _best_clips(rows: np.ndarray, largest: np.ndarray) -> np.ndarray:
    """The share of `CLIPS` with the least squared error, for each row."""
    errors = []
    for share in CLIPS:
        scale = np.where(largest > 0, largest * share / LARGEST, 1)[:, None]
        errors.append(((_round(rows, scale) * scale - rows) ** 2).sum(axis=1))
    return np.asarray(CLIPS[np.argmin(errors, axis=0)])


def _round(weight: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(np.rint(weight / scale), -LARGEST, LARGEST), np.int8)


def _column(scales: np.ndarray, axes: int) -> np.ndarray:
    return scales.reshape(-1, *(1,) * (axes - 1))
