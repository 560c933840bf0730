"""Runtimes side by side on one network: a row for each, and what may be said of rows that belong together."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

OURS = "depthwise"
"""The runtime that is this project; names that begin with it are further ways into it, compared with nobody."""


@dataclass(frozen=True)
class Row:
    """One runtime on one network; times in milliseconds for one image.

    Attributes:
        network: MODEL_WIDTH_RESOLUTION. precision: "float32" or "int8".
        median_ms: the median of the best round; minimum_ms: the fastest run of all.
        floor_ms: the network's MACs at the measured peak of so many threads.
        load_ms: from the runtime's own file to ready. layout: of the input that lies ready.
        input_type: "float32": from the normalized image; "uint8": from camera bytes.
    """

    network: str
    precision: str
    threads: int
    runtime: str
    version: str
    median_ms: float
    minimum_ms: float
    floor_ms: float
    load_ms: float
    layout: str
    input_type: str

    @property
    def group(self) -> tuple[str, str, int, str]:
        """What rows have in common that may be compared."""
        return self.network, self.precision, self.threads, self.input_type

    @property
    def share(self) -> float:
        """Share of the floor that was reached, 0..1."""
        return self.floor_ms / self.median_ms

    @property
    def is_other(self) -> bool:
        """Whether it is another project's."""
        return not self.runtime.startswith(OURS)


def groups(rows: Iterable[Row]) -> dict[tuple[str, str, int, str], list[Row]]:
    """Rows that may be compared, fastest first, by what they have in common, in order of appearance."""
    found: dict[tuple[str, str, int, str], list[Row]] = {}
    for row in rows:
        found.setdefault(row.group, []).append(row)
    return {key: sorted(group, key=lambda row: row.median_ms) for key, group in found.items()}


def lead(group: Iterable[Row]) -> float | None:
    """How many times the fastest other runtime takes of our time; None where one of the two is missing."""
    rows = list(group)
    ours = [row.median_ms for row in rows if row.runtime == OURS]
    others = [row.median_ms for row in rows if row.is_other]
    return min(others) / ours[0] if ours and others else None


def geometric_mean(values: Sequence[float]) -> float:
    """The geometric mean of positive numbers, of which there is at least one."""
    return math.exp(sum(map(math.log, values)) / len(values))
