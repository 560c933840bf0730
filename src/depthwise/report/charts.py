"""The charts of the page, one function each: records of the run folder in, an inline SVG out.

Every function takes what it draws and a width in pixels where the page shows it at two widths.
"""

import json
from collections.abc import Sequence

import altair as alt
from markupsafe import Markup

from depthwise.counts import LayerCost
from depthwise.report.drawing import ACCENT, INK, MUTED, PAPER, QUIET, SOFT, WARM, draw
from depthwise.report.network import Block
from depthwise.report.text import milliseconds, percent, runtime_name, size
from depthwise.results import Buffer, Epoch, Latency, LayerNoise, Memory

HALF = 420
"""Width in pixels of a chart that takes half of the page, or all of a phone's."""
OPERATOR_COLORS = {
    "Pointwise": "var(--c1)",
    "Depthwise": "var(--c2)",
    "Convolution": "var(--c3)",
    "FullyConnected": "var(--c4)",
}
"""Operator -> colour; all others share OTHER_COLOR."""
OTHER_COLOR = "var(--c5)"
CELLS_WITH_COUNTS, CLASSES_WITH_NAMES = 12, 30
"""Up to how many classes the confusion matrix prints its counts and its class names."""


def network_diagram(parts: Sequence[Block], width: int) -> Markup:
    """The blocks as bars: height follows resolution (square root), width channels (log), opacity the share of MACs."""
    gap, margin, tall = 2.0, 16.0, 120.0
    weights = [max(block.channels, 1).bit_length() for block in parts]
    unit = (width - 2 * margin - gap * (len(parts) - 1)) / sum(weights)
    side, macs = max(block.sides[0] for block in parts), max(max(block.macs for block in parts), 1)
    rows: list[dict[str, float]] = []
    labels: list[dict[str, float | str]] = []
    x, shown, free = margin, {"above": 0, "below": 0}, {"above": 0.0, "below": 0.0}
    for block, weight in zip(parts, weights, strict=True):
        end = x + weight * unit
        half = max((block.sides[0] / side) ** 0.5 * tall / 2, 3)
        rows.append({"x": x, "x2": end, "y": -half, "y2": half, "o": 0.15 + 0.85 * block.macs / macs})
        middle = (x + end) / 2
        for where, number, y in (("above", block.channels, half + 9), ("below", block.sides[0], -half - 9)):
            room = 3.6 * len(str(number)) + 2
            if number != shown[where] and middle - room >= free[where]:
                labels.append({"x": middle, "y": y, "text": str(number)})
                shown[where], free[where] = number, middle + room
        x = end + gap
    across = alt.X("x:Q", axis=None, scale=alt.Scale(domain=[0, width], nice=False))
    up = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=[-76, 76], nice=False))
    bars = (
        alt.Chart(alt.Data(values=rows))
        .mark_rect(cornerRadius=1.5, fill=ACCENT)
        .encode(x=across, x2="x2:Q", y=up, y2="y2:Q", fillOpacity=alt.FillOpacity("o:Q", scale=None))
    )
    text = alt.Chart(alt.Data(values=labels)).mark_text(color=MUTED, fontSize=10.5).encode(across, up, text="text:N")
    return draw(bars + text, "Blocks of the network: resolution as height, channels as width", width, 160)


def curve(history: Sequence[Epoch], kind: str, best: int) -> Markup:
    """Training and validation "loss" or "accuracy" over the epochs; a rule marks epoch `best`."""
    rows = [
        {"epoch": row.epoch, "set": name, "value": getattr(row, f"{name}_{kind}")}
        for name in ("train", "validation")
        for row in history
    ]
    x = alt.X(
        "epoch:Q",
        title="epoch",
        axis=alt.Axis(tickMinStep=1, grid=False, format="d"),
        scale=alt.Scale(nice=False, zero=False),
    )
    y = alt.Y(
        "value:Q",
        title=kind,
        scale=alt.Scale(zero=False, nice=True),
        axis=alt.Axis(format="%" if kind == "accuracy" else "", tickCount=5, domain=False, ticks=False),
    )
    color = alt.Color("set:N", scale=alt.Scale(domain=["train", "validation"], range=[QUIET, ACCENT]))
    point = {"size": 22, "filled": True} if len(history) <= 40 else False
    lines = alt.Chart(alt.Data(values=rows)).mark_line(point=point, strokeWidth=2).encode(x, y, color)
    marked = [row for row in rows if row["epoch"] == best and row["set"] == "validation"]
    rule = alt.Chart(alt.Data(values=marked)).mark_rule(color=WARM, strokeDash=[4, 3]).encode(x=x)
    dot = alt.Chart(alt.Data(values=marked)).mark_point(color=WARM, filled=True, size=70, opacity=1).encode(x, y)
    return draw(rule + lines + dot, f"{kind} over the epochs, best epoch {best}", HALF, 260)


