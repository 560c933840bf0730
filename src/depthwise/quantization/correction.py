"""Bias correction: what a layer's sums are off by on average is taken from its bias (Nagel et al. 2019, section 4.2).

    b <- b - E[W~ x~ + b - (W x + b)]    over calibration images and pixels, for each output channel

Rounded weights and clipped inputs shift the mean of a sum, the more the fewer weights it has: depthwise layers most.
In order of execution: a layer is corrected after the corrected ones before it.
"""

from dataclasses import replace

import numpy as np
import onnx_ir as ir

from depthwise.quantization.simulation import Layer, simulate
from depthwise.quantization.state import State


def correct(state: State, inputs: np.ndarray) -> State:
    """A State with biases that mend the mean errors.

    Args:
        state: with encodings and weights.
        inputs: what the float network takes, float32 [N, H, W, C].
    """
    weights = dict(state.weights)

    def mend(node: ir.Node, expected: np.ndarray, found: np.ndarray) -> np.ndarray:
        axes = tuple(range(expected.ndim - 1))
        shift = np.asarray((expected - found).mean(axes, dtype=np.float64), np.float32)
        name = str(node.name)
        weights[name] = replace(weights[name], bias=weights[name].bias + shift)
        return shift

    def ignore(_: Layer) -> None:
        pass

    simulate(state, inputs, ignore, mend)
    return replace(state, weights=weights)
