"""An activation function after the projection of a linear bottleneck

A bottleneck projects many channels to few. What a ReLU cuts off there is gone: with few channels there is no other copy
of it (Sandler et al. 2018, section 3.2; in their figure 6a the networks with it are the less accurate ones). The
expansion and the depthwise convolution keep theirs, since there the channels are many.

Found: a pointwise convolution that makes fewer channels than it reads, behind a depthwise one that reads an expansion,
and has a function other than the identity.

Mended by: taking the function away and training again; trained weights have grown round it, so nothing does it for you.
"""

from collections.abc import Iterator

from depthwise.graph import Graph, LayerList
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.examples import bottleneck, classifier, filtered, sketch
from depthwise.linter.subject import Subject
from depthwise.ops._activation import activation_of


def _find(subject: Subject) -> Iterator[Found]:
    for block in subject.bottlenecks:
        _, wide, narrow = block.channels
        function = activation_of(block.projection)
        if function == "none" or block.expansion is None:
            continue
        yield Found(
            (str(block.projection.name),),
            f"{_WORDS.get(function, function)} after the projection from {wide} to {narrow} channels destroys "
            "what only these few hold",
            "leave the function after the projection out, and train again",
        )


_WORDS = {"clip": "a ReLU"}


def _network(last: str) -> Graph:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 16, 3, 2)
        x = bottleneck(layers, "block", x, 16, last=last)
        classifier(layers, x)

    return sketch(draw)


RULES = {
    "DW001": Rule(
        "activation-after-projection",
        "error",
        _find,
        bad=lambda: Example(_network("relu6"), ("block.projection",)),
        good=lambda: Example(_network("none")),
    )
}
