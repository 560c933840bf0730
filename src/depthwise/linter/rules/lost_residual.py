"""A residual that is lost by a stride or by a few channels

An inverted residual adds what it has read to what it has made, so that gradients pass and a block need only learn what
changes. The sum needs equal shapes; where they are equal without one, or nearly equal, it was probably lost by mistake:
a block written by hand, or a width multiplier that rounds two stages apart. Sandler et al. 2018 (figure 6b) find the
networks with residuals between the bottlenecks well above those without.

Found: a depthwise filter with a linear projection behind it (no function, as a sum needs it) and no sum, where the
block

- has stride 1 and writes as many channels as it reads (a warning);
- has stride 1 and channels that differ by less than a tenth (for your information);
- has stride 2, an expansion, and equal channels, so that nothing but the stride is in the way (for your information).

Mended by: the sum; the same number of channels on both sides; behind a stride, a residual of the averaged 2 x 2 px,
which costs no weights, or nothing at all: most families leave it.
"""

from collections.abc import Iterator

from depthwise.graph import Graph, LayerList
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.bottlenecks import Bottleneck
from depthwise.linter.examples import bottleneck, classifier, filtered, sketch
from depthwise.linter.subject import Subject
from depthwise.ops._activation import activation_of
from depthwise.ops.base import activations_of

NEAR = 0.1
"""Share by which channels may differ for a residual to be lost by a hair."""


def _find(subject: Subject) -> Iterator[Found]:
    for block in subject.bottlenecks:
        if activation_of(block.projection) == "none" and not _is_added(block):
            yield from _lost(block)


def _lost(block: Bottleneck) -> Iterator[Found]:
    read, _, made = block.channels
    layers = (str(block.projection.name),)
    if block.stride == 1 and read == made:
        reason = f"the block reads and writes {read} channels with stride 1, and nothing adds the two"
        yield Found(layers, reason, "add what the block reads to what it writes, and train again")
    elif block.stride == 1 and abs(read - made) < NEAR * max(read, made):
        reason = f"the block reads {read} channels and writes {made}: {abs(read - made)} are in the way of a residual"
        yield Found(layers, reason, f"give it {made} channels on both sides and a residual", "info")
    elif block.stride == 2 and read == made and block.expansion is not None:
        reason = f"the block reads and writes {read} channels; only its stride of 2 is in the way of a residual"
        yield Found(layers, reason, "leave it, or add the average of each 2 x 2 px of what the block reads", "info")


def _is_added(block: Bottleneck) -> bool:
    """Whether a sum reads what the block makes, of whatever with it."""
    return any(len(activations_of(use.node)) > 1 for use in block.projection.outputs[0].uses())


def _network(residual: bool) -> Graph:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 16, 3, 2)
        if residual:
            x = bottleneck(layers, "block", x, 16)
        else:
            x = filtered(layers, "block.expansion", x, 96)
            x = layers.activation("block.activation", layers.depthwise("block.depthwise", x, 3), "relu6")
            x = layers.conv("block.projection", x, 16)
        classifier(layers, x)

    return sketch(draw)


RULES = {
    "DW015": Rule(
        "lost-residual",
        "warning",
        _find,
        bad=lambda: Example(_network(residual=False), ("block.projection",)),
        good=lambda: Example(_network(residual=True)),
    )
}
