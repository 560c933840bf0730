"""Where a network is cut into segments, which of them are streamed, and with how many rows a step.

Every run of calls that can stream is a candidate, with several numbers of rows a step, and every call by itself as a
whole. A candidate has the bytes that live while it runs (its windows and whole maps, all else that is still needed, one
workspace) and the cycles that it costs. Dynamic programming over the places of the cuts finds the row of candidates

- with the fewest cycles, if no more bytes live at a time than with every call as a whole (`optimize` "speed"), or
- with the fewest cycles of those whose largest number of live bytes is least ("ram").
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from depthwise.planning.growth import Growth, Network
from depthwise.planning.storage import Cut
from depthwise.planning.streaming import Flow
from depthwise.planning.timing import Stream, Work, missed_by, stream_cycles, whole_cycles, work_of
from depthwise.registry import choose
from depthwise.units import format_bytes

ROWS_PER_STEP = {"speed": (4, 8, 16), "ram": (1, 4)}
"""Rows a step that are tried."""

LONGEST = {"speed": 12, "ram": 32}
"""Calls in a streamed segment, at most: longer ones have gained neither time nor memory in any network so far."""

Schedule = Literal["auto", "layer", "stream"]
Objective = Literal["speed", "ram"]


@dataclass(frozen=True)
class Choice:
    """What the planner may do.

    Attributes:
        schedule: "layer": every call as a whole; "stream": row by row wherever possible; "auto": what is better.
        optimize: what is better: less time, or less memory.

    Raises:
        UserError: words that are none of these.
    """

    schedule: Schedule = "auto"
    optimize: Objective = "speed"

    def __post_init__(self) -> None:
        choose("schedule", self.schedule, get_args(Schedule))
        choose("objective", self.optimize, get_args(Objective))


DEFAULT = Choice()
"""Of two schedules the faster one."""


@dataclass(frozen=True)
class _Candidate:
    """A segment, the bytes that live while it runs, and the cycles that it costs beyond the arithmetic."""

    cut: Cut
    bytes: int
    cycles: float


_Cost = tuple[float, float]
"""Calls that run as a whole although they need not, where that is unwanted; then what is to be least."""


def choose_cuts(network: Network, choice: Choice) -> list[Cut]:
    """The segments of a network, in order."""
    works = [work_of(call, network.element) for call in network.stages.calls]
    missed = [missed_by(work, network.cache) for work in works]
    patient = choice != DEFAULT
    whole = [
        _Candidate(
            Cut(number, number + 1), Growth(network, number, None).extend().live, whole_cycles(work, network.cache)
        )
        for number, work in enumerate(works)
    ]
    if choice.schedule == "layer":
        return [replace(one.cut, reason="asked for") for one in whole]
    streams = [
        candidate
        for rows in sorted({*ROWS_PER_STEP[choice.optimize], *([1] if choice.schedule == "stream" else [])})
        for start in range(len(works))
        if patient or any(missed[start : start + 2])  # there is no time to be won where nothing misses the cache
        for candidate in _streams(
            network,
            start,
            rows,
            works[start : start + LONGEST[choice.optimize]],
            shared=not patient and network.cache > 0,
        )
    ]
    could = {number for one in streams for number in range(one.cut.start, one.cut.stop)}
    unwanted = could if choice.schedule == "stream" else set()

    def against(cost: _Cost, one: _Candidate) -> float:
        return cost[0] + (one.cut.flow is None and one.cut.start in unwanted)

    candidates, limited = [*whole, *streams], whole
    if choice.optimize == "ram":
        limited = _cheapest(candidates, len(works), lambda cost, one: (against(cost, one), max(cost[1], one.bytes)))
    if choice != Choice("stream", "speed"):
        limit = max(one.bytes for one in limited)
        candidates = [one for one in candidates if one.bytes <= limit]
    chosen = _cheapest(candidates, len(works), lambda cost, one: (against(cost, one), cost[1] + one.cycles))
    return [replace(one.cut, reason=_reason(one, whole, could)) for one in chosen]


def _streams(
    network: Network, start: int, rows_per_step: int, works: Sequence[Work], *, shared: bool
) -> Iterator[_Candidate]:
    """The streamed segments from call `start` on with so many rows a step, of at most as many calls as `works`.

    With `shared` only those that threads can share out: no stream gains as much time as several threads.
    """
    flow = Flow(network.stages.calls, start, rows_per_step)
    growth = Growth(network, start, flow)
    for count in range(1, len(works) + 1):
        if network.stages.calls[start].height <= rows_per_step or not flow.extend():
            return
        held = growth.extend()
        stop = start + count
        if count > 1:
            if shared and not growth.has_bands:
                continue
            stream = Stream(works[:count], flow, flow.steps(stop), held.windows, held.outside)
            yield _Candidate(Cut(start, stop, flow), held.live, stream_cycles(stream, network.cache))


def _cheapest(
    candidates: Sequence[_Candidate], count: int, add: Callable[[_Cost, _Candidate], _Cost]
) -> list[_Candidate]:
    """The row of candidates that covers `count` calls at the least cost; `add` adds a candidate to a cost."""
    ending: dict[int, list[_Candidate]] = {stop: [] for stop in range(1, count + 1)}
    for candidate in candidates:
        ending[candidate.cut.stop].append(candidate)
    best: dict[int, tuple[_Cost, list[_Candidate]]] = {0: ((0, 0), [])}
    for stop, ends in ending.items():
        costs = [(add(best[one.cut.start][0], one), index) for index, one in enumerate(ends) if one.cut.start in best]
        if costs:
            cost, index = min(costs)
            best[stop] = cost, [*best[ends[index].cut.start][1], ends[index]]
    return best[count][1]


def _reason(one: _Candidate, whole: Sequence[_Candidate], could: Collection[int]) -> str:
    """Why a segment is as it is."""
    if one.cut.flow is None:
        return "no better row by row" if one.cut.start in could else "cannot run row by row"
    beside = whole[one.cut.start : one.cut.stop]
    live, cycles = max(other.bytes for other in beside), sum(other.cycles for other in beside)
    return (
        f"live {format_bytes(one.bytes)} instead of {format_bytes(live)}, "
        f"estimated {(one.cycles - cycles) / 1e3:+.0f} k cycles"
    )
