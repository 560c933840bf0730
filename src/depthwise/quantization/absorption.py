"""High-bias absorption: what a channel never goes below moves into the next layer's bias (Nagel et al. 2019, 4.1.3).

    W2 relu(W1 x + b1) + b2 = W2 relu(W1 x + b1 - c) + (b2 + W2 c)    where W1 x + b1 >= c

So the range between the two layers shrinks by c. Here c is what the channel never went below in calibration, or its
mean less three deviations, if that is more. Not where zeros are padded on the way, which would have to become -c, and
not for a channel that reaches an upper clip.
"""

import numpy as np
import onnx_ir as ir

from depthwise.quantization.pairs import REACHED, pairs_of, shift
from depthwise.quantization.state import State

DEVIATIONS = 3.0
"""Below the mean: the share of values that is lost is small, and the values are."""


def absorb(state: State) -> tuple[ir.Model, int]:
    """A network of nearly the same function with smaller ranges, and how many channels were lowered.

    Args:
        state: its network and statistics are read.
    """
    model, channels = state.network.clone(), 0
    for pair in pairs_of(model):
        if not pair.rectified or pair.padded:
            continue
        seen = state.statistics[pair.value]
        amounts = np.maximum(np.maximum(seen.lows, seen.means - DEVIATIONS * seen.deviations), 0)
        amounts[seen.highs >= pair.maximum * REACHED] = 0
        if amounts.any():
            shift(model, pair, amounts)
            channels += int((amounts > 0).sum())
    return model, channels
