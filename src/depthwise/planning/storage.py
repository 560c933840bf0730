"""Which values of a graph share memory, how many of their rows it holds, and for how long it is needed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import onnx_ir as ir

from depthwise.ops import REGISTRY
from depthwise.ops.base import shape_of
from depthwise.planning.stages import Stages, height_of
from depthwise.planning.streaming import Flow

FOREVER = 1 << 30
"""The last use of an output of the network: after every call."""


@dataclass(frozen=True)
class Cut:
    """The calls from number `start` to before number `stop`, which run as one segment.

    Attributes:
        flow: how they advance row by row; None: one call, as a whole.
        reason: why it was cut so, in words.
    """

    start: int
    stop: int
    flow: Flow | None = None
    reason: str = ""


@dataclass
class Storage:
    """One piece of memory that holds one or more values, one after another or as views of each other.

    Attributes:
        name: of the call that writes it first. bytes: its size.
        rows: how many of the values' rows it holds at a time; 0: all.
        first, last: calls between which it holds something; -1 is before the first call, FOREVER after the last.
        makers: numbers of the calls that write it. values: all that it holds.
    """

    name: str
    bytes: int
    first: int
    last: int
    rows: int = 0
    makers: list[int] = field(default_factory=list)
    values: list[ir.Value] = field(default_factory=list)


def bytes_of(value: ir.Value, element: int = 4) -> int:
    """Size of an activation of static shape; an element takes 1 byte if it is uint8, else `element` bytes."""
    return math.prod(shape_of(value)) * (1 if value.dtype == ir.DataType.UINT8 else element)


def assign_storages(stages: Stages, cuts: Sequence[Cut], element: int = 4) -> dict[ir.Value, Storage]:
    """The storage of every activation.

    A view shares its input's storage. An in-place operator takes over the storage of its first activation if nothing
    reads that later and it is not the caller's input; what ends in the output this way is written there at once. What
    is made and read inside one streamed segment only is held as a window of rows.

    Args:
        stages: the network. cuts: all its segments, in order.
        element: bytes of an element that is not uint8.
    """
    segments = [cut for cut in cuts for _ in range(cut.start, cut.stop)]
    storages = {
        source: Storage(f"{source.name}", bytes_of(source, element), -1, -1, values=[source])
        for source in stages.sources
    }
    for number, call in enumerate(stages.calls):
        readers = stages.readers[call.output]
        last = max((segments[reader].stop - 1 for reader in readers), default=segments[number].stop - 1)
        size = bytes_of(call.output, element)
        storage = Storage(call.name, size, segments[number].start, last, makers=[number], values=[call.output])
        storages[call.output] = storage
    for source in stages.sources:
        storages[source].last = max((segments[reader].stop - 1 for reader in stages.readers[source]), default=-1)
    for result in stages.results:
        storages[result].last = FOREVER
    for number in range(len(stages.calls)):
        if works_in_place(stages, number, segments[number]):
            _merge(storages, stages, number)
    for storage in {id(storage): storage for storage in storages.values()}.values():
        if storage.makers:
            _narrow(storage, stages, segments[storage.makers[0]])
    storages.update({view: storages[value] for view, value in stages.seen.items()})
    return storages


def works_in_place(stages: Stages, number: int, cut: Cut) -> bool:
    """Whether a call of segment `cut` may write over its first activation: nothing reads that later or beside it."""
    call = stages.calls[number]
    value = call.reads[0].value
    if not REGISTRY[call.node.op_type].in_place or value in (*stages.sources, *stages.results):
        return False
    others = (reader for reader in stages.readers[value] if reader != number)
    done = all(reader < (cut.start if cut.flow else number) for reader in others)
    return done and shape_of(value) == shape_of(call.output)


def rows_held(values: Sequence[ir.Value], makers: Sequence[int], stages: Stages, flow: Flow) -> int:
    """Rows that a storage has to hold at a time, if its values are made and read in one stream only."""
    readers = [
        (number, read.rows)
        for value in values
        for number in stages.readers[value]
        for read in stages.calls[number].reads
        if read.value is value and read.rows
    ]
    return flow.window(makers, readers)


def _merge(storages: dict[ir.Value, Storage], stages: Stages, number: int) -> None:
    """Lets a call write where its first activation lies."""
    old, new = storages[stages.calls[number].reads[0].value], storages[stages.calls[number].output]
    old.last = new.last
    old.makers += new.makers
    old.values += new.values
    storages.update(dict.fromkeys(new.values, old))


def _narrow(storage: Storage, stages: Stages, cut: Cut) -> None:
    """Makes a storage a window of rows if it lives in the streamed segment `cut` only."""
    if cut.flow is None or storage.last >= cut.stop:
        return
    height = height_of(storage.values[0])
    rows = rows_held(storage.values, storage.makers, stages, cut.flow)
    if rows < height:
        storage.rows, storage.bytes = rows, storage.bytes // height * rows
