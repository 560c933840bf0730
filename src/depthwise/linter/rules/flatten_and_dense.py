"""A fully connected layer on a flattened map instead of global pooling

Each of its outputs has a weight for every pixel of every channel, so the map's size is built into it: it holds H x W
times the weights that it would have behind global average pooling, it takes images of one size only, and it learns
where in the picture a thing was. Of VGG-16's 138 M parameters 103 M are its first such layer, on a map of 7 x 7 px;
every separable family since MobileNetV1 pools.

Found: a filter over all channels and all pixels (more than one) of a map, where pooling would save a tenth of the
network's parameters or more. A depthwise filter of the map's size is no such layer: it is a pooling with weights.

Mended by: global average pooling before the layer, and training again; a network with stride enough loses little by it.
"""

from collections.abc import Iterator

import onnx_ir as ir

from depthwise.graph import Graph, LayerList
from depthwise.graph.separable import is_depthwise
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.bottlenecks import channels_of, pixels_of
from depthwise.linter.examples import classifier, filtered, sketch
from depthwise.linter.subject import Subject
from depthwise.ops._window import window_of
from depthwise.ops.base import activations_of, parameters_of, shape_of
from depthwise.units import format_count

SHARE = 0.1
"""Of the network's parameters that pooling must save: less is nobody's trouble."""


def _find(subject: Subject) -> Iterator[Found]:
    for node in subject.filters:
        if not _is_dense_on_a_map(node):
            continue
        source, outputs = activations_of(node)[0], channels_of(node.outputs[0])
        inputs, pixels = channels_of(source), pixels_of(source)
        saved = inputs * outputs * (pixels - 1)
        if saved < SHARE * subject.cost.parameters:
            continue
        size = "x".join(map(str, shape_of(source)[2:]))
        yield Found(
            (str(node.name),),
            f"{inputs} channels of {size} px to {outputs} outputs: {format_count(inputs * outputs * pixels)} weights; "
            f"behind global pooling {format_count(inputs * outputs)}, which saves "
            f"{100 * saved / subject.cost.parameters:.0f} % of the network's parameters",
            "put global average pooling before it, and train again",
        )


def _is_dense_on_a_map(node: ir.Node) -> bool:
    source = activations_of(node)[0]
    if pixels_of(source) == 1 or pixels_of(node.outputs[0]) > 1 or is_depthwise(node):
        return False
    weight = shape_of(parameters_of(node)[0])
    return weight[1:] == shape_of(source)[1:] and not any(window_of(node).pads)


def _network(pooled: bool) -> Graph:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 16, 3, 4)
        if pooled:
            classifier(layers, x)
        else:
            layers.linear("head", layers.flatten("flatten", x), 10)

    return sketch(draw)


RULES = {
    "DW005": Rule(
        "flatten-and-dense",
        "warning",
        _find,
        bad=lambda: Example(_network(pooled=False), ("head",)),
        good=lambda: Example(_network(pooled=True)),
    )
}
