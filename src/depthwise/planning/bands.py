"""A streamed segment for several threads: bands of rows of its last call's output, each streamed for itself.

Every band has windows of its own. The rows that a band needs of the maps before its output are made in it, so those
at the edge of two bands (the halo) are made twice; no thread waits for another. That asks for a segment whose last
call alone writes to a map that all threads see.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from depthwise.planning.stages import Read, Stages
from depthwise.planning.storage import Cut, Storage

Rows = tuple[np.ndarray, np.ndarray]
"""First and last (exclusive) row of each of some bands."""


def has_bands(stages: Stages, cut: Cut, storages: Mapping[ir.Value, Storage]) -> bool:
    """Whether a segment can be cut into bands."""
    calls = stages.calls[cut.start : cut.stop]
    result = storages[calls[-1].output]
    if cut.flow is None or result.rows or any(call.reduces for call in calls):
        return False
    return all(storages[call.output].rows or storages[call.output] is result for call in calls)


def rows_of_bands(stages: Stages, cut: Cut, first: np.ndarray, last: np.ndarray) -> list[Rows]:
    """The rows that each call makes for the rows first .. last - 1 of the last call's output.

    Args:
        stages: the network. cut: the segment.
        first, last: one element a band.
    """
    found = [(first, last)] * (cut.stop - cut.start)
    for index in reversed(range(len(found) - 1)):
        call = stages.calls[cut.start + index]
        needed = [
            (
                np.maximum(found[reader - cut.start][0] * read.rows.stride - read.rows.pad, 0),
                np.minimum(
                    (found[reader - cut.start][1] - 1) * read.rows.stride - read.rows.pad + read.rows.reach, read.height
                ),
            )
            for reader, read in _readers(stages, cut, [call.output])
            if read.rows
        ]
        found[index] = np.minimum.reduce([low for low, _ in needed]), np.maximum.reduce([high for _, high in needed])
    return found


def halo(stages: Stages, cut: Cut, macs: Sequence[int], parts: int, unit: int) -> float:
    """The share of a segment's multiply-accumulates that so many bands add to it.

    Args:
        stages: the network. cut: the segment. macs: of each of its calls.
        parts, unit: how it is cut (see `planning.parallel`).
    """
    height = stages.calls[cut.stop - 1].height
    edges = np.array([begin_of_part(height, unit, parts, part) for part in range(parts + 1)])
    made = rows_of_bands(stages, cut, edges[:-1], edges[1:])
    heights = [call.height for call in stages.calls[cut.start : cut.stop]]
    work = sum(
        count * float(np.sum(last - first)) / height
        for count, (first, last), height in zip(macs, made, heights, strict=True)
    )
    return work / max(sum(macs), 1) - 1


def begin_of_part(total: int, unit: int, parts: int, part: int) -> int:
    """Where a part begins, and the one before it ends, as in compiler/templates/parallel.c.j2."""
    return total if part == parts else total // unit * part // parts * unit


def window_of_bands(stages: Stages, cut: Cut, storage: Storage, unit: int) -> int:
    """Most rows of a window that one time needs in any band whose first row is a multiple of `unit`, but not 0.

    Bands begin in the middle of a stream, where the calls stand to each other in another way than at its beginning.
    The bands are followed step by step, after the rules of compiler/templates/stream.c.j2.
    """
    assert cut.flow is not None
    height = stages.calls[cut.stop - 1].height
    first = np.arange(unit, max(height, unit + 1), unit)
    made = rows_of_bands(stages, cut, first, np.full_like(first, height))
    done = [begin.copy() for begin, _ in made]
    makers = [maker - cut.start for maker in storage.makers]
    readers = [(number - cut.start, read) for number, read in _readers(stages, cut, storage.values)]
    most = 0
    while np.any(done[-1] < height):
        for index, call in enumerate(stages.calls[cut.start : cut.stop]):
            last = np.minimum(done[index] + cut.flow.advances[index].pace, made[index][1])
            for read in call.reads:
                if read.source >= cut.start and read.rows:
                    last = np.minimum(last, _ready(done[read.source - cut.start], call.height, read))
            if index == makers[0]:
                needed = [done[maker] for maker in makers]
                needed += [done[reader] * read.rows.stride - read.rows.pad for reader, read in readers if read.rows]
                most = max(most, int(np.max(last - np.maximum(np.minimum.reduce(needed), made[index][0]))))
            done[index] = np.maximum(last, done[index])
    return most


def _readers(stages: Stages, cut: Cut, values: Sequence[ir.Value]) -> list[tuple[int, Read]]:
    """The calls of a segment that read some values, each with how."""
    return [
        (number, read)
        for number in range(cut.start, cut.stop)
        for read in stages.calls[number].reads
        if read.value in values
    ]


def _ready(done: np.ndarray, rows: int, read: Read) -> np.ndarray:
    """Rows that can be made of `rows` when `done` rows of an input are there."""
    assert read.rows is not None
    partly = np.clip((done + read.rows.pad - read.rows.reach) // read.rows.stride + 1, 0, rows)
    return np.where(done >= read.height, rows, partly)
