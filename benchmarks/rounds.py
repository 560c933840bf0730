"""One network on every runtime: loaded, checked against the right answer, then timed in interleaved rounds."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks import native
from benchmarks.networks import Network
from benchmarks.results import Row
from benchmarks.runtimes import RUNTIMES
from benchmarks.worker import FailedError, Loaded, Worker

AGREEMENT = 2e-3
"""Largest allowed max|a - b| / max|b| over the logits: Winograd is fair, other weights are not."""


@dataclass(frozen=True)
class Plan:
    """How long it is measured: `rounds` of `seconds` for each runtime and input type."""

    rounds: int
    seconds: float


@dataclass
class Timed:
    """One runtime that takes part: what it said of the network, and its best times in milliseconds by input type."""

    worker: Worker
    loaded: dict[str, Loaded]
    medians: dict[str, float] = field(default_factory=dict)
    minima: dict[str, float] = field(default_factory=dict)

    def round(self, input_type: str, seconds: float) -> None:
        """One round; the best of all rounds is kept."""
        median, minimum = self.worker.round(input_type, seconds)
        self.medians[input_type] = min(median, self.medians.get(input_type, median))
        self.minima[input_type] = min(minimum, self.minima.get(input_type, minimum))


@dataclass(frozen=True)
class Measured:
    """What came of one network: the rows without their floor, bytes on disk by runtime, and the peak in MAC/s."""

    rows: list[Row]
    model_bytes: dict[str, int]
    peak: float


def measure(
    network: Network,
    runtimes: Sequence[str],
    precision: str,
    threads: int,
    plan: Plan,
    folder: Path,
    say: Callable[[str], None],
) -> Measured:
    """Measures one network on the runtimes, of which those that fail or compute something else are said and left out.

    Args:
        network: which one. runtimes: names in `RUNTIMES` that do not refuse. precision, threads: of all of them.
        plan: how long. folder: for files of the network. say: is told of what is left out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _loaded(network, runtimes, precision, threads, folder, say) as parts:
        peak = 0.0
        for i in range(plan.rounds):
            peak = max(peak, native.peak(precision, threads, plan.seconds / 2))
            # In odd rounds the order is turned round, so that none always follows the same one.
            for name in list(parts)[:: -1 if i % 2 else 1]:
                try:
                    for input_type in parts[name].loaded:
                        parts[name].round(input_type, plan.seconds)
                except FailedError as error:
                    say(f"{name}: left out of {network.name}: {error}")
                    del parts[name]
        rows = [
            Row(
                network=network.name,
                precision=precision,
                threads=threads,
                runtime=name,
                version=RUNTIMES[name].version,
                median_ms=part.medians[input_type],
                minimum_ms=part.minima[input_type],
                floor_ms=0.0,
                load_ms=loaded.load_ms,
                layout=loaded.layout,
                input_type=input_type,
            )
            for name, part in parts.items()
            for input_type, loaded in part.loaded.items()
        ]
        sizes = {name: max(loaded.model_bytes for loaded in part.loaded.values()) for name, part in parts.items()}
    return Measured(rows, sizes, peak)


@contextmanager
def _loaded(
    network: Network, runtimes: Sequence[str], precision: str, threads: int, folder: Path, say: Callable[[str], None]
) -> Iterator[dict[str, Timed]]:
    """The runtimes that loaded the network and compute the right logits, one after the other."""
    with ExitStack() as stack:
        parts = {}
        for name in runtimes:
            worker = stack.enter_context(closing(Worker(name, network.name, precision, threads, folder)))
            try:
                loaded = worker.load()
                for input_type, found in loaded.items():
                    _check(found.logits, network.logits, input_type)
            except FailedError as error:
                say(f"{name}: left out of {network.name}: {error}")
                worker.close()
            else:
                parts[name] = Timed(worker, loaded)
        yield parts


def _check(found: np.ndarray, expected: np.ndarray, input_type: str) -> None:
    if found.shape != expected.shape:
        raise FailedError(f"it gives {list(found.shape)} from {input_type}, not {list(expected.shape)}")
    difference = float(np.abs(found - expected).max() / np.abs(expected).max())
    if not difference <= AGREEMENT:
        raise FailedError(
            f"its outputs from {input_type} differ by {difference:.1e} of the largest, allowed {AGREEMENT:g}"
        )
