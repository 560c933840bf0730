"""Filters that are zero

Weight decay takes filters that training does not use to zero: all weights of the filter, or the scale of the BatchNorm
behind it. The output channel is then a constant, which whatever reads it could have in its bias. EfficientNet-Lite0, 1
and 2 have 124, 182 and 217 of them, which cost 1.3 to 1.7 % of their MACs; set to zero outright they change no bit of
the answer for a photograph.

Found: filters whose weights, with the BatchNorm folded in, are below 2^-16 of the layer's largest, which even 16 bits
would round to zero; one finding for the network. A warning where taking them out would save 1 % of the MACs, else for
information.

Mended by: taking the channels out of the layer and of those that read them, their constant going into the next bias.
In a bottleneck that is the expansion's filter, the depthwise one and a column of the projection; the channels of a
residual sum have to stay, since others write there, too. What comes out is the same, but at the border of a padded
depthwise filter whose channel is a constant other than 0.
"""

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from depthwise.graph import Graph, LayerList
from depthwise.graph.separable import is_depthwise
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.bottlenecks import macs_of
from depthwise.linter.examples import bottleneck, classifier, filtered, sketch
from depthwise.linter.ranges import living, ranges_of
from depthwise.linter.subject import Subject
from depthwise.ops.base import activations_of, parameters_of, shape_of
from depthwise.units import format_count

SHARE = 0.01
"""Share of the network's MACs from which taking them out is worth somebody's while."""


def _find(subject: Subject) -> Iterator[Found]:
    dead = {node: mask for node in subject.filters if (mask := ~living(ranges_of(node))).any()}
    if not dead:
        return
    macs, weights = _saved({node: mask for node, mask in dead.items() if not _must_stay(node)})
    count, of = (sum(sizes) for sizes in zip(*((mask.sum(), mask.size) for mask in dead.values()), strict=True))
    yield Found(
        tuple(str(node.name) for node in dead),
        f"{count} of {of} filters of these layers are zero; without those that can go, and what only reads them, the "
        f"network has {format_count(macs)} ({100 * macs / subject.macs:.1f} %) fewer MACs and {weights:,} fewer "
        "weights",
        "take these channels out, their constants into the biases behind, or train with less weight decay",
        None if macs >= SHARE * subject.macs else "info",
    )


def _must_stay(node: ir.Node) -> bool:
    """Whether a sum reads a node's channels, into which others write, or the caller does."""
    read = [activations_of(use.node) for use in node.outputs[0].uses()]
    sums = (len(values) > 1 and len({shape_of(value) for value in values}) == 1 for values in read)
    return node.outputs[0].is_graph_output() or any(sums)


def _saved(dead: dict[ir.Node, np.ndarray]) -> tuple[int, int]:
    """MACs and weights of dead filters, and of what reads nothing else: channels of depthwise, columns of others."""
    rows, columns = dict(dead), dict[ir.Node, np.ndarray]()
    for node in dead:  # in order, so that what is dead in front is known
        reader = _reader(node)
        while reader is not None and is_depthwise(reader) and shape_of(reader.outputs[0])[1] == rows[node].size:
            rows[reader] = rows.get(reader, False) | rows[node]
            node, reader = reader, _reader(reader)
        if reader is not None and not is_depthwise(reader) and shape_of(parameters_of(reader)[0])[1] == rows[node].size:
            columns[reader] = rows[node]
    macs = weights = 0
    for node in rows | columns:
        shape = shape_of(parameters_of(node)[0])
        row = np.broadcast_to(rows.get(node, np.zeros(1, bool)), (shape[0],))
        column = np.broadcast_to(columns.get(node, np.zeros(1, bool)), (shape[1],))
        share = 1 - (1 - row.mean()) * (1 - column.mean())
        macs += round(macs_of(node) * share)
        weights += round(int(np.prod(shape)) * share)
    return macs, weights


def _reader(node: ir.Node) -> ir.Node | None:
    """The one node with weights that reads a node, if nothing else does."""
    uses = node.outputs[0].uses()
    readers = [use.node for use in uses]
    return readers[0] if len(readers) == 1 and macs_of(readers[0]) else None


def _network(*zero: str) -> Graph:
    def draw(layers: LayerList) -> None:
        x = bottleneck(layers, "block", filtered(layers, "stem", "input", 8, 3, 2), 16)
        classifier(layers, x)

    def change(weights: dict[str, np.ndarray]) -> None:
        for key in zero:
            weights[key][:4] = 0

    return sketch(draw, change=change)


RULES = {
    "DW018": Rule(
        "dead-channels",
        "warning",
        _find,
        bad=lambda: Example(
            _network("block.expansion_norm.weight", "block.depthwise.weight"), ("block.expansion", "block.depthwise")
        ),
        good=lambda: Example(_network()),
        needs=("normal", "weights"),
    )
}
