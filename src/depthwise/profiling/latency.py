"""Latency of several runtimes side by side: what disturbs the machine then disturbs them all."""

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from depthwise.results import Latency

WARM_UP = 3
"""Calls of each runtime that are not timed."""


@dataclass(frozen=True)
class Runtime:
    """Something to time: its version, and a call that runs one image."""

    version: str
    call: Callable[[], object]


def latency(
    runtimes: Mapping[str, Runtime],
    rounds: int = 50,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[Latency]:
    """Times each runtime once a round and returns median and minimum over the rounds, in milliseconds.

    Args:
        runtimes: by name. The caller holds them to one thread.
        rounds: at least one. In odd rounds the order is turned round, so that none always follows the same one.
        progress: told (round, rounds, "latency") before each round.
    """
    times: dict[str, list[float]] = {name: [] for name in runtimes}
    for runtime in runtimes.values():
        for _ in range(WARM_UP):
            runtime.call()
    for i in range(rounds):
        if progress:
            progress(i, rounds, "latency")
        for name in list(runtimes)[:: -1 if i % 2 else 1]:
            call = runtimes[name].call
            begin = time.perf_counter()
            call()
            times[name].append(1e3 * (time.perf_counter() - begin))
    return [
        Latency(
            runtime=name,
            version=runtimes[name].version,
            median_ms=statistics.median(values),
            minimum_ms=min(values),
        )
        for name, values in times.items()
    ]
