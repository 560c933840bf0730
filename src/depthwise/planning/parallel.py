"""How several threads share out a Program: in phases, between which they wait for each other.

In a phase every thread computes its own part of each call's output:

- "bands": rows of a streamed segment's last output (bands.py);
- "rows": of a call with a window; it reads the rows beside its own too, so nothing else may write them meanwhile;
- "pixels": of a call that makes each pixel from the same pixel of its inputs, so that the cut may be anywhere;
- "channels": of a small map or a vector. The products are cut by outputs, never by terms of a sum;
- "whole": by one thread.

So every output is computed as by one thread, to the last bit. Calls follow each other within a phase where no part
reads what another one writes: an expansion and its depthwise convolution by channels, a projection and its sum by
pixels. What is dead after the first of them may then not be overwritten by the second, since another thread may
still read it; a phase that would need more live bytes than any call by itself is not taken.

The cut is found by dynamic programming, for two and for four threads together: the largest part's arithmetic, weights
that every thread reads, data that another core wrote, and the wait at the end. How many threads there are is known
only when the program runs; then part p of n takes the units from units * p / n to units * (p + 1) / n.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import onnx_ir as ir

from depthwise.ops import REGISTRY, Kernel
from depthwise.ops.base import shape_of
from depthwise.planning.bands import begin_of_part, halo, has_bands
from depthwise.planning.memory import Lifetime, align, lower_bound
from depthwise.planning.program import Axis
from depthwise.planning.stages import Read, Stage, Stages
from depthwise.planning.storage import Cut, Storage
from depthwise.planning.timing import Work, work_of

THREADS = (2, 4)
"""Numbers of threads that a plan is made for; any other works too."""

LONGEST = 6
"""Segments in a phase, at most."""

_BAND, _PIXELS = 2, 12
"""Rows and pixels in a unit: bands that end a stream's step, tiles of the products."""

_FAST, _SLOW = 24, 6
"""Multiply-accumulates a cycle of products over all channels, and of one channel by itself."""

_SHARED, _OTHER = 32, 16
"""Bytes a cycle from the cache that the cores share, and of what another core has just written."""

_WAIT = 1500
"""Cycles until all threads have begun, and know that all have ended."""


@dataclass(frozen=True)
class Share:
    """A phase that could be: segments `start` to before `stop`, by `axis`, in units of `unit` of `total`."""

    start: int
    stop: int
    axis: Axis
    total: int = 1
    unit: int = 1
    reason: str = ""


