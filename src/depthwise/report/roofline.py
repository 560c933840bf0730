"""The roofline of a device as a picture of its own: MACs a second at best against MACs for each byte."""

import math
import re
from collections.abc import Sequence
from typing import Any

import altair as alt

from depthwise.counts import Bound, Roofline
from depthwise.report.charts import OPERATOR_COLORS, OTHER_COLOR
from depthwise.report.drawing import INK, MUTED, draw
from depthwise.report.templating import template_text

WIDE, TALL = 720, 420
PLACES = (0.75, 0.5, 0.2)
"""How far along each line from its lower end to its ridge its name stands: lines of near levels are close together."""
_LEFT, _RIGHT = 0.25, 4.0  # how far the axis goes beyond the first ridge or layer and the last


def picture(roof: Roofline, points: Sequence[Bound]) -> str:
    """An SVG file: a line for each level that bytes come from, and a dot for each layer that multiplies."""
    ridges = [roof.ridge(level) for level in roof.bandwidth]
    known = [point.intensity for point in points if math.isfinite(point.intensity)]
    low, high = min([*ridges, *known]) * _LEFT, max([*ridges, *known]) * _RIGHT
    least = min(low * min(roof.bandwidth.values()), *(point.attainable for point in points), roof.peak)
    x = alt.X("x:Q", title="MACs for each byte", scale=alt.Scale(type="log", domain=[low, high], nice=False))
    up = alt.Scale(type="log", domain=[least / 1e9, 1.6 * roof.peak / 1e9], nice=False)
    y = alt.Y("y:Q", title=f"GMAC/s, {roof.precision}, one thread", scale=up)
    lines, names = _roofs(roof, low, high)
    chart = alt.Chart(alt.Data(values=lines)).mark_line(stroke=INK, strokeWidth=1.5).encode(x, y, detail="level:N")
    text = alt.Chart(alt.Data(values=names)).mark_text(align="left", dx=6, dy=10, color=MUTED, fontSize=11)
    chart += text.encode(x, y, text="level:N")
    dots = [
        {"x": point.intensity, "y": point.attainable / 1e9, "operator": point.operator}
        for point in points
        if math.isfinite(point.intensity)
    ]
    if dots:
        kinds = {point.operator: OPERATOR_COLORS.get(point.operator, OTHER_COLOR) for point in points}
        scale = alt.Scale(domain=list(kinds), range=list(kinds.values()))
        shown = alt.Chart(alt.Data(values=dots)).mark_circle(size=46, opacity=0.75)
        chart += shown.encode(x, y, color=alt.Color("operator:N", scale=scale))
    label = f"Roofline of {roof.device}: {roof.peak / 1e9:.3g} GMAC/s at best"
    return _standalone(str(draw(chart, label, WIDE, TALL)))


def _roofs(roof: Roofline, low: float, high: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    lines: list[dict[str, Any]] = []
    names: list[dict[str, Any]] = []
    for level, rate in roof.bandwidth.items():
        ridge = roof.ridge(level)
        for x in (low, ridge, high):
            lines.append({"level": level, "x": x, "y": min(roof.peak, x * rate) / 1e9})
        middle = low * (ridge / low) ** PLACES[len(names) % len(PLACES)]
        names.append({"level": f"{level} {rate / 1e9:.3g} GB/s", "x": middle, "y": middle * rate / 1e9})
    return lines, names


def _standalone(svg: str) -> str:
    """With the page's light colours in the place of their names, as no page is round it."""
    colors = dict(re.findall(r"--([a-z0-9]+): (#[0-9a-f]{6})", template_text("page.css").partition("}")[0]))
    text = re.sub(r"var\(--([a-z0-9]+)\)", lambda found: colors[found[1]], svg)
    background = f'<rect width="100%" height="100%" fill="{colors["paper"]}"/>'
    head, end, body = text.partition(">")
    return f'{head} xmlns="http://www.w3.org/2000/svg" font-family="sans-serif"{end}{background}{body}\n'
