"""What people see in a terminal: progress with time left, and results. In a pipe or a log: plain lines."""

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from depthwise.analysis.verdict import Change, Check
from depthwise.counts import Bound, Cost, Roofline
from depthwise.device import RESOURCES, Device
from depthwise.inspection import Inspection, LayerCheck
from depthwise.results import Certainty, Figure, Memory, Results
from depthwise.units import format_bytes, format_count

if TYPE_CHECKING:
    from depthwise.exporters import Exported

CONVENTION = (
    "MACs of convolutions and fully connected layers; trainable parameters, BatchNorm included. Not counted: biases, "
    "activation functions, sums, pooling. Moved: inputs, weights and output, each once"
)
"""What the figures of `cost_lines` count."""

SECONDS_BETWEEN_LINES = 15.0
"""How often a log without a terminal gets a line of progress."""


class TerminalProgress:
    """A `Progress` on standard error: a bar in a terminal, a line now and then elsewhere; silent if `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self._console = Console(stderr=True, quiet=quiet, highlight=False)
        self._bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<12}"),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(elapsed_when_finished=True),
            TextColumn("{task.fields[text]}", style="dim"),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._task: TaskID | None = None
        self._name = ""
        self._printed = 0.0
        self._began = 0.0

    def __enter__(self) -> "TerminalProgress":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close(failed=kind is not None)
        self._bars.stop()

    def stage(self, name: str) -> None:
        """Begins a new bar."""
        self._close()
        self._name = name
        self._began = self._printed = time.monotonic()
        if self._console.is_terminal:
            self._task = self._bars.add_task(name, total=None, text="")
        else:
            self._console.print(f"{name} ...")

    def step(self, done: int, total: int, text: str = "") -> None:
        """Moves the bar, or prints a line when enough time has passed since the last one."""
        if self._task is not None:
            self._bars.update(self._task, completed=done, total=total, text=text)
        elif time.monotonic() - self._printed > SECONDS_BETWEEN_LINES and done:
            self._printed = time.monotonic()
            left = (self._printed - self._began) / done * (total - done)
            self._console.print(f"{self._name} {100 * done / max(1, total):.0f} %, {left:.0f} s left  {text}")

    def note(self, text: str) -> None:
        """Prints a line above the bar."""
        self._console.print(f"  {text}", markup=False)

    def _close(self, failed: bool = False) -> None:
        if self._task is not None:
            task = self._bars.tasks[self._bars.task_ids.index(self._task)]
            if not failed:
                self._bars.update(self._task, total=task.total or 1, completed=task.total or 1)
            self._bars.stop_task(self._task)
        self._task = None


def cost_lines(cost: Cost) -> list[str]:
    """Operator, output shape, parameters, MACs and bytes of every layer, the total, peaks and what is counted."""
    rows = [("layer", "operator", "output", "parameters", "MACs", "share", "output", "moved", "MACs/B")]
    for layer in cost.layers:
        share = f"{100 * layer.macs / cost.macs:.1f} %" if layer.macs else ""
        shape = "x".join(map(str, layer.shape))
        figures = (f"{layer.parameters:,}", f"{layer.macs:,}", share, format_bytes(layer.activation_bytes))
        rows.append((layer.name, layer.op, shape, *figures, *_moved(layer.macs, layer.moved_bytes)))
    moved = _moved(cost.macs, sum(layer.moved_bytes for layer in cost.layers))
    rows.append(("total", "", "", f"{cost.parameters:,}", f"{cost.macs:,}", "100 %", "", *moved))
    lines = table(rows, left=3)
    if cost.peaks:
        each = ", ".join(f"{schedule} {format_bytes(size)}" for schedule, size in cost.peaks.items())
        lines.append(f"most activations at one time: {each}")
    if cost.separable:
        lines.append(
            f"{len(cost.separable)} separable layers, {format_count(cost.separable_macs)} MACs; standard convolutions "
            f"in their place take {cost.standard_macs / cost.separable_macs:.1f} times as many (--standard shows each)"
        )
    return [*lines, CONVENTION]


def standard_lines(cost: Cost) -> list[str]:
    """Each separable layer beside the standard convolution that it stands for, and all of them."""
    rows = [("depthwise and pointwise", "channels", "kernel", "MACs", "standard", "times", "weights", "standard")]
    separable = cost.separable
    for one in separable:
        times = f"{one.standard_macs / one.macs:.2f}"
        channels, kernel = f"{one.inputs} > {one.outputs}", "x".join(map(str, one.kernel))
        figures = (f"{one.macs:,}", f"{one.standard_macs:,}", times, f"{one.weights:,}", f"{one.standard_weights:,}")
        rows.append((f"{one.depthwise} + {one.pointwise.rpartition('.')[2]}", channels, kernel, *figures))
    if not separable:
        return ["no depthwise convolution with a pointwise one behind it"]
    macs, standard = cost.separable_macs, cost.standard_macs
    weights = (f"{sum(one.weights for one in separable):,}", f"{sum(one.standard_weights for one in separable):,}")
    rows.append(("total", "", "", f"{macs:,}", f"{standard:,}", f"{standard / macs:.2f}", *weights))
    return table(rows, left=3)


def _moved(macs: int, size: int) -> tuple[str, str]:
    """Bytes, and MACs for each."""
    return (format_bytes(size), f"{macs / size:.1f}" if macs and size else "") if size else ("", "")


def table(rows: Sequence[Sequence[str]], left: int) -> list[str]:
    """Aligned columns, the first so many to the left, with rules behind the first row and before the last."""
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            f"{cell:<{w}}" if i < left else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(row, wide, strict=True))
        )
        for row in rows
    ]
    rule = "-" * len(lines[0])
    return [lines[0], rule, *lines[1:-1], rule, lines[-1]]


def result_lines(results: Results) -> list[str]:
    """The result of a finished run in a few lines: accuracy, agreement, speed, size."""
    lines = []
    precision = results.shipped or "float32"
    accuracy = results.accuracy.get(precision, {}).get("compiled")
    if accuracy:
        lines.append(
            f"accuracy   {100 * accuracy.value:.1f} % ({100 * accuracy.low:.1f} to {100 * accuracy.high:.1f}) "
            f"on {accuracy.total:,} test images, compiled {precision}"
        )
    check = results.verification.get(precision)
    if check and check.differences:
        lines.append(
            "agreement  " + ", ".join(_agreement(results, name, value) for name, value in check.differences.items())
        )
    if results.shipping and results.shipping.reason and precision:
        lines.append(f"precision  {precision}: {results.shipping.reason}")
    times = results.latency.get(precision, [])
    if times:
        lines.append("latency    " + ", ".join(f"{row.runtime} {row.median_ms:.3f} ms" for row in times))
    memory = results.memory.get(precision)
    if memory:
        lines.append(
            f"memory     RAM {format_bytes(memory.ram)} (arena {format_bytes(memory.arena)}), "
            f"flash {format_bytes(memory.flash)} (weights {format_bytes(memory.weights)}, "
            f"code {format_bytes(memory.code)})"
        )
    if results.cost:
        lines.append(
            f"network    {format_count(results.cost.parameters)} parameters, {format_count(results.cost.macs)} MACs"
        )
    return lines


def _agreement(results: Results, name: str, difference: float) -> str:
    """How near another runtime is to the compiled network; in 8 bits it is the oracle that must have its bits."""
    accuracy = results.accuracy.get("int8", {}).get(name)
    if results.shipped != "int8" or accuracy is None:
        return f"{name} within {difference:.1e}"
    return f"{name} {'the same bits' if name == 'oracle' else f'{100 * accuracy.value:.1f} %'} on {accuracy.total:,}"


def export_lines(exported: "Exported") -> list[str]:
    """What was written by an exporter, what it takes, and how well it agrees."""
    shapes = ", ".join("[" + ", ".join(map(str, shape)) + "]" for shape in exported.inputs)
    takes = f"{exported.input_type} {shapes} ({exported.layout}), normalized as in training"
    if exported.input_type == "int8":
        takes += ", then quantized by the scale and zero point of its input"
    if exported.input_type == "image":
        takes = f"the pixels of an image, {shapes} ({exported.layout}), and normalizes them"
    return [
        f"wrote {exported.path} ({format_bytes(exported.bytes)})",
        f"takes {takes}",
        f"checked: {exported.checked} differs from the network by {exported.difference:.1e} of the largest output"
        + ("" if exported.steps is None else f", {exported.steps:.1f} steps of its scale"),
    ]


def device_lines(devices: Sequence[Device]) -> list[str]:
    """Name, RAM, flash, clock, usual precision and description of devices, aligned."""
    rows = [("device", "RAM", "flash", "clock", "precision", "description")]
    for device in devices:
        ram, flash = ("-" if size is None else format_bytes(size) for size in (device.ram, device.flash))
        clock = "-" if device.clock_mhz is None else f"{device.clock_mhz:g} MHz"
        rows.append((device.name, ram, flash, clock, device.precision, device.description))
    wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        f"{name:<{wide[0]}}  {ram:>{wide[1]}}  {flash:>{wide[2]}}  {clock:>{wide[3]}}  {precision:<{wide[4]}}  {text}"
        for name, ram, flash, clock, precision, text in rows
    ]


def roofline_lines(roof: Roofline, points: Sequence[Bound]) -> list[str]:
    """Peak and levels of a device, and the layers of a network under them."""
    lines = [f"{roof.device}: {roof.peak / 1e9:.3g} GMAC/s {roof.precision} at best, one thread"]
    for level, rate in roof.bandwidth.items():
        lines.append(
            f"  {level:<7} {rate / 1e9:6.3g} GB/s   arithmetic bounds from {roof.ridge(level):.3g} MACs a byte on"
        )
    if points:
        rows = [("layer", "operator", "MACs/B", "GMAC/s at best", "of peak", "bound")]
        for point in points:
            share = f"{100 * point.attainable / roof.peak:.0f} %"
            figures = (f"{point.intensity:.2f}", f"{point.attainable / 1e9:.3g}", share, point.bound)
            rows.append((point.layer, point.operator, *figures))
        lines += table([*rows, ("",) * 6], left=2)[:-2]
    return lines


def measured_lines(device: Device) -> list[str]:
    """What a measurement of this machine has found, one thread."""
    peaks = device.peak_macs.items()
    each = device.cycles_per_layer.cycles if device.cycles_per_layer else 0
    return [
        device.description,
        f"  instructions      {', '.join(device.isa)}",
        f"  clock             {device.clock_mhz:,.0f} MHz",
        f"  peak              {', '.join(f'{rate / 1e9:.3g} GMAC/s {kind}' for kind, rate in peaks)}, one thread",
        f"  caches            {', '.join(f'{name} {format_bytes(size)}' for name, size in device.caches.items())}",
        f"  reading           {', '.join(f'{name} {rate / 1e9:.3g} GB/s' for name, rate in device.bandwidth.items())}",
        *(
            f"  cycles per MAC    {', '.join(f'{name} {rate.cycles:.3g}' for name, rate in rates.items())}, {kind}"
            for kind, rates in device.cycles.items()
        ),
        f"  cycles per layer  {each:,.0f}",
    ]


def memory_lines(memory: Memory) -> list[str]:
    """RAM and flash of a compiled network with their parts."""
    code = f"code {format_bytes(memory.code)}" if memory.code else "code (not built, not counted)"
    return [
        f"RAM {format_bytes(memory.ram)} = arena {format_bytes(memory.arena)} + input {format_bytes(memory.input)}"
        f" + output {format_bytes(memory.output)} + stack {format_bytes(memory.stack)}",
        f"flash {format_bytes(memory.flash)} = weights {format_bytes(memory.weights)} + {code}",
    ]


def check_lines(check: Check) -> list[str]:
    """The verdict of a check: every figure with its parts and its limit, what is short, and what would mend it."""
    lines = [f"{check.network}, {check.precision} on {check.device}"]
    lines += [f"  {_figure_line(figure)}" for figure in check.figures]
    short = [figure for figure in check.figures if figure.short]
    if short:
        missed = " and ".join(_amount(figure.name, figure.short, figure.certainty, " of ") for figure in short)
        advice = "do one of" if len(check.changes) > 1 else "this would fit"
        lines.append(f"short by {missed}: {advice if check.changes else _no_advice(check)}")
        lines += [f"  {line}" for line in _change_lines(check.changes)]
    elif check.undecided:
        names = " and ".join(RESOURCES[name].label for name in check.undecided)
        lines.append(f"not decided: {names} cannot be told")
    else:
        limited = any(figure.limit is not None for figure in check.figures)
        lines.append("fits" if limited else f"fits: {check.device} sets no limits; give some, e.g. --ram 256K")
    return lines


def inspection_lines(found: Inspection) -> list[str]:
    """Every layer with its largest error as a share of what is allowed, then the first that differs."""
    wide = [max(len(text) for text in column) for column in zip(*map(_inspected, found.layers), strict=True)]
    rows = [_inspected(layer) for layer in found.layers]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, wide, strict=True)).rstrip() for row in rows]
    if (first := found.first) is not None:
        off = sum(not layer.agrees for layer in found.layers)
        lines.append(
            f"the first layer that differs, of {off}, is {first.name}: element {first.index} of {first.shape} is "
            f"{first.found:.9g}, not {first.expected:.9g}; allowed is a difference of {first.allowed:.2g}"
        )
    else:
        nearest = max(found.layers, key=lambda layer: layer.share)
        bound = f"nearest to its bound is {nearest.name}, with {100 * nearest.share:.0f} % of it"
        exact = all(layer.exact for layer in found.layers)
        lines.append(
            f"all {len(found.layers)} layers agree with their references{', to the bit' if exact else f'; {bound}'}"
        )
    if not found.same_bits:
        lines.append("without these outputs the network gives other bits: its schedule is at fault; please report it")
    return lines


def _inspected(layer: LayerCheck) -> tuple[str, ...]:
    share = "same bits" if layer.exact else f"{100 * layer.share:.0f} % of its bound"
    share = share if layer.agrees else "DIFFERS"
    return layer.name, layer.op, layer.kernel, str(layer.shape), share


def _no_advice(check: Check) -> str:
    if check.model:
        return "no resolution, width, model or precision that depthwise knows would fit"
    return "its shapes are fixed; a smaller width or resolution needs a new training"


def _amount(name: str, value: float, certainty: Certainty, between: str = " ") -> str:
    resource = RESOURCES[name]
    return f"{'' if certainty in ('exact', 'measured') else '~'}{resource.write(value)}{between}{resource.label}"


def _figure_line(figure: Figure) -> str:
    label, write = RESOURCES[figure.name].label, RESOURCES[figure.name].write
    if figure.value is None:
        return f"{label:<11}{'unknown':>11}   {figure.reason}"
    sure = figure.certainty in ("exact", "measured")
    text = f"{label:<11}{('' if sure else '~') + write(figure.value):>11}"
    if figure.limit is not None:
        text += f" of {write(figure.limit)} ({figure.limit_from})"
    if figure.parts:
        text += " = " + " + ".join(
            f"{part.name} {'' if part.certainty in ('exact', 'measured') else '~'}{write(part.value)}"
            for part in figure.parts
        )
    return text + (" (measured)" if figure.certainty == "measured" else "")


def _change_lines(changes: Sequence[Change]) -> list[str]:
    wide = max((len(change.options) for change in changes), default=0)
    lines = []
    for change in changes:
        taken = [_amount("ram", change.ram, "estimated"), _amount("flash", change.flash, "estimated")]
        if change.latency is not None:
            taken.append(_amount("latency", change.latency, "estimated"))
        taken.append(_amount("macs", change.macs, "exact"))
        if change.accuracy is not None:
            verb = "costs" if change.accuracy >= 0 else "wins"
            taken.append(f"{verb} {abs(change.accuracy):.1f} points ({change.accuracy_from})")
        lines.append(f"{change.options:<{wide}}  {', '.join(taken)}")
    return lines
