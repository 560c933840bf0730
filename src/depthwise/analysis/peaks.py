"""The most bytes of activations that live at one time, by how a network is run.

    layer by layer      each operator reads whole maps and writes a whole map
    in place            the same, but a depthwise operator writes over what it reads
    block by block      what is inside a block (expansion, depthwise, projection; the convolution that reads the image
                        goes with the first) is never whole
    streamed            what `compile --optimize ram` does: the arena of its plan

The first three count maps alone, as published figures do: no line buffers, no workspace, nothing aligned. Sums and
gates write over their first operand where nothing reads it afterwards.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import onnx_ir as ir

from depthwise import planning
from depthwise.graph import Graph
from depthwise.graph.separable import is_depthwise, is_pointwise, separables
from depthwise.ops import REGISTRY
from depthwise.ops.base import activations_of, shape_of


def peaks(normal: Graph, isa: tuple[str, ...] = ("c",)) -> Mapping[str, int]:
    """Bytes by schedule, in the network's own precision; the image counts in its own type.

    Args:
        normal: a Graph in normal form. isa: instruction sets that the streamed plan is for.

    Raises:
        UserError: the Graph cannot be planned.
    """
    streamed = planning.plan(normal, isa, planning.Choice(optimize="ram"))
    return {
        "layer by layer": _peak(normal, {}),
        "in place": _peak(normal, {}, depthwise_in_place=True),
        "block by block": _peak(normal, _blocks(normal)),
        "streamed": streamed.arena + streamed.input_bytes,
    }


@dataclass
class _Map:
    """A place in memory: bytes, and the first and the last operator during which it lives."""

    size: int
    first: int
    last: int


def bytes_by_layer(normal: Graph) -> list[int]:
    """Bytes that live while each operator of a Graph in normal form runs, layer by layer."""
    return _alive(normal, {})


def _peak(normal: Graph, blocks: Mapping[ir.Node, tuple[int, int]], depthwise_in_place: bool = False) -> int:
    """The largest sum of bytes that live together; `blocks`: node -> numbers of its block's first and last node."""
    return max(_alive(normal, blocks, depthwise_in_place))


def _alive(normal: Graph, blocks: Mapping[ir.Node, tuple[int, int]], depthwise_in_place: bool = False) -> list[int]:
    numbers = {node: number for number, node in enumerate(normal.graph)}
    places = {value: _Map(_size(value), -1, -1) for value in normal.graph.inputs if value.const_value is None}
    alive = list(places.values())
    for node, number in numbers.items():
        first, last = blocks.get(node, (number, number))
        for value in activations_of(node):
            places[value].last = max(places[value].last, last)
        source, output = activations_of(node)[0], node.outputs[0]
        held = places[source]
        free = all(numbers[use.node] <= number for use in source.uses()) and held.size >= _size(output)
        operator = REGISTRY[node.op_type]
        over = operator.in_place or (depthwise_in_place and is_depthwise(node))
        if operator.view or (over and free and held.first >= 0):
            places[output] = held
            continue
        inside = last > number and all(blocks.get(use.node) == (first, last) for use in output.uses())
        places[output] = _Map(0 if inside else _size(output), first, last)
        alive.append(places[output])
    return [sum(one.size for one in alive if one.first <= step <= one.last) for step in range(len(numbers))]


def _blocks(normal: Graph) -> dict[ir.Node, tuple[int, int]]:
    numbers = {node: number for number, node in enumerate(normal.graph)}
    pairs = [(pair.depthwise, pair.pointwise) for pair in separables(normal)]
    ends = {pointwise for _, pointwise in pairs}
    blocks: dict[ir.Node, tuple[int, int]] = {}
    for depthwise, pointwise in pairs:
        first, last = min(numbers[node] for node in _chain(depthwise, ends)), numbers[pointwise]
        nodes = [node for node, number in numbers.items() if first <= number <= last]
        blocks |= dict.fromkeys(nodes, (first, last))
    return blocks


def _chain(depthwise: ir.Node, ends: set[ir.Node]) -> Iterator[ir.Node]:
    """A depthwise operator, and before it what only it reads: its expansion, or the image's convolution.

    `ends`: what other blocks end with.
    """
    node: ir.Node | None = depthwise
    while node is not None:
        yield node
        source = activations_of(node)[0]
        maker = source.producer()
        if maker is None or maker in ends or len(source.uses()) > 1 or len(activations_of(maker)) != 1:
            return
        node = None if is_pointwise(maker) and node is not depthwise else maker


def _size(value: ir.Value) -> int:
    assert value.dtype is not None
    elements = 1
    for side in shape_of(value):
        elements *= side
    return int(elements * value.dtype.itemsize)
