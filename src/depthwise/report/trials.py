"""The trials of a search: rounds of equal epochs, their fronts, accuracy against width. Pure functions."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from depthwise.results import Candidate, Interval, Search

LEAST_WIDTHS = 3
"""Of how many widths a line of accuracy against width is made at least."""


@dataclass(frozen=True)
class Point:
    """A trial with its candidate. `rung` and `epochs` are those of its round, `seconds` what it took."""

    candidate: Candidate
    rung: int
    epochs: float
    accuracy: Interval
    seconds: float


@dataclass(frozen=True)
class Round:
    """The trials of one rung that had equal epochs: only they may be compared."""

    rung: int
    epochs: float
    points: tuple[Point, ...]


@dataclass(frozen=True)
class WidthLine:
    """Trials that differ in width alone, narrowest first."""

    points: tuple[Point, ...]

    @property
    def best(self) -> Point:
        """The most accurate; of equals the narrowest."""
        return max(self.points, key=lambda point: point.accuracy.value)

    @property
    def collapse(self) -> Point | None:
        """The widest below `best` whose interval lies wholly below that of `best`; None if thinning shows no loss."""
        best = self.best
        thinner = (point for point in self.points if point.candidate.width < best.candidate.width)
        return max(
            (point for point in thinner if point.accuracy.high < best.accuracy.low),
            key=lambda point: point.candidate.width,
            default=None,
        )


def rounds(search: Search) -> list[Round]:
    """The trials by rung and epochs, in that order; trials of a candidate that is not listed are left out."""
    known = {candidate.name: candidate for candidate in search.candidates}
    points = [
        Point(known[trial.candidate], trial.rung, trial.epochs, trial.accuracy, trial.seconds)
        for trial in search.trials
        if trial.candidate in known
    ]

    def key(point: Point) -> tuple[int, float]:
        return point.rung, point.epochs

    return [Round(*of, tuple(group)) for of, group in groupby(sorted(points, key=key), key)]


def last_of(found: Sequence[Round], name: str | None) -> Point | None:
    """The trial of a candidate in the last round that it reached, None if it was never trained."""
    points = [point for group in found for point in group.points if point.candidate.name == name]
    return points[-1] if points else None


def front(points: Iterable[Point], cost: Callable[[Candidate], float]) -> list[Point]:
    """The Pareto front, cheapest first: the points than which none is as cheap and more accurate, or cheaper."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda point: (cost(point.candidate), -point.accuracy.value)):
        if not kept or point.accuracy.value > kept[-1].accuracy.value:
            kept.append(point)
    return kept


def width_lines(first: Round) -> list[WidthLine]:
    """The lines of a round that have enough widths, the most accurate first; of equal candidates the last counts."""
    groups: dict[tuple[str, float, int], dict[float, Point]] = {}
    for point in first.points:
        of = point.candidate
        groups.setdefault((of.model, of.depth, of.resolution), {})[of.width] = point
    lines = [
        WidthLine(tuple(points[width] for width in sorted(points)))
        for points in groups.values()
        if len(points) >= LEAST_WIDTHS
    ]
    return sorted(lines, key=lambda line: -line.best.accuracy.value)
