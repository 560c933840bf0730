"""A filter on a map that is smaller than the filter

A 3 x 3 filter on a map of 1 x 1 px multiplies eight of its nine weights with padding: it is a scale for each channel at
nine times the price, and the weights at its border learn nothing. Networks made for 224 px shrink an image 32 times, so
at 28 px one pixel is left where they have seven: the commonest mistake with small images.

Found: filters of which more than half of all multiplications meet padding (3 x 3 taps on maps below 3 x 3 px, 5 x 5
taps on maps below 5 x 5 px), counted at every position: for your information, and a warning where it is more than
three quarters (3 x 3 taps on one pixel, 5 x 5 on 2 x 2 px).

Mended by: fewer strides of 2 (the first ones become 1; networks by name do that by themselves until the last map has
3 x 3 px), a larger image, or smaller filters where the maps are small.
"""

import math
from collections.abc import Iterator

import onnx_ir as ir

from depthwise.graph import Graph, LayerList
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.bottlenecks import macs_of
from depthwise.linter.examples import classifier, filtered, separable, sketch
from depthwise.linter.subject import Subject
from depthwise.ops._window import window_of
from depthwise.ops.base import activations_of, parameters_of, shape_of

SEEN, HARDLY = 0.5, 0.25
"""Shares of its multiplications: a filter that meets fewer pixels is told of, and warned of."""


def _find(subject: Subject) -> Iterator[Found]:
    shares = {node: _seen(node) for node in subject.filters}
    blind = [node for node, share in shares.items() if share < SEEN]
    if not blind:
        return
    least = min(blind, key=lambda node: shares[node])
    wasted = sum(macs_of(node) * (1 - shares[node]) for node in blind)
    taps = "x".join(map(str, window_of(least).kernel))
    size = "x".join(map(str, shape_of(activations_of(least)[0])[2:]))
    yield Found(
        tuple(str(node.name) for node in blind),
        f"{len(blind)} of {len(shares)} filters see more padding than pixels: {least.name} has {taps} taps on a map "
        f"of {size} px, and {100 * (1 - shares[least]):.0f} % of its multiplications are with padding; "
        f"{100 * wasted / subject.macs:.1f} % of the network's MACs are spent so",
        "take strides of 2 out from the front, give a larger image, or make these filters smaller",
        None if shares[least] < HARDLY else "info",
    )


def _seen(node: ir.Node) -> float:
    """The share of a filter's multiplications that meet pixels rather than padding, over all positions."""
    source = activations_of(node)[0]
    if len(shape_of(source)) < 4 or len(shape_of(parameters_of(node)[0])) < 4:
        return 1.0
    window, sides = window_of(node), shape_of(source)[2:]
    outputs = shape_of(node.outputs[0])[2:]
    return math.prod(
        sum(
            0 <= at * window.stride[axis] + tap * window.dilation[axis] - window.pads[axis] < sides[axis]
            for at in range(outputs[axis])
            for tap in range(window.kernel[axis])
        )
        / (outputs[axis] * window.kernel[axis])
        for axis in (0, 1)
    )


def _network(resolution: int) -> Graph:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 8, 3, 2)
        x = separable(layers, "early", x, 16, 2)
        classifier(layers, separable(layers, "late", x, 16))

    return sketch(draw, resolution=resolution)


RULES = {
    "DW013": Rule(
        "map-too-small",
        "warning",
        _find,
        bad=lambda: Example(_network(8), ("late.depthwise",)),
        good=lambda: Example(_network(32)),
    )
}
