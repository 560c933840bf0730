"""The phases of a Program as C: what each part of several threads' work computes, as functions of its number."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from depthwise.compiler.calls import CallText, Function, SegmentText, operands_in, part_of
from depthwise.planning import PackedWeights, Program


@dataclass(frozen=True)
class PhaseText:
    """A phase.

    Attributes:
        axis, total, unit: as in the Program; units: parts there can be at most.
        segments: that it runs. calls: its calls, for one part of them, if it is cut along rows, pixels or channels.
        used: which of x, w, y, a it mentions.
    """

    name: str
    axis: str
    total: int
    unit: int
    units: int
    segments: tuple[SegmentText, ...]
    calls: tuple[CallText, ...]
    used: tuple[str, ...]


def phases_of(
    program: Program,
    name: str,
    functions: dict[Hashable, Function],
    segments: Sequence[SegmentText],
    packed: PackedWeights,
) -> list[PhaseText]:
    """The phases in order of execution; none where the Program has none."""
    phases = []
    number = 0
    for index, phase in enumerate(program.phases):
        inside = program.segments[phase.start : phase.stop]
        texts = tuple(segments[phase.start : phase.stop])
        calls: tuple[CallText, ...] = ()
        if phase.axis not in ("whole", "bands"):
            numbered = enumerate((call for segment in inside for call in segment.calls), number)
            calls = tuple(part_of(call, at, phase, functions, packed) for at, call in numbered)
        used = operands_in(calls, "xwya") if calls else texts[0].used
        units = phase.total // phase.unit
        phases.append(
            PhaseText(f"{name}_phase_{index}", phase.axis, phase.total, phase.unit, units, texts, calls, used)
        )
        number += sum(len(segment.calls) for segment in inside)
    return phases
