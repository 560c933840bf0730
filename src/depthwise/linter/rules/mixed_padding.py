"""Two conventions of padding in one network

A filter of stride 2 on a map of even sides may be padded in two ways: by (k - 1) / 2 on every side, as PyTorch's
networks are, or by just enough for half the pixels, the odd one below and right, as TensorFlow's are. Both give maps of
the same size, and what one sees lies a pixel beside what the other sees. A network of one convention with a layer of
the other comes from copying weights or blocks across libraries: nothing fails, and the answers are worse than they
were when the weights were trained.

Found: filters and max pools with a stride whose padding only the one convention gives, where most of the network's
only the other gives. What both give (an odd side, for example) and what neither gives takes no side.

Mended by: the padding with which the weights were trained, in every layer; `padding="same"` or "symmetric" for networks
that are made here.
"""

from collections.abc import Iterator

import onnx_ir as ir

from depthwise.graph import Graph, LayerList
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.examples import classifier, filtered, sketch
from depthwise.linter.subject import Subject
from depthwise.ops.base import activations_of, shape_of

SYMMETRIC, SAME = "symmetric", "same"

_WORDS = {SYMMETRIC: "the same on both sides", SAME: "more below and right"}


def _find(subject: Subject) -> Iterator[Found]:
    assert subject.normal is not None
    sides = {node: side for node in subject.normal.graph if (side := _convention(node)) is not None}
    if len(set(sides.values())) < 2:
        return
    conventions = list(sides.values())
    usual = max(conventions, key=conventions.count)
    for node, own in sides.items():
        if own != usual:
            pads = ", ".join(map(str, node.attributes.get_ints("pads")))
            yield Found(
                (str(node.name),),
                f"is padded by {pads} (top, left, bottom, right), {_WORDS[own]}, while {conventions.count(usual)} "
                f"other strided layers are padded {_WORDS[usual]}",
                "pad all layers as they were when their weights were trained",
            )


def _convention(node: ir.Node) -> str | None:
    """The only convention of the two that gives a node's padding; None: both or neither do, or it has no stride."""
    strides, pads = (node.attributes.get_ints(key, ()) for key in ("strides", "pads"))
    if len(strides) != 2 or len(pads) != 4 or max(strides) == 1 or not any(pads):
        return None
    kernel, dilations = (node.attributes.get_ints(key, (1, 1)) for key in ("kernel_shape", "dilations"))
    symmetric, same = [], []
    for axis, side in enumerate(shape_of(activations_of(node)[0])[2:]):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        total = max((-(-side // strides[axis]) - 1) * strides[axis] + reach - side, 0)
        symmetric.append(((reach - 1) // 2, (reach - 1) // 2))
        same.append((total // 2, total - total // 2))
    own = list(zip(pads[:2], pads[2:], strict=True))
    fits = {name for name, borders in ((SYMMETRIC, symmetric), (SAME, same)) if borders == own}
    return fits.pop() if len(fits) == 1 else None


def _network(last: tuple[int, ...]) -> Graph:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "first", "input", 8, 3, 2)
        x = filtered(layers, "second", x, 8, 3, 2)
        classifier(layers, filtered(layers, "third", x, 8, 3, 2))

    model = sketch(draw)
    third = next(node for node in model.graph if node.name == "third")
    third.attributes["pads"] = ir.AttrInt64s("pads", list(last))
    return model


RULES = {
    "DW016": Rule(
        "mixed-padding",
        "warning",
        _find,
        bad=lambda: Example(_network((0, 0, 1, 1)), ("third",)),
        good=lambda: Example(_network((1, 1, 1, 1))),
    )
}
