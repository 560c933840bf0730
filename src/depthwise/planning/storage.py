"""Which values of a graph share memory, and for how long each piece of memory is needed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from depthwise.ops import REGISTRY
from depthwise.ops.base import activations_of, shape_of

FOREVER = 1 << 30
"""The last use of the network's output: after every call."""


@dataclass
class Storage:
    """One piece of memory that holds one or more values, one after another or as views of each other.

    Attributes:
        name: of the node that writes it first. bytes: its size.
        first, last: calls between which it holds something; -1 is before the first call, FOREVER after the last.
        values: all that it holds.
    """

    name: str
    bytes: int
    first: int
    last: int
    values: list[ir.Value] = field(default_factory=list)


def bytes_of(value: ir.Value, element: int = 4) -> int:
    """Size of an activation of static shape; an element takes 1 byte if it is uint8, else `element` bytes."""
    return math.prod(shape_of(value)) * (1 if value.dtype == ir.DataType.UINT8 else element)


def called(nodes: Sequence[ir.Node]) -> list[ir.Node]:
    """The nodes that a kernel runs for: all but the views."""
    return [node for node in nodes if not REGISTRY[node.op_type].view]


def assign_storages(
    nodes: Sequence[ir.Node], source: ir.Value, result: ir.Value, element: int = 4
) -> dict[ir.Value, Storage]:
    """The storage of every activation.

    A view shares its input's storage. An in-place operator takes over the storage of its first activation if nothing
    reads that later and it is not the caller's input; what ends in the output this way is written there at once.

    Args:
        nodes: in topological order.
        source, result: the network's input and output.
        element: bytes of an element that is not uint8.
    """
    times = {node: time for time, node in enumerate(called(nodes))}
    storages = {source: Storage("input", bytes_of(source, element), -1, -1, [source])}
    for node in nodes:
        output, inputs = node.outputs[0], activations_of(node)
        if REGISTRY[node.op_type].view:
            storages[output] = storages[inputs[0]]
            storages[output].values.append(output)
            continue
        time = times[node]
        storages[output] = Storage(node.name or "", bytes_of(output, element), time, time, [output])
        for value in inputs:
            storages[value].last = time
    storages[result].last = FOREVER
    for node, time in times.items():
        if REGISTRY[node.op_type].in_place:
            old, new = storages[activations_of(node)[0]], storages[node.outputs[0]]
            if old.last == time and old.bytes == new.bytes and old.first >= 0:
                old.last = new.last
                old.values.extend(new.values)
                storages.update(dict.fromkeys(new.values, old))
    return storages
