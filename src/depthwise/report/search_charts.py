"""The charts of a search: accuracy against what a network takes, and against width. Points carry 95 % intervals."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import altair as alt
from markupsafe import Markup

from depthwise.device import RESOURCES
from depthwise.report.drawing import INK, PAPER, draw
from depthwise.report.text import taken
from depthwise.report.trials import Point, Round, WidthLine, front
from depthwise.results import Candidate

COLORS = ("var(--c1)", "var(--c2)", "var(--c3)", "var(--c4)", "var(--c6)", "var(--c5)")
"""Of the rounds from the last to the first, and of the lines of accuracy against width."""
SHAPES = {"choice": "diamond", "runner-up": "triangle-up"}
"""Role -> shape of its point."""
RING = 260
"""Area in square pixels of the ring that marks a collapse."""
_WIDE, _TALL = 380, 264
_LOG_FROM = 6.0  # how many times the smallest value the largest is, at least, where an axis is logarithmic
_NEAR = 1.6  # a limit further from the points than this factor would squeeze them: an arrow stands for it
_SIZES = ((1024.0**2, "MiB"), (1024.0, "KiB"), (1.0, "bytes"))
_TIMES = ((1.0, "s"), (1e-3, "ms"))
_COUNTS = ((1e9, "billions"), (1e6, "millions"), (1e3, "thousands"), (1.0, ""))
_UNITS = {"ram": _SIZES, "flash": _SIZES, "latency": _TIMES, "macs": _COUNTS}

_Row = dict[str, Any]


def round_color(index: int, rounds: int) -> str:
    """The colour of round `index` of `rounds`: the last one has the accent."""
    return COLORS[min(rounds - 1 - index, len(COLORS) - 1)]


def front_chart(rounds: Sequence[Round], figure: str, roles: Mapping[str, Point], limit: float | None) -> Markup | None:
    """Accuracy against "macs", "latency", "ram" or "flash"; None if no trained candidate's is known.

    Args:
        rounds: one colour each; the Pareto front of each is joined by a line, points of different rounds never are.
        roles: "choice" and "runner-up" -> their points, which have shapes and labels of their own.
        limit: an upright rule, in bytes, seconds or as a count.
    """

    def cost(candidate: Candidate) -> float:
        return getattr(candidate, figure) or 0.0

    known = [[point for point in group.points if cost(point.candidate)] for group in rounds]
    most = max((cost(point.candidate) for points in known for point in points), default=0.0)
    if not most:
        return None
    factor, unit = next(((factor, unit) for factor, unit in _UNITS[figure] if most >= factor), _UNITS[figure][-1])
    rows = {
        point: _row(point, cost(point.candidate) / factor, round_color(index, len(rounds)), _estimated(point, figure))
        for index, points in enumerate(known)
        for point in points
    }
    fronts = [rows[point] | {"line": str(index)} for index, points in enumerate(known) for point in front(points, cost)]
    values = [row["x"] for row in rows.values()]
    near = limit is not None and min(values) / _NEAR <= limit / factor <= max(values) * _NEAR
    values += [limit / factor] if limit and near else []
    name = RESOURCES[figure].label
    x, y = _across(values, f"{name}, {unit}".rstrip(", ")), _up(rows)
    chart = _points(list(rows.values()), fronts, x, y)
    if limit is not None:
        chart += _limit(limit / factor, f"limit {taken(figure, limit)}", near, x, y)
    for role, point in roles.items():
        if point in rows:
            chart += _role(role, rows[point], x, y)
    return draw(chart, f"Accuracy against {name}; the fronts join trials of equal epochs only", _WIDE, _TALL)


def width_chart(lines: Sequence[WidthLine]) -> Markup:
    """Accuracy against width, a colour a line; a ring marks where a line collapses."""
    shown = list(zip(lines, COLORS, strict=False))
    points = [point for line, _ in shown for point in line.points]
    x = _across([point.candidate.width for point in points], "width multiplier")
    y = _up(points)
    chart = alt.LayerChart()
    for index, (line, color) in enumerate(shown):
        rows = {point: _row(point, point.candidate.width, color, False) for point in line.points}
        shift = 4 * (index - (len(shown) - 1) / 2)  # in pixels, so that intervals stand side by side
        chart += _points(list(rows.values()), list(rows.values()), x, y, shift)
        if line.collapse is not None:
            ring = alt.Chart(alt.Data(values=[rows[line.collapse]]))
            chart += ring.mark_point(size=RING, stroke=INK, strokeWidth=1.5, opacity=1, xOffset=shift).encode(x, y)
    return draw(chart, "Accuracy against width at equal epochs", _WIDE, _TALL)


def _estimated(point: Point, figure: str) -> bool:
    """Whether the value is an estimate: of all figures only latency may be."""
    return figure == "latency" and point.candidate.latency_certainty != "measured"


def _row(point: Point, x: float, color: str, hollow: bool) -> _Row:
    accuracy = point.accuracy
    fill = PAPER if hollow else color
    return {"x": x, "y": accuracy.value, "low": accuracy.low, "high": accuracy.high, "color": color, "fill": fill}


def _across(values: Sequence[float], title: str) -> alt.X:
    """The axis of what a network takes or is, logarithmic where the values ask for it, with room at its ends."""
    low, high = min(values), max(values)
    if high >= _LOG_FROM * low:
        room = (high / low) ** 0.05
        ends, kind = [low / room, high * room], "log"
        steps = (step * 10.0**power for power in range(-9, 13) for step in (1, 2, 5))
        marks = [step for step in steps if ends[0] <= step <= ends[1]]
    else:
        room = 0.06 * (high - low) or 0.1 * high
        ends, kind, marks = [low - room, high + room], "linear", []
    scale = alt.Scale(domain=ends, nice=False, type=kind)
    # An expression, as a plain format would round to the distance of the ticks.
    label = "format(datum.value, '~g')"
    axis = alt.Axis(grid=False, labelExpr=label, labelOverlap="greedy", tickCount=5, values=marks or alt.Undefined)
    return alt.X("x:Q", title=title, scale=scale, axis=axis)


def _up(points: Iterable[Point]) -> alt.Y:
    """The axis of accuracy: all intervals, and room for labels above and below."""
    intervals = [point.accuracy for point in points]
    low, high = min(of.low for of in intervals), max(of.high for of in intervals)
    room = 0.1 * (high - low)
    scale = alt.Scale(domain=[max(low - room, 0), min(high + room, 1)], nice=False)
    axis = alt.Axis(format=".0%" if high - low > 0.04 else ".1%", tickCount=5, domain=False, ticks=False)
    return alt.Y("y:Q", title="validation accuracy", scale=scale, axis=axis)


def _points(rows: list[_Row], joined: list[_Row], x: alt.X, y: alt.Y, shift: float = 0) -> alt.LayerChart:
    """Points with their intervals, lines through those `joined` that share a "line"; all `shift` px to the right."""
    color = alt.Color("color:N", scale=None)
    feet = alt.Chart(alt.Data(values=[row | {"y": row["low"]} for row in rows]))
    base, lines = alt.Chart(alt.Data(values=rows)), alt.Chart(alt.Data(values=joined))
    bars = feet.mark_rule(strokeWidth=1.5, opacity=0.55, xOffset=shift).encode(x, y, y2="high:Q", color=color)
    line = lines.mark_line(strokeWidth=1.5, xOffset=shift).encode(x, y, color=color, detail="line:N")
    dots = base.mark_point(size=42, strokeWidth=1.5, opacity=1, xOffset=shift).encode(
        x, y, stroke=color, fill=alt.Fill("fill:N", scale=None)
    )
    return bars + line + dots


def _role(role: str, row: _Row, x: alt.X, y: alt.Y) -> alt.LayerChart:
    """The point of a role, larger and outlined, its label beyond its interval: above for the choice."""
    scale = x["scale"]
    low, high, at = (math.log(v) if scale["type"] == "log" else v for v in (*scale["domain"], row["x"]))
    share = (at - low) / (high - low)
    align = "left" if share < 0.15 else "right" if share > 0.85 else "center"
    dot = alt.Chart(alt.Data(values=[row])).mark_point(
        shape=SHAPES[role], size=170, stroke=INK, strokeWidth=1.5, opacity=1
    )
    above = role == "choice"
    label = row | {"text": role, "y": row["high" if above else "low"]}
    text = alt.Chart(alt.Data(values=[label])).encode(x, y, text="text:N")
    place = {"align": align, "baseline": "bottom" if above else "top", "dy": -4 if above else 4, "fontWeight": 600}
    halo = text.mark_text(**place, stroke=PAPER, strokeWidth=4, opacity=0.8)
    return dot.encode(x, y, fill=alt.Fill("fill:N", scale=None)) + halo + text.mark_text(**place)


def _limit(at: float, words: str, near: bool, x: alt.X, y: alt.Y) -> alt.LayerChart:
    """A limit as an upright rule; beyond the axis an arrow at its end points to it."""
    low, high = x["scale"]["domain"]
    left = at < low
    arrow = "" if near else "\N{LEFTWARDS ARROW} " if left else " \N{RIGHTWARDS ARROW}"
    row = {"x": at if near else low if left else high, "text": arrow + words if left else words + arrow}
    row["y"] = y["scale"]["domain"][0]
    base = alt.Chart(alt.Data(values=[row]))
    text = base.mark_text(align="left" if left else "right", baseline="bottom", dx=3 if left else -4, dy=-2, color=INK)
    shown = text.encode(x, y, text="text:N")
    return alt.layer(base.mark_rule(strokeDash=[4, 3], color=INK).encode(x=x), shown) if near else alt.layer(shown)
