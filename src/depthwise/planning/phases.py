"""What the phases of a Program (parallel.py) mean for its memory: longer lives, and memory of each thread."""

from collections.abc import Mapping, Sequence

import onnx_ir as ir

from depthwise.planning.bands import window_of_bands
from depthwise.planning.memory import Lifetime, align
from depthwise.planning.parallel import Share
from depthwise.planning.program import Buffer, Phase, Private
from depthwise.planning.stages import Stages
from depthwise.planning.storage import Cut, Storage


def through_phases(lives: Mapping[str, Lifetime], cuts: Sequence[Cut], shares: Sequence[Share]) -> dict[str, Lifetime]:
    """Lives that last as long as the phases in which they begin and end: threads are not all at the same call."""
    phases = [range(cuts[share.start].start, cuts[share.stop - 1].stop) for share in shares]
    at = {number: phase for phase in phases for number in phase}
    return {name: Lifetime(life.size, at[life.first][0], at[life.last][-1]) for name, life in lives.items()}


def phases_of(
    shares: Sequence[Share],
    stages: Stages,
    cuts: Sequence[Cut],
    storages: Mapping[ir.Value, Storage],
    buffers: Mapping[str, Buffer],
) -> tuple[Phase, ...]:
    """The phases, each with the memory that every thread has for itself.

    Args:
        shares: how the segments are shared out. stages, cuts, storages: the network.
        buffers: what lies in the arena, by name.
    """
    phases = []
    for share in shares:
        private: list[Private] = []
        inside = [] if share.axis == "whole" else cuts[share.start : share.stop]
        windows = {storage.name: storage for cut in inside for storage in _windows(stages, cut, storages)}
        workspaces = [f"{stages.calls[cut.start].name}.workspace" for cut in inside]
        for name in (*windows, *(name for name in workspaces if name in buffers)):
            rows, size = 0, buffers[name].bytes
            if name in windows:
                storage = windows[name]
                rows = max(storage.rows, window_of_bands(stages, inside[0], storage, share.unit))
                size = storage.bytes // storage.rows * rows
            offset = sum(align(one.bytes) for one in private)
            private.append(Private(buffers[name].offset, offset, size, rows))
        phases.append(Phase(share.start, share.stop, share.axis, share.total, share.unit, tuple(private), share.reason))
    return tuple(phases)


def _windows(stages: Stages, cut: Cut, storages: Mapping[ir.Value, Storage]) -> list[Storage]:
    """The windows of a segment."""
    found = {id(storages[call.output]): storages[call.output] for call in stages.calls[cut.start : cut.stop]}
    return [storage for storage in found.values() if storage.rows]
