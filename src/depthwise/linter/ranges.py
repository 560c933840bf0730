"""How large weights are by channel, and which channels are dead: for the rules about numbers."""

import numpy as np
import onnx_ir as ir

from depthwise.ops.base import array_of, parameters_of

STEPS = 127
"""Steps of a weight in 8 bits on each side of 0."""

DEAD = 2.0**-16
"""Share of a layer's largest weight below which a filter counts as zero: even 16 bits would round it away. Between
1e-6 and 1e-4 there is next to nothing in trained networks: weight decay takes a filter to zero or leaves it alone."""


def weights_of(node: ir.Node) -> np.ndarray:
    """The weights [O, ...] of a node of the normal form, after folding; integers times their scales."""
    weight = array_of(parameters_of(node)[0])
    scales = scales_of(node)
    if scales.size:
        weight = weight.astype(np.float64) * scales.reshape(-1, *[1] * (weight.ndim - 1))
    return weight


def scales_of(node: ir.Node) -> np.ndarray:
    """Scales [O] of a node whose weights are integers; empty if they are not."""
    constants = parameters_of(node)
    return array_of(constants[2]) if len(constants) == 3 else np.zeros(0)


def ranges_of(node: ir.Node) -> np.ndarray:
    """Largest magnitude of each filter of a node of the normal form, [O]."""
    weight = weights_of(node)
    ranges: np.ndarray = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    return ranges


def living(ranges: np.ndarray) -> np.ndarray:
    """Which filters are not zero beside the largest, bool [O]."""
    return np.asarray(ranges > DEAD * ranges.max(initial=0))
