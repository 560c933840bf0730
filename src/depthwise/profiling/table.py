"""The results as lines of text: each network's runtimes, fastest first, and the means over the networks."""

from collections.abc import Mapping, Sequence

from depthwise.profiling.comparison import OURS, Row, geometric_mean, groups, lead
from depthwise.profiling.runtimes import RUNTIMES
from depthwise.units import format_bytes

HEADINGS = ("runtime", "median ms", "minimum ms", "to ours", "of floor", "load ms", "model", "runtime itself")

INPUTS = {"float32": "from the normalized image", "uint8": "from camera bytes", "int8": "from 8-bit values"}
"""Input type -> what the times begin at."""


def lines_of(rows: Sequence[Row], sizes: Mapping[tuple[str, str], int]) -> list[str]:
    """The tables of all groups and the summary.

    Args:
        rows: of one run.
        sizes: (network, runtime) -> bytes of the network on disk.
    """
    found = []
    for (network, precision, threads, input_type), group in groups(rows).items():
        where = f"{network}, {precision}, {count(threads)}, {INPUTS[input_type]}"
        found += ["", f"{where}: floor {group[0].floor_ms:.3f} ms", *aligned([HEADINGS, *_cells(group, sizes)])]
    return [*found, "", *summary(rows)]


def summary(rows: Sequence[Row]) -> list[str]:
    """Geometric means of (fastest other runtime / ours) over the networks, by precision, threads and input type."""
    leads: dict[tuple[str, int, str], list[float]] = {}
    for (_, precision, threads, input_type), group in groups(rows).items():
        ratio = lead(group)
        if ratio is not None:
            leads.setdefault((precision, threads, input_type), []).append(ratio)
    return [
        f"{precision}, {count(threads)}, {INPUTS[input_type]}: the fastest other runtime of each network takes "
        f"{geometric_mean(ratios):.2f} times our time (geometric mean of {len(ratios)}; "
        f"{min(ratios):.2f} to {max(ratios):.2f})"
        for (precision, threads, input_type), ratios in leads.items()
    ]


def count(threads: int) -> str:
    """A number of threads in words."""
    return f"{threads} thread" if threads == 1 else f"{threads} threads"


def python_overhead(rows: Sequence[Row]) -> float | None:
    """What a call from Python adds to the C entry point, in milliseconds: the least over the networks."""
    added = []
    for group in groups(rows).values():
        times = {row.runtime: row.median_ms for row in group}
        if {OURS, f"{OURS}-python"} <= set(times):
            added.append(times[f"{OURS}-python"] - times[OURS])
    return min(added, default=None)


def _cells(group: Sequence[Row], sizes: Mapping[tuple[str, str], int]) -> list[tuple[str, ...]]:
    ours = next((row.median_ms for row in group if row.runtime == OURS), None)
    cells: list[tuple[str, ...]] = []
    for row in group:
        installed, size = RUNTIMES[row.runtime].installed_bytes, sizes.get((row.network, row.runtime))
        cells.append(
            (
                row.runtime,
                f"{row.median_ms:.3f}",
                f"{row.minimum_ms:.3f}",
                "" if ours is None else f"{row.median_ms / ours:.2f}",
                f"{100 * row.share:.0f} %",
                f"{row.load_ms:.1f}",
                "" if size is None else format_bytes(size),
                format_bytes(installed) if installed else "none",
            )
        )
    return cells


def aligned(rows: Sequence[Sequence[str]], left: int = 1, *, last: bool = False) -> list[str]:
    """Rows of cells in columns: the first `left` of them, and the last one if asked for, begin together; others end."""
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    begins = {*range(left), *((len(wide) - 1,) if last else ())}
    return [
        "  ".join(
            f"{cell:<{w}}" if i in begins else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(row, wide, strict=True))
        ).rstrip()
        for row in rows
    ]
