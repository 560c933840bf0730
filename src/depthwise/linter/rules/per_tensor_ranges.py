"""Depthwise weights whose channels differ too much for one scale

Weights of 8 bits are integers from -127 to 127 times a scale. With one scale for all channels of a layer the largest
weight decides it, and a channel whose weights are R times smaller keeps 127 / R steps of them. A depthwise filter has
only nine weights a channel, and folding the BatchNorm multiplies each channel by a number of its own, so ranges far
apart are usual there: with one scale a layer MobileNetV2 fell from 71.7 to 0.1 % on ImageNet, and came back to 69.9 %
once the ranges were equalized (Nagel et al. 2019, table 1). In its first depthwise layer the channels of the weights
that everybody uses are up to 2,207 times apart.

Found: depthwise layers in which one channel in twenty keeps fewer than 4 steps (is more than 32 times smaller than the
largest). Channels that are dead are not counted. For information, as this project's own 8 bits have a scale for each
channel; a warning where a file of 8 bits has one scale for all.

Mended by: a scale for each output channel, or cross-layer equalization where the device has only one for all:
`depthwise quantize` does both.
"""

from collections.abc import Iterator

import numpy as np

from depthwise.graph import Graph, LayerList
from depthwise.graph.separable import is_depthwise
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.examples import classifier, filtered, separable, sketch
from depthwise.linter.ranges import STEPS, living, ranges_of, scales_of
from depthwise.linter.subject import Subject

FEWEST, SHARE = 4, 0.05
"""Steps that a channel needs (two bits and a sign), and the share of channels with fewer at which a layer suffers."""


def _find(subject: Subject) -> Iterator[Found]:
    for node in filter(is_depthwise, subject.filters):
        scales, ranges = scales_of(node), ranges_of(node)
        one_scale = len(scales) > 1 and len(set(scales)) == 1
        alive = ranges[living(ranges)]
        ranges = ranges if one_scale else alive  # what rounds to zero in a file may have lived before
        if not alive.size or (scales.size and not one_scale):
            continue
        starved = int((STEPS * ranges / ranges.max() < FEWEST).sum())
        if starved < SHARE * len(ranges):
            continue
        how = "have" if one_scale else "would have"
        yield Found(
            (str(node.name),),
            f"weights from {alive.min():.3g} to {alive.max():.3g} by channel, {alive.max() / alive.min():,.0f} times "
            f"that: with one scale {starved} of {len(ranges)} channels {how} fewer than {FEWEST} of {STEPS} steps",
            "quantize again with a scale for each channel, or equalize the layers first"
            if one_scale
            else "quantize with a scale for each channel (as `depthwise quantize` does), never with one for all",
            "warning" if one_scale else None,
        )


def _network(factor: float) -> Graph:
    def draw(layers: LayerList) -> None:
        classifier(layers, separable(layers, "block", filtered(layers, "stem", "input", 16, 3, 2), 32))

    def change(weights: dict[str, np.ndarray]) -> None:
        weights["block.depthwise.weight"][:4] *= factor

    return sketch(draw, change=change)


RULES = {
    "DW011": Rule(
        "per-tensor-ranges",
        "info",
        _find,
        bad=lambda: Example(_network(300), ("block.depthwise",)),
        good=lambda: Example(_network(1)),
        needs=("normal", "weights"),
    )
}