def noise(layers: Sequence[LayerNoise], width: int) -> Markup:
    """Signal to quantization noise of the layers in order, alone and in all; the worst has its name."""
    rows = [
        {"layer": number, "set": name, "db": getattr(row, name)}
        for number, row in enumerate(layers, 1)
        for name in ("alone", "total")
    ]
    worst = min(range(len(layers)), key=lambda number: layers[number].alone)
    marked = [{"layer": worst + 1, "db": layers[worst].alone, "text": layers[worst].name}]
    x = alt.X(
        "layer:Q",
        title="layer",
        axis=alt.Axis(tickMinStep=1, grid=False, format="d"),
        scale=alt.Scale(domain=[0, len(layers) + 1], nice=False),
    )
    y = alt.Y(
        "db:Q",
        title="dB",
        scale=alt.Scale(zero=False, nice=True),
        axis=alt.Axis(tickCount=5, domain=False, ticks=False),
    )
    color = alt.Color("set:N", scale=alt.Scale(domain=["alone", "total"], range=[ACCENT, QUIET]))
    lines = alt.Chart(alt.Data(values=rows)).mark_line(point={"size": 18, "filled": True}, strokeWidth=1.5)
    base = alt.Chart(alt.Data(values=marked))
    dots = base.mark_point(color=WARM, filled=True, size=60, opacity=1).encode(x, y)
    names = base.mark_text(dy=14, color=MUTED, fontSize=10.5).encode(x, y, text="text:N")
    label = "Signal to quantization noise of each layer, in dB"
    return draw(lines.encode(x, y, color) + dots + names, label, width, 240)


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> Markup:
    """Rows are the truth, columns the prediction; opacity is the share of the row. Mistakes have the warm colour."""
    n = len(classes)
    named = n <= CLASSES_WITH_NAMES
    faintest = 0.08 if named else 0.3
    cells = [
        {"t": t, "p": p, "n": count, "o": faintest + (1 - faintest) * (count / sum(row)) ** 0.6, "hit": t == p}
        for t, row in enumerate(matrix)
        for p, count in enumerate(row)
        if count
    ]
    axis = alt.Axis(
        labels=named,
        ticks=False,
        domain=False,
        labelLimit=96,
        labelFontSize=11 if n <= CELLS_WITH_COUNTS else 8,
        labelExpr=_names_expression(classes) if named else alt.Undefined,
    )
    band = alt.Scale(domain=list(range(n)), paddingInner=0.04 if n <= 40 else 0)
    x = alt.X("p:O", title="predicted", axis=alt.Axis(**axis.to_dict(), labelAngle=-45), scale=band)
    y = alt.Y("t:O", title="truth", axis=axis, scale=band)
    base = alt.Chart(alt.Data(values=cells))
    heat = base.mark_rect(cornerRadius=2 if n <= 40 else 0).encode(
        x,
        y,
        fill=alt.condition("datum.hit", alt.value(ACCENT), alt.value(WARM)),
        fillOpacity=alt.FillOpacity("o:Q", scale=None),
    )
    if n <= CELLS_WITH_COUNTS:
        ink = alt.condition("datum.o > 0.55", alt.value(PAPER), alt.value(INK))
        heat += base.mark_text(fontSize=10.5).encode(x, y, text="n:Q", color=ink)
    return draw(heat, "Confusion matrix: truth by rows, prediction by columns", HALF, HALF if named else HALF - 20)


def _names_expression(classes: Sequence[str]) -> str:
    """A Vega expression from a class index to its name; names are string literals in it."""
    return json.dumps(list(classes)) + "[datum.value]"


def cost_bars(rows: Sequence[LayerCost], kind: str, top: int = 12) -> Markup:
    """The layers with the most "macs" or "parameters" as bars, coloured by operator, with their share of all."""
    total = max(sum(getattr(row, kind) for row in rows), 1)
    largest = sorted(rows, key=lambda row: -getattr(row, kind))[:top]
    values = [
        {
            "name": row.name,
            "value": getattr(row, kind) / total,
            "text": percent(getattr(row, kind) / total),
            "color": OPERATOR_COLORS.get(row.op, OTHER_COLOR),
        }
        for row in largest
        if getattr(row, kind)
    ]
    end = 1.22 * max((row["value"] for row in values), default=1)
    y = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=170))
    x = alt.X("value:Q", axis=None, stack=None, scale=alt.Scale(domain=[0, end], nice=False))
    base = alt.Chart(alt.Data(values=values)).encode(y=y, x=x)
    bars = base.mark_bar(height=13, cornerRadiusEnd=2).encode(color=alt.Color("color:N", scale=None))
    text = base.mark_text(align="left", dx=5, color=MUTED).encode(text="text:N")
    return draw(bars + text, f"Layers with the most {kind}", HALF, 24 * max(len(values), 1) + 10)


