"""Cross-layer equalization: channels that share a scale are given like ranges (Nagel et al. 2019, section 4.1).

Of a pair of layers (pairs.py) each channel i between them is divided by s_i, its weights behind multiplied. With one
scale for all weights of a layer s_i = sqrt(r1_i / r2_i), where r1_i and r2_i are the largest weights that make and
that read channel i. With a scale for each output channel what makes a channel has its own already; then r1_i is what
the channel held in calibration, and r2_i its weights' largest share of their scales, or 1 if each is a scale's own.

All s of a pair are multiplied by one number so that no value between the layers becomes larger than the largest was:
so a ReLU6 between them clips nothing that it did not clip before. A channel that reaches the 6 in calibration must keep
its scale, s_i = 1. Or all clips are taken away first (`without_clips`): another function, which has to be measured.
"""

import numpy as np
import onnx_ir as ir

from depthwise.quantization.pairs import REACHED, Pair, by_input, divide, pairs_of
from depthwise.quantization.state import State, layer_parameters
from depthwise.quantization.statistics import Statistics

SWEEPS = 20
"""Most times that all pairs are gone through: one changes what its neighbours see."""

SETTLED = 0.01
"""Largest change of a factor at which nothing is left to do."""

WIDEST = 1e6
"""Largest factor, and the inverse of the smallest, that one sweep gives."""


def equalize(state: State) -> tuple[ir.Model, int]:
    """A network of the same function on calibration images with like ranges, and how many pairs it has.

    Args:
        state: its network, statistics and rule are read.
    """
    model = state.network.clone()
    pairs = pairs_of(model)
    done = [np.ones(len(state.statistics[pair.value].highs)) for pair in pairs]
    for _ in range(SWEEPS):
        largest = 0.0
        for pair, before in zip(pairs, done, strict=True):
            factors = _factors(pair, state.statistics[pair.value], before, state.rule.per_tensor)
            divide(model, pair, factors)
            before *= factors
            largest = max(largest, float(np.abs(np.log(factors)).max()))
        if largest < SETTLED:
            break
    return model, len(pairs)


def without_clips(network: ir.Model) -> tuple[ir.Model, int]:
    """A network in which the ReLU6 between two layers of a pair are ReLUs, and how many there were."""
    model = network.clone()
    clipped = [pair for pair in pairs_of(model) if np.isfinite(pair.maximum)]
    for pair in clipped:
        pair.first.attributes["maximum"] = ir.AttrFloat32("maximum", float("inf"))
    return model, len(clipped)


def _factors(pair: Pair, seen: Statistics, before: np.ndarray, per_tensor: bool) -> np.ndarray:
    """What each channel is divided by now; it has been divided by `before` since calibration."""
    reach = np.maximum(np.abs(seen.lows), np.abs(seen.highs)) / before
    weight, _ = layer_parameters(pair.first)
    behind = by_input(pair)
    if per_tensor:
        made, read = np.abs(weight).reshape(len(weight), -1).max(1), np.abs(behind).max(1)
    else:
        made, read = reach, np.ones(len(reach)) if pair.depthwise else _shares(pair)
    if not (made.any() and read.any() and reach.any()):
        return np.ones(len(reach))
    # A channel that is dead, or that nobody reads, counts as the smallest: its other side may be large all the same.
    ratio = np.maximum(made, made[made > 0].min()) / np.maximum(read, read[read > 0].min())
    factors = ratio if not per_tensor and pair.depthwise else np.sqrt(ratio)
    movable = seen.highs / before < pair.maximum * REACHED
    if not reach[movable].any():
        return np.ones(len(reach))
    keep = float((reach[movable] / factors[movable]).max() / reach.max())
    factors = np.clip(factors * (max(1.0, keep) if per_tensor else keep), 1 / WIDEST, WIDEST)
    factors[~movable] = 1
    return np.asarray(factors)


def _shares(pair: Pair) -> np.ndarray:
    """The largest share that a channel's weights have of their output's scale, [C]."""
    weight, _ = layer_parameters(pair.second)
    rows = np.abs(weight).reshape(len(weight), weight.shape[1], -1).max(2).astype(np.float64)
    scales = rows.max(1, keepdims=True)
    return np.asarray((rows / np.where(scales > 0, scales, 1)).max(0))
