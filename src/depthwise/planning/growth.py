"""What a segment holds while it grows call by call: live bytes, windows, whole maps that it reads and writes.

The same rules as in `storage.assign_storages`, which needs to know all segments of a network; here only one is known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import onnx_ir as ir

from depthwise.planning.memory import align
from depthwise.planning.stages import Stages, height_of
from depthwise.planning.storage import Cut, bytes_of, rows_held, works_in_place
from depthwise.planning.streaming import Flow


@dataclass(frozen=True)
class Held:
    """What a segment holds, in bytes.

    Attributes:
        live: all that lives in the arena while it runs. windows: of that its windows.
        outside: whole maps that it reads and writes, each as often as that happens.
    """

    live: int
    windows: int
    outside: int


@dataclass(frozen=True)
class Network:
    """What planning knows of a network on its target.

    Attributes:
        stages: its calls. workspaces: bytes of scratch of each call's kernel.
        element: bytes of an element. cache: bytes of the target's second-level cache; 0: it has none.
    """

    stages: Stages
    workspaces: Sequence[int]
    element: int
    cache: int

    @cached_property
    def sizes(self) -> Mapping[ir.Value, int]:
        """Bytes of each value."""
        return {value: bytes_of(value, self.element) for value in self.stages.readers}


@dataclass
class _Piece:
    """Memory that some values share: the calls that write it, what it holds, and its part of the segment's bytes."""

    makers: list[int]
    values: list[ir.Value]
    held: Held = Held(0, 0, 0)


class Growth:
    """A segment from call `start` on; `extend` takes in one call more."""

    def __init__(self, network: Network, start: int, flow: Flow | None) -> None:
        self._network, self._stages, self._flow = network, network.stages, flow
        self._cut = Cut(start, start, flow)
        self._stop = start
        self._piece_of: dict[ir.Value, _Piece] = {}
        self._scratch = self._windows = self._outside = 0
        self._written_over = False
        self._live = sum(align(size) for value, size in network.sizes.items() if self._lives_before(value))

    def extend(self) -> Held:
        """Takes in the next call; what the segment then holds."""
        number, stages = self._stop, self._stages
        call = stages.calls[number]
        self._stop += 1
        self._scratch = max(self._scratch, self._network.workspaces[number])
        self._outside += sum(self._network.sizes[read.value] for read in call.reads if read.source < self._cut.start)
        touched = [self._piece_of[read.value] for read in call.reads if read.value in self._piece_of]
        if not works_in_place(stages, number, self._cut):
            touched.append(_Piece([number], [call.output]))
            self._piece_of[call.output] = touched[-1]
        elif call.reads[0].value in self._piece_of:
            touched[0].makers.append(number)
            touched[0].values.append(call.output)
            self._piece_of[call.output] = touched[0]
        else:
            self._written_over = True
        for piece in touched:
            self._count(piece)
        return Held(self._live + align(self._scratch), self._windows, self._outside)

    @property
    def has_bands(self) -> bool:
        """Whether threads could share it out in bands of rows (bands.py), and it changes nothing made before."""
        calls = self._stages.calls[self._cut.start : self._stop]
        result = self._piece_of.get(calls[-1].output)
        if self._written_over or result is None or result.held.windows or any(call.reduces for call in calls):
            return False
        return all(piece is result or piece.held.windows for piece in self._piece_of.values())

    def _count(self, piece: _Piece) -> None:
        """Puts a piece's bytes, as they are now, in the place of what was counted for it."""
        before, piece.held = piece.held, self._held(piece)
        self._live += piece.held.live - before.live
        self._windows += piece.held.windows - before.windows
        self._outside += piece.held.outside - before.outside

    def _held(self, piece: _Piece) -> Held:
        size = self._network.sizes[piece.values[0]]
        if any(value in self._stages.results for value in piece.values):
            return Held(0, 0, size)  # in the caller's memory
        readers = (reader for value in piece.values for reader in self._stages.readers[value])
        if self._flow and max(readers, default=-1) < self._stop:
            height = height_of(piece.values[0])
            rows = rows_held(piece.values, piece.makers, self._stages, self._flow)
            if rows < height:
                return Held(align(size // height * rows), size // height * rows, 0)
        return Held(align(size), 0, size)

    def _lives_before(self, value: ir.Value) -> bool:
        """Whether a value lies in the arena when the segment begins, and something still reads it."""
        stages, start = self._stages, self._cut.start
        if value in (*stages.sources, *stages.results) or stages.makers[value] >= start:
            return False
        return max(stages.readers[value], default=-1) >= start
