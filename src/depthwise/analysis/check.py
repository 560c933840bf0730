"""Does a network fit a device? What it takes, how sure each figure is, and what is short by how much.

RAM = arena + input + output + stack; flash = weights + code + reserve. Arena, input, output and weights are the
compiler's own numbers, before anything is compiled; stack and code are the device's allowance until they are measured.
A float network has the same bytes in 8 bits whatever its scales will be, so none are needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from depthwise import planning
from depthwise.analysis.cost import cost_of
from depthwise.analysis.latency import predict_latency
from depthwise.analysis.suggest import Limits, Overhead, other_precisions, suggest
from depthwise.analysis.tried import tried_changes
from depthwise.analysis.verdict import Change, Check
from depthwise.counts import Cost
from depthwise.design import Architecture
from depthwise.device import Budget, Device, Precision, limits_of, load_device
from depthwise.errors import UserError
from depthwise.graph import Graph, assumed_int8, build, normalize, precision_of, preprocessing_of, to_be_quantized
from depthwise.results import Certainty, Figure, Memory, Part, Search
from depthwise.runs import Run

_WORST: tuple[Certainty, ...] = ("exact", "measured", "estimated", "unknown")


@dataclass(frozen=True)
class Known:
    """What a compiled network has shown: its exact bytes, and seconds for one image if they were measured."""

    memory: Memory
    latency: float | None = None
    precision: Precision = "float32"


@dataclass(frozen=True)
class _Subject:
    """A network ready to be weighed.

    Attributes:
        graph: as it was given. forms: it in normal form, by precision.
        cost: of what was given. input: "uint8" or "float".
    """

    graph: Graph
    forms: dict[Precision, Graph]
    cost: Cost
    input: Literal["uint8", "float"]
    device: Device

    def form(self, precision: Precision) -> Graph:
        """The normal form in a precision. Raises UserError: float32 of a network in 8 bits."""
        if precision not in self.forms and to_be_quantized(next(iter(self.forms)), precision):
            self.forms[precision] = assumed_int8(self.graph, self.input)
        return self.forms[precision]


def check(
    network: Architecture | Graph,
    device: Device,
    budget: Budget | None = None,
    precision: Precision | None = None,
    known: Known | None = None,
    search: Search | None = None,
) -> Check:
    """Weighs a network against a device and a budget; nothing is trained or compiled.

    Args:
        network: an Architecture, which can be changed until it fits, or any Graph, whose shapes are fixed. Camera bytes
            are its input if it is an Architecture (as `fit` compiles it) or carries its Preprocessing; else floats.
        device: the target; without instruction sets it is taken for one that runs plain C.
        budget: limits of one's own.
        precision: None: that of a network in 8 bits, else the device's.
        known: what the compiled network has shown on this device, if it is compiled.
        search: that found the network, if one did: its other candidates may fit.

    Raises:
        UserError: a network that cannot be compiled, or a budget above what the device has.
    """
    limits = limits_of(device, budget or Budget())
    subject = _subject(network, device)
    precision = precision or ("int8" if "int8" in subject.forms else device.precision)
    figures = _figures(subject, precision, known if known and known.precision == precision else None, limits)
    short = [figure for figure in figures if figure.short]
    undecided = [figure.name for figure in figures if figure.limit is not None and figure.value is None]
    changes = _by_schedule(network, subject, precision, limits) if figures[0].short else []
    if short and isinstance(network, Architecture):
        code = next(part.value for part in figures[1].parts if part.name == "code")
        stack = next(part.value for part in figures[0].parts if part.name == "stack")
        changes += suggest(network, device, precision, _values(limits), Overhead(stack, code + device.flash_reserve))
    elif short:
        changes += _in_other_precisions(subject, precision, limits)
        if search:
            shape = subject.cost.layers[-1].shape[0], subject.cost.input_shape[0]
            changes += tried_changes(search, shape, device, precision, _values(limits))
    return Check(
        network=_words(network, subject),
        model=network.name if isinstance(network, Architecture) else "",
        device=device.name,
        precision=precision,
        input=subject.input,
        figures=figures,
        fits=not short and not undecided,
        undecided=undecided,
        changes=changes,
    )


def known_of_run(folder: Path, device: Device) -> Known | None:
    """What a finished run has shown of its network on a device; None if it was compiled for another one, or not yet.

    Raises:
        UserError: the folder is no run.
    """
    run = Run.open(folder)
    precision = run.results.shipped or "float32"
    memory = run.results.memory.get(precision)
    # Code for another machine was never built: its bytes of code and stack are not known.
    if memory is None or not memory.code or not _is(run.config.device, device):
        return None
    times = [row.median_ms for row in run.results.latency.get(precision, []) if row.runtime == "depthwise"]
    return Known(memory, times[0] / 1e3 if times else None, precision)


def _is(name: str, device: Device) -> bool:
    """Whether a name, or the path of a .toml file, is that of a device."""
    try:
        return load_device(name).name == device.name
    except UserError:  # a file that is gone
        return False


def _subject(network: Architecture | Graph, device: Device) -> _Subject:
    if isinstance(network, Architecture):
        graph = build(network.layers(), name=network.name, preprocessing=network.preprocessing())
    else:
        graph = network
    kind: Literal["uint8", "float"] = "uint8" if preprocessing_of(graph) is not None else "float"
    normal = normalize(graph, kind)
    return _Subject(graph, {precision_of(normal): normal}, cost_of(normal), kind, device)


def _words(network: Architecture | Graph, subject: _Subject) -> str:
    if isinstance(network, Architecture):
        plural = "s" if network.channels > 1 else ""
        channels = "" if network.channels == 3 else f", {network.channels} input channel{plural}"
        shape = f"{network.width:g}/{network.resolution}" + (f" depth {network.depth:g}" if network.depth != 1 else "")
        kind = " deployable" if network.deployable else ""
        return f"{network.name}{kind} {shape}, {network.classes} classes{channels}"
    return f"{subject.graph.graph.name or 'network'} {' x '.join(map(str, subject.cost.input_shape))}"


def _figures(
    subject: _Subject,
    precision: Precision,
    known: Known | None,
    limits: Mapping[str, tuple[float, str]],
    choice: planning.Choice = planning.DEFAULT,
) -> list[Figure]:
    """RAM, flash, latency, MACs and parameters; `choice` is the schedule."""
    device = subject.device
    program = None if known else planning.plan(subject.form(precision), device.isa or ("c",), choice)
    memory = _memory(device, known, program)
    ram, flash = ("arena", "input", "output", "stack"), ("weights", "code")
    time, certainty, reason = _latency(subject, precision, known, program)
    reserve = Part(name="reserve", value=device.flash_reserve, certainty="exact")
    return [
        _sum("ram", [memory[name] for name in ram], limits),
        _sum("flash", [*(memory[name] for name in flash), *([reserve] if reserve.value else [])], limits),
        _figure("latency", time, certainty, limits, reason=reason),
        _figure("macs", subject.cost.macs, "exact", limits),
        _figure("parameters", subject.cost.parameters, "exact", limits),
    ]


def _memory(device: Device, known: Known | None, program: planning.Program | None) -> dict[str, Part]:
    """The parts of RAM and flash, by name."""
    if known:
        names = ("arena", "input", "output", "stack", "weights", "code")
        return {name: _part(name, getattr(known.memory, name), "exact") for name in names}
    assert program
    # Without instruction sets the kernels, hence their layouts, are a guess; of several variants one is planned.
    certainty: Certainty = "exact" if len(device.isa) == 1 else "estimated"
    places = {"arena": program.arena, "input": program.input_bytes, "output": program.output_bytes}
    functions = len({call.function for call in program.calls()})
    parts = [_part(name, size, certainty) for name, size in places.items()]
    parts += [
        _part("stack", device.stack, "estimated"),
        _part("weights", planning.packed_bytes(program), certainty),
        _part("code", device.code.base + device.code.function * functions, "estimated"),
    ]
    return {part.name: part for part in parts}


def _latency(
    subject: _Subject, precision: Precision, known: Known | None, program: planning.Program | None
) -> tuple[float | None, Certainty, str]:
    """Seconds, how sure they are, and why they are unknown."""
    if known and known.latency is not None:
        return known.latency, "measured", ""
    work = (
        [(call.op, call.macs) for call in program.calls()]
        if program
        else [(row.op, row.macs) for row in subject.cost.layers]
    )
    predicted = predict_latency(work, subject.device, precision)
    return (None, "unknown", predicted) if isinstance(predicted, str) else (predicted, "estimated", "")


def _in_other_precisions(
    subject: _Subject, precision: Precision, limits: Mapping[str, tuple[float, str]]
) -> list[Change]:
    """What another precision would do for a network whose shapes are fixed."""
    changes = []
    for other in other_precisions(precision):
        figures = _figures(subject, other, None, limits)
        if _all_kept(figures):
            values = {figure.name: figure.value for figure in figures}
            changes.append(Change(kind="precision", options=f"--precision {other}", precision=other, **values))  # type: ignore[arg-type]
    return changes


def _by_schedule(
    network: Architecture | Graph, subject: _Subject, precision: Precision, limits: Mapping[str, tuple[float, str]]
) -> list[Change]:
    """What row streaming would do for the network as it is."""
    figures = _figures(subject, precision, None, limits, planning.Choice(optimize="ram"))
    if not _all_kept(figures):
        return []
    values: dict[str, Any] = {figure.name: figure.value for figure in figures}
    if isinstance(network, Architecture):
        values |= {"model": network.name, "width": network.width, "resolution": network.resolution}
    values |= {"accuracy": 0.0, "accuracy_from": "it computes the same numbers"}
    return [Change(kind="schedule", options="compile --optimize ram", precision=precision, **values)]


def _all_kept(figures: list[Figure]) -> bool:
    """Whether every limit is kept, for sure."""
    return not any(figure.short or (figure.limit is not None and figure.value is None) for figure in figures)


def _part(name: str, value: int, certainty: Certainty) -> Part:
    return Part(name=name, value=value, certainty=certainty)


def _sum(name: str, parts: list[Part], limits: Mapping[str, tuple[float, str]]) -> Figure:
    certainty = max((part.certainty for part in parts), key=_WORST.index)
    return _figure(name, sum(part.value for part in parts), certainty, limits, parts=parts)


def _figure(
    name: str,
    value: float | None,
    certainty: Certainty,
    limits: Mapping[str, tuple[float, str]],
    *,
    parts: list[Part] | None = None,
    reason: str = "",
) -> Figure:
    limit, source = limits.get(name, (None, ""))
    short = max(0, value - limit) if value is not None and limit is not None else 0
    return Figure(
        name=name,
        value=value,
        certainty=certainty,
        parts=parts or [],
        limit=limit,
        limit_from=source,
        short=short,
        reason=reason,
    )


def _values(limits: Mapping[str, tuple[float, str]]) -> Limits:
    return {name: limit for name, (limit, _) in limits.items()}
