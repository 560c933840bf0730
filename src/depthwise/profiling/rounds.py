"""One network on every runtime: loaded, checked against the right answer, then timed in interleaved rounds."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field

import numpy as np

from depthwise.profiling import native
from depthwise.profiling.comparison import OURS, Row
from depthwise.profiling.network import Network
from depthwise.profiling.runtimes import RUNTIMES
from depthwise.profiling.worker import FailedError, Loaded, Worker
from depthwise.progress import Progress
from depthwise.registry import choose

AGREEMENT: Mapping[str, float] = {"float32": 2e-3, "int8": 0.3}
"""Largest allowed max|a - b| / max|b| over the output: Winograd is fair, other weights are not.

A file with QuantizeLinear and DequantizeLinear does not define an integer arithmetic, and with random weights one
step in a layer is many in the last. Ours must give the very bits of the interpreter.
"""


@dataclass(frozen=True)
class Plan:
    """How long it is measured: `rounds` of `seconds` for each runtime and input type."""

    rounds: int
    seconds: float


FULL, QUICK = Plan(rounds=12, seconds=0.3), Plan(rounds=2, seconds=0.05)
"""To be quoted, and to see it work."""


def chosen(names: Sequence[str]) -> list[str]:
    """This project and the named runtimes, or all if none is named but those that want to be named.

    Raises:
        UserError: an unknown name.
    """
    others = [choose("runtime", name, RUNTIMES) for name in names]
    usual = [name for name, runtime in RUNTIMES.items() if not runtime.only_named]
    return [
        *(name for name in usual if not others or name in others or name.startswith(OURS)),
        *(name for name in others if name not in usual),
    ]


def taking_part(runtimes: Sequence[str], precision: str, say: Callable[[str], None]) -> list[str]:
    """The runtimes that do not refuse; the others are said."""
    refusals = {name: RUNTIMES[name].refusal(precision) for name in runtimes}
    for name, reason in refusals.items():
        if reason:
            say(f"{name}: skipped: {reason}")
    return [name for name, reason in refusals.items() if reason is None]


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
    progress: Progress,
) -> Measured:
    """Measures one network on the runtimes, of which those that fail or compute something else are said and left out.

    Args:
        network: which one. runtimes: names in `RUNTIMES` that do not refuse. precision, threads: of all of them.
        plan: how long. progress: is told of what is left out.
    """
    with _loaded(network, runtimes, precision, threads, progress.note) as parts:
        peak = 0.0
        for i in range(plan.rounds):
            progress.step(i, plan.rounds, f"{len(parts)} runtimes")
            peak = max(peak, native.peak(precision, threads, plan.seconds / 2))
            # In odd rounds the order is turned round, so that none always follows the same one.
            for name in list(parts)[:: -1 if i % 2 else 1]:
                try:
                    for input_type in parts[name].loaded:
                        parts[name].round(input_type, plan.seconds)
                except FailedError as error:
                    progress.note(f"{name}: left out of {network.name}: {error}")
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
    network: Network, runtimes: Sequence[str], precision: str, threads: int, say: Callable[[str], None]
) -> Iterator[dict[str, Timed]]:
    """The runtimes that loaded the network and compute the right output, one after the other."""
    with ExitStack() as stack:
        parts = {}
        for name in runtimes:
            worker = stack.enter_context(closing(Worker(name, network, precision, threads)))
            try:
                loaded = worker.load()
                for input_type, found in loaded.items():
                    # Camera pixels are normalized and quantized at once, which may round otherwise.
                    exact = precision == "int8" and input_type != "uint8" and name.startswith(OURS)
                    allowed = 0.0 if exact else AGREEMENT[precision]
                    _check(found.output, network.answer.reshape(-1), input_type, allowed)
            except FailedError as error:
                say(f"{name}: left out of {network.name}: {error}")
                worker.close()
            else:
                parts[name] = Timed(worker, loaded)
        yield parts


def _check(found: np.ndarray, expected: np.ndarray, input_type: str, allowed: float) -> None:
    if found.shape != expected.shape:
        raise FailedError(f"it gives {list(found.shape)} from {input_type}, not {list(expected.shape)}")
    difference = float(np.abs(found - expected).max() / np.abs(expected).max())
    if not difference <= allowed:
        raise FailedError(
            f"its outputs from {input_type} differ by {difference:.1e} of the largest, allowed {allowed:g}"
        )
