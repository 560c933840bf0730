"""A network as planning sees it: the kernel calls in order, which rows of what each one reads, and who reads what.

Views run no kernel, so they are looked through: a reader of a view reads what the view shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from depthwise.ops import REGISTRY
from depthwise.ops.base import Rows, activations_of, shape_of


@dataclass(frozen=True)
class Read:
    """One activation that a call reads: `value`, made by call number `source` (-1: an input of the network).

    Attributes:
        rows: which of its `height` rows an output row needs; None: all of them before the first.
    """

    value: ir.Value
    source: int
    height: int
    rows: Rows | None


@dataclass(frozen=True)
class Stage:
    """One kernel call.

    Attributes:
        height: rows that its kernel counts: those of the output, or of the input if it reduces a map to one value.
        streams: whether it can run row by row. reduces: its output is complete only after its last row.
    """

    node: ir.Node
    reads: tuple[Read, ...]
    height: int
    streams: bool
    reduces: bool

    @property
    def name(self) -> str:
        """Of the node, hence of the layer."""
        return self.node.name or ""

    @property
    def output(self) -> ir.Value:
        """What it makes."""
        return self.node.outputs[0]


@dataclass(frozen=True)
class Stages:
    """All calls of a network.

    Attributes:
        sources, results: the network's inputs, and the values that its outputs are views of (or themselves), each once.
        makers, readers: numbers of the call that makes each value (-1: none), and of those that read it, in order.
        seen: what each value is a view of (mostly itself).
    """

    calls: tuple[Stage, ...]
    sources: tuple[ir.Value, ...]
    results: tuple[ir.Value, ...]
    makers: Mapping[ir.Value, int]
    readers: Mapping[ir.Value, tuple[int, ...]]
    seen: Mapping[ir.Value, ir.Value] = field(repr=False)


def height_of(value: ir.Value) -> int:
    """Rows of a map; a vector has one."""
    shape = shape_of(value)
    return shape[2] if len(shape) == 4 else 1


def stages_of(nodes: Sequence[ir.Node], sources: Sequence[ir.Value], results: Sequence[ir.Value]) -> Stages:
    """The calls of a network in normal form.

    Args:
        nodes: in topological order.
        sources, results: the network's inputs and outputs.
    """
    seen = {source: source for source in sources}
    makers = dict.fromkeys(sources, -1)
    readers: dict[ir.Value, list[int]] = {source: [] for source in sources}
    calls: list[Stage] = []
    for node in nodes:
        output, values = node.outputs[0], [seen[value] for value in activations_of(node)]
        if REGISTRY[node.op_type].view:
            seen[output] = values[0]
            continue
        seen[output] = output
        calls.append(_stage(node, values, makers))
        makers[output], readers[output] = len(calls) - 1, []
        for value in dict.fromkeys(values):
            readers[value].append(len(calls) - 1)
    held = {value: tuple(numbers) for value, numbers in readers.items()}
    ends = tuple(dict.fromkeys(seen[result] for result in results))
    return Stages(tuple(calls), tuple(sources), ends, makers, held, seen)


def _stage(node: ir.Node, values: Sequence[ir.Value], makers: Mapping[ir.Value, int]) -> Stage:
    describe = REGISTRY[node.op_type].rows
    rows = describe(node) if describe else None
    height = height_of(values[0])
    reads = tuple(
        Read(value, makers[value], height_of(value), rows if height_of(value) == height else None) for value in values
    )
    reduces = rows is not None and rows.reduces
    return Stage(node, reads, height if reduces else height_of(node.outputs[0]), rows is not None, reduces)
