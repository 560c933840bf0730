"""What a search may try: for each model, resolution and depth the widest network that keeps every limit, and thinner
ones, down to where thinning collapses."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from depthwise.results import Candidate

WIDTHS = tuple(hundredths / 100 for hundredths in range(2, 101))
"""Width multipliers that are looked at, ascending. A network is widened to the paper's width at most."""

SHARES = (1.0, 0.7, 0.5, 0.35)
"""Widths that are tried, as shares of the widest that keeps every limit; the first is that one."""

Weigh = Callable[[str, float, int, float], Candidate]
"""From model, width, resolution and depth to what that network takes."""


@dataclass(frozen=True)
class Axes:
    """The axes of the search; of resolutions the most telling come first."""

    models: Sequence[str]
    resolutions: Sequence[int]
    depths: Sequence[float] = (1.0,)


def pool(axes: Axes, weigh: Weigh, fits: Callable[[Candidate], bool]) -> list[Candidate]:
    """Every candidate of the axes that fits: of each model, resolution and depth one for each of SHARES.

    Widths that round to the same channels count once, so a narrow limit leaves fewer; so do depths that leave a model
    of single blocks as it is.

    Args:
        axes: what may vary.
        weigh: tells what a network takes.
        fits: whether a candidate keeps every limit; what fits at one width must fit at every smaller one.
    """
    found: dict[tuple[object, ...], Candidate] = {}
    for model, depth, resolution in product(axes.models, axes.depths, axes.resolutions):
        for one in _column(lambda width, at=(model, resolution, depth): weigh(at[0], width, *at[1:]), fits):  # type: ignore[misc]
            found.setdefault((model, resolution, one.width, one.macs, one.parameters), one)
    return list(found.values())


def _column(at_width: Callable[[float], Candidate], fits: Callable[[Candidate], bool]) -> Iterator[Candidate]:
    """The widest candidate that fits and the thinner ones, widest first."""
    low, high = -1, len(WIDTHS) - 1  # the widest that fits is at low or above, and not above high
    while low < high:
        middle = (low + high + 1) // 2
        if fits(at_width(WIDTHS[middle])):
            low = middle
        else:
            high = middle - 1
    last = None
    for share in SHARES if low >= 0 else ():
        width = min(WIDTHS, key=lambda w: abs(w - share * WIDTHS[low]))
        candidate = at_width(width).model_copy(update={"share": share})
        if last is None or candidate.parameters < last.parameters:
            yield candidate
            last = candidate
