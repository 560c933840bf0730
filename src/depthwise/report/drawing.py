"""From an Altair chart to an inline SVG that follows the page: its colours are CSS variables, its size the column's."""

import re
from typing import Any

import altair as alt
import vl_convert
from markupsafe import Markup, escape

INK, MUTED, LINE, PAPER = "var(--ink)", "var(--muted)", "var(--line)", "var(--paper)"
ACCENT, WARM, QUIET, SOFT = "var(--c1)", "var(--c2)", "var(--quiet)", "var(--soft)"

# What Vega writes for its own interaction and for screen readers: the page needs neither (the whole SVG is one image).
_NOISE = re.compile(
    r'<path class="foreground"[^>]*/>|<path class="background"[^>]*/>'
    r'| (?:class|role|pointer-events|aria-[a-z]+|font-family|stroke-miterlimit)="[^"<>]*"'
    r'| (?:opacity|fill-opacity)="1"'
)
_HEAD = re.compile(r'^<svg [^>]*?width="([\d.]+)" height="([\d.]+)"[^>]*>')
_DIGITS = re.compile(r"(-?\d+\.\d{2})\d+")


def draw(chart: Any, label: str, width: int, height: int | None = None) -> Markup:
    """Renders a chart to an SVG of `width` x `height` CSS pixels, axes included; `label` says what it shows.

    Args:
        chart: an Altair chart (one view or layers).
        label: for readers who cannot see it.
        width: in pixels; the page may scale the picture.
        height: in pixels; None if the chart's step sets it.
    """
    size = {"width": width} if height is None else {"width": width, "height": height}
    fit = alt.AutoSizeParams(type="fit-x" if height is None else "fit", contains="padding")
    spec = _styled(chart.properties(**size, autosize=fit, padding=2)).to_dict()
    text = vl_convert.vegalite_to_svg(spec)
    head = _HEAD.match(text)
    if head is None:
        raise ValueError("the chart renderer gave no SVG of known size")
    body = _NOISE.sub("", text[head.end() :])
    body = re.sub(r' (?:d|transform|x2|y2)="[^"<>]*"', lambda match: _DIGITS.sub(r"\1", match[0]), body)
    w, h = head[1], head[2]
    return Markup(f'<svg role="img" aria-label="{escape(label)}" viewBox="0 0 {w} {h}" width="{w}" height="{h}">{body}')


def _styled(chart: Any) -> Any:
    text = {"labelFontSize": 11, "titleFontSize": 11, "labelColor": MUTED, "titleColor": MUTED}
    return (
        chart.configure(aria=False, background="transparent", font="sans-serif")
        .configure_view(stroke=None)
        .configure_axis(
            **text,
            titleFontWeight="normal",
            gridColor=LINE,
            domainColor=LINE,
            tickColor=LINE,
            tickSize=4,
            labelPadding=4,
            titlePadding=8,
        )
        .configure_legend(**text, title=None, orient="top", symbolSize=80, padding=0, offset=8, columnPadding=14)
        .configure_text(color=INK, fontSize=11)
    )
