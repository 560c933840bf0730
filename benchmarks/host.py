"""This machine: the compiled networks and every other installed runtime, one image at a time.

    python -m benchmarks.host                                                everything: the best part of an hour
    python -m benchmarks.host --quick                                        two small networks, few rounds: a minute
    python -m benchmarks.host --networks mobilenet_v2_1.0_224 --threads 1 --against openvino,litert

Outputs are checked before anything is timed. Rounds are interleaved and the best one counts, so that what else the
machine does disturbs all alike. docs/benchmarks.md says what is counted.
"""

import datetime
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import results
from benchmarks.networks import NETWORKS, QUICK_NETWORKS, architecture_of, write
from depthwise.compiler import find_compiler
from depthwise.errors import UserError
from depthwise.machine import machine
from depthwise.profiling.comparison import OURS, Row
from depthwise.profiling.rounds import FULL, QUICK, Plan, chosen, measure, taking_part
from depthwise.profiling.runtimes import RUNTIMES
from depthwise.profiling.table import count, lines_of, python_overhead, summary
from depthwise.progress import Silent
from depthwise.registry import choose

Sizes = dict[tuple[str, str], int]
"""(network, runtime) -> bytes of the network on disk."""


def main(
    networks: Annotated[str | None, typer.Option(help="MODEL_WIDTH_RESOLUTION,...")] = None,
    threads: Annotated[str | None, typer.Option(help="numbers of threads; 1,2 if not given, 1 with --quick")] = None,
    precision: Annotated[str, typer.Option(help="float32,int8")] = "float32",
    against: Annotated[str, typer.Option(help="other runtimes; all that are installed if not given")] = "",
    targets: Annotated[
        str, typer.Option(help="our program for these beside that for this processor: x86-64-v3,...")
    ] = "",
    quick: Annotated[bool, typer.Option(help="few short rounds: to see it work, not to quote")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="the CSV; benchmarks/results/ else")] = None,
) -> None:
    """Measure this machine, print ratios and write a CSV."""
    wanted = _names(networks) or list(QUICK_NETWORKS if quick else NETWORKS)
    counts = [_threads(text) for text in _names(threads) or (("1",) if quick else ("1", "2"))]
    precisions = [choose("precision", name, ("float32", "int8")) for name in _names(precision)]
    plan = QUICK if quick else FULL
    ours = [choose("runtime", f"{OURS}-{name}", RUNTIMES) for name in _names(targets)]
    for name in wanted:
        architecture_of(name)  # an unknown name is said before anything is measured
    rows, sizes, peaks = _measure_all(wanted, counts, precisions, [*chosen(_names(against)), *ours], plan)
    if not rows:
        raise UserError("nothing was measured: see above what was left out and why")
    path = output or results.FOLDER / ("quick.csv" if quick else f"{datetime.date.today().isoformat()}.csv")
    results.write(path, rows, _comments(plan, peaks, rows))
    print("\n".join(lines_of(rows, sizes)))
    print(f"wrote {path}")


def _measure_all(
    names: Sequence[str],
    counts: Sequence[int],
    precisions: Sequence[str],
    runtimes: Sequence[str],
    plan: Plan,
) -> tuple[list[Row], Sizes, dict[tuple[str, int], float]]:
    """The rows of every combination, with floors by the best peak of each precision and number of threads."""
    rows: list[Row] = []
    sizes: Sizes = {}
    peaks: dict[tuple[str, int], float] = {}
    macs: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="depthwise-benchmark-") as temporary:
        for kind in precisions:
            networks = [write(name, Path(temporary) / f"{name}-{kind}", kind) for name in names]
            for number in counts:
                able = taking_part(runtimes, kind, _say)
                for network in networks:
                    _say(f"{network.name}, {kind}, {count(number)} ...")
                    measured = measure(network, able, kind, number, plan, _Said())
                    rows += measured.rows
                    sizes |= {(network.name, name): size for name, size in measured.model_bytes.items()}
                    peaks[kind, number] = max(measured.peak, peaks.get((kind, number), 0.0))
            macs |= {network.name: network.macs for network in networks}
    floors = {row.group: 1e3 * macs[row.network] / peaks[row.precision, row.threads] for row in rows}
    return [replace(row, floor_ms=floors[row.group]) for row in rows], sizes, peaks


def _comments(plan: Plan, peaks: dict[tuple[str, int], float], rows: Sequence[Row]) -> list[str]:
    """What a reader of the CSV must know of this run."""
    measured = ", ".join(f"{peak / 1e9:.1f} GMAC/s {kind} on {count(number)}" for (kind, number), peak in peaks.items())
    comments = [
        f"machine: {machine()}",
        f"compiler: {find_compiler().version}",
        f"date: {datetime.date.today().isoformat()}",
        f"python: {platform.python_version()}",
        f"peak: {measured}",
        f"method: best of {plan.rounds} interleaved rounds of {plan.seconds:g} s for each runtime, one image at a time",
    ]
    overhead = python_overhead(rows)
    if overhead is not None:
        comments.append(f"python: a call of our engine from Python adds {1e3 * overhead:.1f} us to its C entry point")
    return comments + summary(rows)


def _names(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


def _threads(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise UserError(f"--threads '{text}' is no number of threads: write it like 1,2")
    return int(text)


class _Said(Silent):
    """What is left out, on standard error."""

    def note(self, text: str) -> None:
        _say(text)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        _say(f"benchmarks: {error}")
        raise SystemExit(error.exit_code) from None
