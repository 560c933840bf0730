"""Signal to quantization noise of every layer, in dB, and which layer costs most."""

from collections.abc import Sequence

import numpy as np

from depthwise.quantization.simulation import Layer, simulate
from depthwise.quantization.state import State
from depthwise.results import LayerNoise

LOUDEST = 200.0
"""What is said of a layer without noise."""


def noise_of(state: State, inputs: np.ndarray) -> list[LayerNoise]:
    """A row for each layer, in order of execution.

    Args:
        state: with encodings and weights.
        inputs: what the float network takes, float32 [N, H, W, C]; some images are enough.
    """
    rows: list[LayerNoise] = []

    def visit(layer: Layer) -> None:
        total, alone = (decibels(layer.expected, found) for found in (layer.found, layer.alone))
        rows.append(LayerNoise(name=str(layer.node.name), op=layer.node.op_type, total=total, alone=alone))

    simulate(state, inputs, visit)
    return rows


def decibels(signal: np.ndarray, found: np.ndarray) -> float:
    """10 log10 of the signal's power over the noise's, at most `LOUDEST`; a signal of zeros with noise has -LOUDEST."""
    power = float(np.square(signal, dtype=np.float64).sum())
    noise = float(np.square(signal - found, dtype=np.float64).sum())
    if noise == 0:
        return LOUDEST
    return float(np.clip(10 * np.log10(max(power, 1e-300) / noise), -LOUDEST, LOUDEST))


def worst_first(rows: Sequence[LayerNoise]) -> list[LayerNoise]:
    """The layers by the noise that they make themselves, the noisiest first."""
    return sorted(rows, key=lambda row: row.alone)
