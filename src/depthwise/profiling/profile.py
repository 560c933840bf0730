"""`depthwise profile`: a network on this machine, layer by layer, and beside whatever is asked for."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from depthwise.analysis.roofline import floor
from depthwise.design import Architecture
from depthwise.design.source import load_network
from depthwise.device import Precision
from depthwise.errors import UserError
from depthwise.graph import (
    Graph,
    assumed_int8,
    float_operators,
    normalize,
    precision_of,
    preprocessing_of,
    to_be_quantized,
    to_qdq,
)
from depthwise.graph.metadata import has_weights
from depthwise.graph.pipeline import INPUTS
from depthwise.machine import machine
from depthwise.planning import Choice
from depthwise.profiling import rounds
from depthwise.profiling.comparison import Row
from depthwise.profiling.host import measured_host
from depthwise.profiling.layers import layer_profiles, operator_profiles
from depthwise.profiling.network import Network, only_ports, with_random_weights
from depthwise.profiling.records import Profile
from depthwise.profiling.standard import against_standard
from depthwise.profiling.timed import SECONDS, Timed, best_round, total
from depthwise.profiling.unfused import against_unfused
from depthwise.progress import Progress, Silent
from depthwise.registry import choose
from depthwise.results import CallTime

ALL = "all"
"""For `against`: whatever is installed."""


@dataclass(frozen=True)
class Wanted:
    """What is to be measured, and how.

    Attributes:
        input: "uint8" (camera bytes), "float", "int8" (8-bit values), or "auto": camera bytes if the network can.
        schedule, optimize: as in `planning.Choice`.
        precision: "int8": a float network in 8 bits with scales that mean nothing; of a run, its network in a
            precision. None: the network as it is, of a run the one that ships.
        seconds: how long each network is timed. quick: hardly at all, to see it work.
        against: names of other runtimes, or "all" that are installed; threads: of this comparison.
        standard: hold each separable layer against its standard convolution.
        unfused: hold the network against itself with BatchNorm and activations as passes of their own.
    """

    input: str = "auto"
    schedule: str = "auto"
    optimize: str = "speed"
    precision: Precision | None = None
    seconds: float = SECONDS
    quick: bool = False
    against: tuple[str, ...] = ()
    threads: int = 1
    standard: bool = False
    unfused: bool = False

    def __post_init__(self) -> None:
        choose("input type", self.input, INPUTS)
        if self.threads < 1:
            raise UserError(f"threads {self.threads} is out of range: give at least 1")
        if not self.seconds > 0:
            raise UserError(f"seconds {self.seconds:g} is out of range: give more than 0")

    @property
    def choice(self) -> Choice:
        """For planning."""
        return Choice(self.schedule, self.optimize)  # type: ignore[arg-type]

    @property
    def time(self) -> float:
        """Seconds for each network."""
        return SECONDS / 40 if self.quick else self.seconds

    @property
    def plan(self) -> rounds.Plan:
        """For the comparison."""
        return rounds.QUICK if self.quick else replace(rounds.FULL, seconds=self.seconds / rounds.FULL.rounds)


def profile(source: Any, wanted: Wanted, progress: Progress | None = None, **options: Any) -> Profile:
    """Measures a network on this machine.

    Args:
        source: as in `design.source.load_network`; an architecture gets random weights.
        wanted: what, and how.
        progress: told how it goes.
        options: those of `load_network`.

    Raises:
        UserError: as `load_network`; no weights; no C compiler; an unknown runtime, schedule or objective.
    """
    notes = Notes(progress or Silent())
    runtimes = rounds.chosen([] if wanted.against == (ALL,) else wanted.against)
    choice = wanted.choice
    name, network = named_network(source, wanted.precision, **options)
    camera = wanted.input == "auto" and preprocessing_of(network) is not None
    input = "uint8" if camera else "float" if wanted.input == "auto" else wanted.input
    normal = normalize(network, input)
    precision = precision_of(normal)
    if precision == "int8" and (wanted.unfused or wanted.standard):  # all is refused before anything is measured
        raise UserError("--against-standard and --against-unfused take networks of float32: profile the float one")
    if wanted.against:
        only_ports(name, network)
    device = measured_host(notes)
    timed, times = _timed(normal, input, wanted, notes)
    layers = layer_profiles(timed.program, times, device)
    asked: dict[str, Any] = {}
    if wanted.unfused:
        asked["unfused"] = against_unfused(network, input, choice, wanted.time, notes)
    if wanted.standard:
        asked["standard"] = against_standard(network, choice, device, wanted.time / 4, notes)
    if wanted.against:
        asked["against"] = against_runtimes(name, network, runtimes, wanted, notes)
    return Profile(
        network=name,
        machine=machine(),
        compiler=timed.engine.compiler,
        clock_mhz=device.clock_mhz or 0.0,
        peak_macs=device.peak_macs[precision],
        precision=precision,
        input=input,
        input_shape=list(timed.engine.manifest.input.shape),
        schedule=wanted.schedule,
        optimize=wanted.optimize,
        seconds=total(times),
        floor_seconds=floor(timed.program, device),
        macs=sum(layer.macs for layer in layers),
        floats=[str(node.name) for node in float_operators(normal)],
        layers=layers,
        operators=operator_profiles(layers, device),
        notes=notes.texts,
        **asked,
    )


def _timed(normal: Graph, input: str, wanted: Wanted, progress: Progress) -> tuple[Timed, list[CallTime]]:
    """The network with the clock inside, and the times of its calls in its best round."""
    progress.stage("layers")
    progress.step(0, 2, "building")
    timed = Timed.build(normal, input, wanted.choice)
    progress.step(1, 2, "timing")
    (times,) = best_round([timed], wanted.time)
    progress.step(2, 2)
    return timed, times


def named_network(source: Any, precision: Precision | None = None, **options: Any) -> tuple[str, Graph]:
    """A name for tables, and the Graph with weights in a precision; see `Wanted`.

    Raises:
        UserError: as `load_network`; no weights; a network in 8 bits in float32.
    """
    name, network = _named_network(source, precision, **options)
    if precision is None or not to_be_quantized(precision_of(normalize(network)), precision):
        return name, network
    return name, to_qdq(assumed_int8(network))


def _named_network(source: Any, precision: Precision | None, **options: Any) -> tuple[str, Graph]:
    found = load_network(source, precision, **options)
    if isinstance(found, Architecture):
        name = f"{found.name}_{found.width:g}_{found.resolution}"
        name += (f"_depth_{found.depth:g}" if found.depth != 1 else "") + ("_deployable" if found.deployable else "")
        return name, with_random_weights(found.layers())
    name = str(source) if isinstance(source, str | Path) else str(found.graph.name or "network")
    if not has_weights(found):
        raise UserError(f"{name} has shapes only, no weights: give a model's name, a run folder or an .onnx file")
    return name, found


def against_runtimes(
    name: str, network: Graph, runtimes: Sequence[str], wanted: Wanted, progress: Progress
) -> list[Row]:
    """A network on several runtimes, fastest first; those that cannot take part are said.

    Raises:
        UserError: as `Network.write`.
    """
    progress.stage("runtimes")
    with tempfile.TemporaryDirectory() as folder:
        subject = Network.write(name, network, Path(folder))
        able = rounds.taking_part(runtimes, subject.precision, progress.note)
        measured = rounds.measure(subject, able, subject.precision, wanted.threads, wanted.plan, progress)
        floor = 1e3 * subject.macs / measured.peak
    return sorted((replace(row, floor_ms=floor) for row in measured.rows), key=lambda row: row.median_ms)


class Notes:
    """A Progress that passes everything on and keeps the notes.

    Attributes:
        texts: the notes so far.
    """

    def __init__(self, progress: Progress) -> None:
        self.texts: list[str] = []
        self._progress = progress

    def stage(self, name: str) -> None:
        """Passed on."""
        self._progress.stage(name)

    def step(self, done: int, total: int, text: str = "") -> None:
        """Passed on."""
        self._progress.step(done, total, text)

    def note(self, text: str) -> None:
        """Passed on and kept."""
        self.texts.append(text)
        self._progress.note(text)
