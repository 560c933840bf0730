"""Maps that stay as large as the image

Work and memory grow with the area of a map, and the first layers see little: edges and colours. So every separable
family for images of 96 px and more shrinks the image in its first layer. VGG-16, which does not, spends 13 % of its
MACs and 43 % of its activations' bytes on its two layers at 224 px.

Found: images of 96 px or more (the smallest of the published grids; below that there is nothing to give away), where
the layers whose maps have the image's own size, or nearly (more than half of its side), take a tenth of the MACs, or
a quarter of the bytes of all activations, or more.

Mended by: stride 2 in the first convolution, which leaves a quarter of the pixels to every layer behind it; where that
costs too much accuracy, a larger filter there (5 x 5 or 7 x 7) or fewer channels until the map is smaller.
"""

from collections.abc import Iterator

from depthwise.graph import Graph, LayerList
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.bottlenecks import macs_of, side_of
from depthwise.linter.examples import classifier, filtered, separable, sketch
from depthwise.linter.subject import Subject

LEAST = 96
"""Pixels of the image's smaller side below which it may stay as it is."""

MACS, BYTES = 0.1, 0.25
"""Shares of the network's that layers of the image's size may take."""


def _find(subject: Subject) -> Iterator[Found]:
    assert subject.normal is not None
    image = side_of(subject.normal.graph.inputs[0])
    half = -(-image // 2)  # of an odd side stride 2 leaves the larger half
    large = [node for node in subject.filters if side_of(node.outputs[0]) > half]
    if image < LEAST or not large:
        return
    names = {str(node.name) for node in large}
    rows = subject.cost.layers
    macs = sum(map(macs_of, large)) / subject.macs
    held = sum(row.activation_bytes for row in rows if row.name in names) / sum(row.activation_bytes for row in rows)
    if macs >= MACS or held >= BYTES:
        side = min(side_of(node.outputs[0]) for node in large)
        yield Found(
            tuple(str(node.name) for node in large),
            f"the image has {image} px, and maps of {side} px or more take {100 * macs:.0f} % of the network's MACs "
            f"and {100 * held:.0f} % of its activations' bytes",
            "give the first convolution a stride of 2, and train again",
        )


def _network(stride: int) -> Graph:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 8, 3, stride)
        classifier(layers, separable(layers, "block", x, 16, 2))

    return sketch(draw, resolution=96)


RULES = {
    "DW014": Rule(
        "map-stays-large",
        "warning",
        _find,
        bad=lambda: Example(_network(1), ("stem",)),
        good=lambda: Example(_network(2)),
    )
}
