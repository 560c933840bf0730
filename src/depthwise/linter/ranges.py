"""How large weights are by channel, and which channels are dead: for the rules about numbers."""

import numpy as np
import onnx_ir as ir

from depthwise.ops.base import array_of, parameters_of

STEPS = 127
"""Steps of a weight in 8 bits on each side of 0."""

DEAD = 2.0**-16
"""Share of a layer's largest weight below which a filter counts as zero: even 16 bits would round it away. Between
1e-6 and 1e-4 there is next to nothing in trained networks: weight decay takes a filter to zero or leaves it alone."""


def ranges_of(node: ir.Node) -> np.ndarray:
    """Largest magnitude of each filter of a node of the normal form, [O], after folding."""
    weight = array_of(parameters_of(node)[0])
    ranges: np.ndarray = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    return ranges


def living(ranges: np.ndarray) -> np.ndarray:
    """Which filters are not zero beside the largest, bool [O]."""
    return np.asarray(ranges > DEAD * ranges.max(initial=0))
