"""Fully connected layers that hold most of the parameters

The convolutions of a separable network are so small that what stands behind them decides its flash: each fully
connected layer has inputs x outputs weights, each used once an image. In 8 bits that is a byte each, and they are read
from flash at its speed.

Found: fully connected layers behind global pooling that together hold more than half of all parameters (and more than
10,000, below which nobody minds).

Mended by: fewer channels before the classifier (a width multiplier that the head follows), no hidden layer between
pooling and classifier, or fewer classes: networks for 1000 classes are rarely needed for ten.
"""

from collections.abc import Iterator

from depthwise.graph import Graph, LayerList
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.bottlenecks import macs_of, pixels_of
from depthwise.linter.examples import classifier, filtered, sketch
from depthwise.linter.subject import Subject
from depthwise.ops.base import activations_of

SHARE, LEAST = 0.5, 10_000


def _find(subject: Subject) -> Iterator[Found]:
    assert subject.normal is not None
    nodes = list(subject.normal.graph)
    on_maps = [number for number, node in enumerate(nodes) if any(pixels_of(x) > 1 for x in activations_of(node))]
    if not on_maps or macs_of(nodes[on_maps[-1]]):  # nothing pools: filters have shrunk the map
        return
    head = {str(node.name) for node in nodes[on_maps[-1] :] if macs_of(node)}
    rows = [row for row in subject.cost.layers if row.name in head]
    held, total = sum(row.parameters for row in rows), subject.cost.parameters
    if held > max(LEAST, SHARE * total):
        yield Found(
            tuple(row.name for row in rows),
            f"{held:,} of {total:,} parameters ({100 * held / total:.0f} %) are behind the pooling",
            "give the layer before the classifier fewer channels, leave a hidden layer out, or ask for fewer classes",
        )


def _network(classes: int) -> Graph:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 64, 3, 2)
        classifier(layers, filtered(layers, "last", x, 256), classes)

    return sketch(draw)


RULES = {
    "DW004": Rule(
        "dense-head",
        "warning",
        _find,
        bad=lambda: Example(_network(1000), ("head.classifier",)),
        good=lambda: Example(_network(10)),
    )
}
