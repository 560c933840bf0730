"""What people see in a terminal: progress with time left, and results. In a pipe or a log: plain lines."""

import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeRemainingColumn

from depthwise.device import format_bytes, format_count
from depthwise.runs import Cost, Results

CONVENTION = "MACs of convolutions and fully connected layers; trainable parameters, BatchNorm included"
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
    """Operator, output shape, parameters, MACs and bytes of every layer, the total last."""
    rows = [("layer", "operator", "output", "parameters", "MACs", "share", "output fp32")]
    for layer in cost.layers:
        share = f"{100 * layer.macs / cost.macs:.1f} %" if layer.macs else ""
        shape = "x".join(map(str, layer.shape))
        figures = (f"{layer.parameters:,}", f"{layer.macs:,}", share, format_bytes(layer.activation_bytes))
        rows.append((layer.name, layer.op, shape, *figures))
    rows.append(("total", "", "", f"{cost.parameters:,}", f"{cost.macs:,}", "100 %", ""))
    wide = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        "  ".join(
            f"{cell:<{w}}" if i < 3 else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(row, wide, strict=True))
        )
        for row in rows
    ]
    rule = "-" * len(lines[0])
    return [lines[0], rule, *lines[1:-1], rule, lines[-1], CONVENTION]


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
            "agreement  " + ", ".join(f"{name} within {value:.1e}" for name, value in check.differences.items())
        )
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
