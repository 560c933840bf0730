"""A standard convolution that a separable one would replace

A depthwise convolution of k x k taps with a pointwise one of N outputs behind it takes 1/N + 1/k^2 of the
multiplications of a standard convolution between the same maps (Howard et al. 2017, section 3.1): for 3 x 3 taps eight
to nine times fewer.

Where it does not pay, the finding is for your information and says why: few input channels, as in the first layer,
which reads three colours (the depthwise part would see each colour by itself), a share of the network's work that
nobody would notice, or groups or so few outputs that a separable one would take more.

Mended by: a depthwise separable block in its place, trained again. Weights that are thrown away cost accuracy: a swap
alone lost 11 points where somebody tried.
"""

import math
from collections.abc import Iterator

import onnx_ir as ir

from depthwise.graph import Graph, LayerList
from depthwise.graph.separable import is_depthwise, is_pointwise
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.bottlenecks import channels_of, macs_of, pixels_of
from depthwise.linter.examples import classifier, filtered, separable, sketch
from depthwise.linter.subject import Subject
from depthwise.ops.base import activations_of, parameters_of, shape_of
from depthwise.units import format_count

FEW, SHARE = 16, 0.01
"""Input channels below which, and share of the network's MACs below which, it does not pay."""


def _find(subject: Subject) -> Iterator[Found]:
    for node in subject.filters:
        if _is_standard(node):
            yield _found(node, subject.macs)


def _found(node: ir.Node, total: int) -> Found:
    standard = macs_of(node)
    weight = shape_of(parameters_of(node)[0])
    outputs, inputs, taps = weight[0], channels_of(activations_of(node)[0]), math.prod(weight[2:])
    separable_macs = pixels_of(node.outputs[0]) * inputs * (taps + outputs)
    words = f"{'x'.join(map(str, weight[2:]))}, {inputs} > {outputs} channels: {format_count(standard)} MACs"
    saved = standard - separable_macs
    why = ""
    if inputs < FEW:
        why = f"it reads {inputs} channel{'s' * (inputs > 1)}, so the depthwise part would see hardly anything together"
    elif saved <= 0:
        why = f"{groups} groups save more" if (groups := inputs // weight[1]) > 1 else "its outputs are too few"
    elif saved < SHARE * total:
        why = f"that saves {100 * saved / total:.1f} % of the network"
    if why:
        reason = f"{words}; a separable one ({format_count(separable_macs)}) would not pay: {why}"
        return Found((str(node.name),), reason, "leave it", "info")
    return Found(
        (str(node.name),),
        f"{words}; a separable one takes {format_count(separable_macs)} ({100 * separable_macs / standard:.1f} %), "
        f"which saves {100 * saved / total:.1f} % of the network",
        "put a depthwise convolution and a pointwise one in its place, and train again",
    )


def _is_standard(node: ir.Node) -> bool:
    """Whether a node looks at several pixels of several channels, and is not a fully connected layer on a map."""
    if is_depthwise(node) or is_pointwise(node):
        return False
    weight = shape_of(parameters_of(node)[0])
    return math.prod(weight[2:]) > 1 and pixels_of(node.outputs[0]) > 1


def _network(separably: bool) -> Graph:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "first", "input", 32, 1)
        x = separable(layers, "block", x, 64) if separably else filtered(layers, "block", x, 64, 3)
        classifier(layers, x)

    return sketch(draw)


RULES = {
    "DW008": Rule(
        "standard-convolution",
        "warning",
        _find,
        bad=lambda: Example(_network(separably=False), ("block",)),
        good=lambda: Example(_network(separably=True)),
    )
}