class Sharing:
    """Finds the phases of a network whose segments, storages and kernels are chosen.

    Args:
        stages, cuts, storages: the network, its segments, and where each value lies.
        kernels: of each call. lives: of what lies in the arena; no phase may ask for more than these at any time.
    """

    def __init__(
        self,
        stages: Stages,
        cuts: Sequence[Cut],
        storages: Mapping[ir.Value, Storage],
        kernels: Sequence[Kernel],
        lives: Mapping[str, Lifetime],
    ) -> None:
        self._stages, self._cuts, self._storages, self._kernels = stages, cuts, storages, kernels
        self._lives = list(lives.values())
        self._limit = lower_bound(self._lives)
        self._works = [work_of(call) for call in stages.calls]

    def phases(self) -> list[Share]:
        """The phases, in order."""
        best: dict[int, dict[Axis, tuple[float, list[Share]]]] = {0: {"whole": (0.0, [])}}
        for stop in range(1, len(self._cuts) + 1):
            ends: dict[Axis, tuple[float, list[Share]]] = {}
            for start in range(max(0, stop - LONGEST), stop):
                for share in self._shares(start, stop):
                    for before, (cost, shares) in best[start].items():
                        total = cost + self._cycles(share, before)
                        if share.axis not in ends or total < ends[share.axis][0]:
                            ends[share.axis] = total, [*shares, share]
            best[stop] = ends
        return min(best[len(self._cuts)].values(), key=lambda found: found[0])[1]

    def _shares(self, start: int, stop: int) -> Iterator[Share]:
        """The ways to share out some segments as one phase."""
        cuts, calls = self._cuts[start:stop], self._calls(start, stop)
        if len(cuts) == 1:
            yield Share(start, stop, "whole", reason="too little to share, or not to be cut")
        if any(cut.flow for cut in cuts):
            if len(cuts) == 1 and has_bands(self._stages, cuts[0], self._storages):
                yield from self._bands(start, cuts[0])
            return
        if len(cuts) > 1 and self._live(calls[0], calls[-1]) > self._limit:
            return
        for axis, total, unit in self._extents(calls):
            if total // unit >= 2 and all(self._apart(number, calls, axis) for number in calls):
                yield Share(start, stop, axis, total, unit, f"{total // unit} units of {unit} {axis}")

    def _bands(self, start: int, cut: Cut) -> Iterator[Share]:
        height = self._stages.calls[cut.stop - 1].height
        if height // _BAND < 2:
            return
        macs = [work.macs for work in self._works[cut.start : cut.stop]]
        added = halo(self._stages, cut, macs, 2, _BAND)
        reason = f"{height // _BAND} units of {_BAND} rows, 2 threads compute {100 * added:.1f} % twice"
        yield Share(start, start + 1, "bands", height, _BAND, reason)

    def _extents(self, calls: range) -> Iterator[tuple[Axis, int, int]]:
        """The axes along which all of some calls can be cut alike, each with its length and its unit."""
        stages = [self._stages.calls[number] for number in calls]
        pixels = {pixels_of(stage) for stage in stages}
        if len(pixels) == 1 and all(map(by_pixels, stages)):
            yield "pixels", pixels.pop(), _PIXELS
        elif len(stages) == 1 and stages[0].streams and not stages[0].reduces:
            yield "rows", stages[0].height, 1
        channels = {shape_of(stage.output)[1] for stage in stages}
        units = [self._kernels[number].channels for number in calls]
        if len(channels) == 1 and all(units):
            yield "channels", channels.pop(), math.lcm(*units)

    def _apart(self, number: int, calls: range, axis: Axis) -> bool:
        """Whether what a call reads beyond its own part is written by none of some calls."""
        call = self._stages.calls[number]
        return not any(
            maker in calls
            for read in call.reads
            if not (_by_channel(call, read) if axis == "channels" else read.rows is not None and read.rows.aligned)
            for maker in self._storages[read.value].makers
        )

    def _live(self, first: int, last: int) -> int:
        """Bytes of the arena that live at one time or another from call `first` to call `last`."""
        return sum(align(life.size) for life in self._lives if life.first <= last and life.last >= first)

    def _calls(self, start: int, stop: int) -> range:
        return range(self._cuts[start].start, self._cuts[stop - 1].stop)

    def _cycles(self, share: Share, before: Axis) -> float:
        """Cycles of a phase that follows one along another axis, over all numbers of threads."""
        if share.axis == "whole":
            return len(THREADS) * sum(
                _arithmetic(self._stages.calls[number], self._works[number]) + self._works[number].weights / _SHARED
                for number in self._calls(share.start, share.stop)
            )
        cycles = 0.0
        for threads in THREADS:
            parts = min(threads, share.total // share.unit)
            edges = [begin_of_part(share.total, share.unit, parts, part) for part in range(parts + 1)]
            most = max(b - a for a, b in pairwise(edges)) / share.total
            cycles += _WAIT
            for index, number in enumerate(self._calls(share.start, share.stop)):
                call, work = self._stages.calls[number], self._works[number]
                cycles += most * _arithmetic(call, work)
                cycles += work.weights * (most if share.axis == "channels" else 1) / _SHARED
                mixes = share.axis == "channels" and not REGISTRY[call.node.op_type].channelwise
                if mixes or (index == 0 and _kind(share.axis) != _kind(before)):
                    cycles += work.read * (1 if mixes else most) * (1 - 1 / parts) / _OTHER
        return cycles


def by_pixels(call: Stage) -> bool:
    """Whether a call makes each pixel of a map from the same pixel of its inputs (and of vectors)."""
    return REGISTRY[call.node.op_type].pixelwise and any(read.rows is not None for read in call.reads)


def pixels_of(call: Stage) -> int:
    """Pixels of the output map."""
    return math.prod(shape_of(call.output)[2:])


def _by_channel(call: Stage, read: Read) -> bool:
    """Whether output channel c of a call reads channel c alone of an input."""
    return REGISTRY[call.node.op_type].channelwise and shape_of(read.value)[1] == shape_of(call.output)[1]


def _kind(axis: Axis) -> str:
    """Axes of one kind give a thread about the same part of a map."""
    return axis if axis in ("whole", "channels") else "map"


def _arithmetic(call: Stage, work: Work) -> float:
    """Cycles that one thread computes."""
    rate = _SLOW if REGISTRY[call.node.op_type].channelwise else _FAST
    return work.macs / rate + (work.read + work.written) / _SHARED