def arena(memory: Memory, live: Sequence[Buffer], peak: int, width: int) -> Markup:
    """The arena over time: a buffer is a rectangle from first to last call; those `live` at call `peak` stand out."""
    rows = [
        {
            "x": buffer.first - 0.46,
            "x2": buffer.last + 0.46,
            "y": buffer.offset / 1024,
            "y2": (buffer.offset + buffer.bytes) / 1024,
            "peak": buffer in live,
        }
        for buffer in memory.buffers
    ]
    calls = max(len(memory.calls), max((buffer.last + 1 for buffer in memory.buffers), default=1))
    top = max(memory.arena, 1) / 1024
    x = alt.X(
        "x:Q",
        title="call",
        scale=alt.Scale(domain=[-0.5, calls - 0.5], nice=False),
        axis=alt.Axis(grid=False, tickMinStep=1, format="d"),
    )
    y = alt.Y(
        "y:Q",
        title="offset, KiB",
        scale=alt.Scale(domain=[0, top * 1.1], nice=False),
        axis=alt.Axis(tickCount=5, domain=False, ticks=False),
    )
    color = alt.condition("datum.peak", alt.value(WARM), alt.value(SOFT))
    boxes = alt.Chart(alt.Data(values=rows)).mark_rect(cornerRadius=1.5).encode(x, y, x2="x2:Q", y2="y2:Q", fill=color)
    line = {"y": top, "x": calls - 0.5, "text": f"arena {size(memory.arena)}"}
    base = alt.Chart(alt.Data(values=[line]))
    rule = base.mark_rule(color=INK, strokeDash=[4, 3]).encode(y=y)
    text = base.mark_text(align="right", baseline="bottom", dy=-4).encode(x=x, y=y, text="text:N")
    return draw(boxes + rule + text, f"Buffers of the arena over the calls; call {peak} sets the peak", width, 280)


def latency_bars(rows: Sequence[Latency]) -> Markup:
    """Median time of each runtime as a bar, the minimum as a tick."""
    values = [
        {
            "name": runtime_name(row.runtime),
            "median": row.median_ms,
            "minimum": row.minimum_ms,
            "text": milliseconds(row.median_ms),
            "color": ACCENT if runtime_name(row.runtime) == runtime_name("compiled") else QUIET,
        }
        for row in sorted(rows, key=lambda row: row.median_ms)
    ]
    end = 1.25 * max((row.median_ms for row in rows), default=1.0)
    y = alt.Y("name:N", sort=None, title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=150))
    x = alt.X(
        "median:Q",
        title="ms for one image",
        stack=None,
        scale=alt.Scale(domain=[0, end], nice=False),
        axis=alt.Axis(tickCount=5, domain=False, ticks=False),
    )
    base = alt.Chart(alt.Data(values=values))
    bars = base.mark_bar(height=18, cornerRadiusEnd=2).encode(x=x, y=y, color=alt.Color("color:N", scale=None))
    ticks = base.mark_tick(color=INK, thickness=2, height=18).encode(x="minimum:Q", y=y)
    text = base.mark_text(align="left", dx=6).encode(x=x, y=y, text="text:N")
    return draw(bars + ticks + text, "Latency of one image by runtime", HALF, 38 * len(values) + 44)


def memory_bars(memory: Memory, ram: int | None, flash: int | None) -> Markup:
    """RAM and flash as stacked bars; a rule shows what the device has, where that is known."""
    parts = {
        f"RAM {size(memory.ram)}": (("arena", "input", "output", "stack"), ram),
        f"Flash {size(memory.flash)}": (("weights", "code"), flash),
    }
    colors = ["var(--c1)", "var(--c3)", "var(--c4)", "var(--c5)", "var(--c2)", "var(--c6)"]
    names = [name for group, _ in parts.values() for name in group]
    rows = [
        {"bar": bar, "part": name, "kib": getattr(memory, name) / 1024, "order": order}
        for bar, (group, _) in parts.items()
        for order, name in enumerate(group)
    ]
    limits = [{"bar": bar, "kib": limit / 1024} for bar, (_, limit) in parts.items() if limit]
    end = 1.04 * max(memory.ram, memory.flash, ram or 0, flash or 0, 1) / 1024
    y = alt.Y("bar:N", sort=list(parts), title=None, axis=alt.Axis(ticks=False, domain=False))
    x = alt.X(
        "kib:Q",
        title="KiB",
        stack="zero",
        scale=alt.Scale(domain=[0, end], nice=False),
        axis=alt.Axis(tickCount=5, domain=False, ticks=False),
    )
    color = alt.Color("part:N", scale=alt.Scale(domain=names, range=colors), legend=alt.Legend(columns=6))
    bars = alt.Chart(alt.Data(values=rows)).mark_bar(height=24).encode(x=x, y=y, color=color, order="order:Q")
    rule = alt.Chart(alt.Data(values=limits)).mark_tick(color=INK, thickness=2, height=34).encode(x="kib:Q", y=y)
    return draw(bars + rule, "RAM and flash of the compiled network by part", HALF, 170)
