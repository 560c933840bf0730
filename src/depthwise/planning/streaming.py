"""How the calls of a streamed segment advance, and how many rows of each map they hold.

In every step each call in turn makes the rows for which its inputs are there, at most `pace` of them: the first call
`rows_per_step`, a later one as many as that brings. Nothing is computed twice; the rows of a map that are still needed
form one window, of reach - 1 + pace rows, and of more where a residual waits. How far a call is after a step does
not depend on the calls after it, so one Flow serves all segments with the same first call. The emitted C follows the
same rules (compiler/templates/stream.c.j2), so these numbers are exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from depthwise.ops.base import Rows
from depthwise.planning.stages import Stage


@dataclass(frozen=True)
class Advance:
    """A call in a stream: at most `pace` rows a step; after t steps it has made done[t]."""

    pace: int
    done: np.ndarray


class Flow:
    """A stream from call number `start` on: `advances` are those of the calls that were added so far."""

    def __init__(self, calls: Sequence[Stage], start: int, rows_per_step: int) -> None:
        self.start = start
        self.rows_per_step = rows_per_step
        self.advances: list[Advance] = []
        self._calls = calls
        self._lengths: list[int] = []
        reaches = (read.rows.reach + read.rows.pad + 1 for call in calls[start:] for read in call.reads if read.rows)
        self._steps = np.arange(calls[start].height // rows_per_step + 2 + sum(reaches))

    def extend(self) -> bool:
        """Adds the next call; False if there is none, or none that can run in this stream."""
        number = self.start + len(self.advances)
        if number == len(self._calls) or not self._calls[number].streams:
            return False
        call = self._calls[number]
        inside = [read for read in call.reads if read.source >= self.start]
        if self.advances and not inside:
            return False  # nothing ties its pace to that of the calls before it
        pace, ready = self.rows_per_step, np.full(len(self._steps), call.height)
        for read in inside:
            if read.rows is None or self._calls[read.source].reduces:
                return False  # it needs all of what this stream makes
            source = self.advances[read.source - self.start]
            pace = max(-(-source.pace // read.rows.stride), 1 if read is inside[0] else pace)
            ready = np.minimum(ready, _ready(source.done, read.height, call.height, read.rows))
        # done[t] = min(ready[t], done[t - 1] + pace), which is the least of ready[s] + pace * (t - s) over s <= t.
        paced = np.minimum.accumulate(ready - pace * self._steps) + pace * self._steps
        paced[0] = 0
        done = np.minimum(paced, pace * self._steps)
        self.advances.append(Advance(pace, done))
        self._lengths.append(int(np.searchsorted(done, call.height)))
        return True

    def steps(self, stop: int) -> int:
        """Steps until all calls before number `stop` are done."""
        return max(self._lengths[: stop - self.start])

    def window(self, makers: Sequence[int], readers: Sequence[tuple[int, Rows]]) -> int:
        """Most rows that a map has to hold at one time, by the numbers of the calls that write and read it.

        Args:
            makers: the call that makes its rows, then those that overwrite them row by row.
            readers: the calls that read it, each with what it reads.
        """
        made = self.advances[makers[0] - self.start].done
        needed = np.minimum.reduce([self.advances[maker - self.start].done for maker in makers])
        for reader, rows in readers:
            needed = np.minimum(needed, self.advances[reader - self.start].done * rows.stride - rows.pad)
        return int(np.max(made[1:] - np.maximum(needed, 0)[:-1]))


def _ready(done: np.ndarray, height: int, rows: int, window: Rows) -> np.ndarray:
    """Rows that can be made of `rows` when `done` rows of an input of `height` rows are there."""
    partly = np.clip((done + window.pad - window.reach) // window.stride + 1, 0, rows)
    return np.where(done >= height, rows, partly)
