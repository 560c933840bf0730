"""The README's figure: what share of the MAC floor each runtime reaches, a line of dots for each network.

python -m benchmarks.figure benchmarks/results/DATE.csv -o docs/benchmark.svg
"""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import results
from depthwise.errors import UserError, missing_extra
from depthwise.files import write_text
from depthwise.profiling.comparison import OURS, Row, groups, lead
from depthwise.profiling.table import INPUTS, count

WIDTH, ROW_HEIGHT, EDGES = 860, 34, 76
"""Pixels: of the figure, of a network's line, of title and axis together."""


def main(
    table: Annotated[Path, typer.Argument(help="a CSV of benchmarks.host")],
    output: Annotated[Path, typer.Option("-o", "--output", help="the .svg")],
    threads: Annotated[int, typer.Option(help="which rows: of so many threads")] = 1,
    precision: Annotated[str, typer.Option(help="which rows: float32 or int8")] = "float32",
    input_type: Annotated[str, typer.Option(help="which rows: float32 or uint8")] = "float32",
) -> None:
    """Draw the figure of one table."""
    rows, comments = results.read(table)
    wanted = (precision, threads, input_type)
    shown = [row for row in rows if row.group[1:] == wanted and not row.runtime.startswith(f"{OURS}-")]
    if not shown:
        raise UserError(f"{table} has no rows of {precision} with {count(threads)} from {input_type}")
    machine = next((text.partition(": ")[2] for text in comments if text.startswith("machine: ")), "")
    title = f"{machine}: {precision}, {count(threads)}, one image, {INPUTS[input_type]}"
    write_text(output, draw(shown, title))
    print(output)


def draw(rows: Sequence[Row], title: str) -> str:
    """The figure as a picture of its own, light or dark as the reader's system is.

    Args:
        rows: of one precision, number of threads and input type.
        title: a line above it.

    Raises:
        UserError: altair is not installed.
    """
    try:
        from depthwise.report import drawing
    except ModuleNotFoundError as error:
        raise missing_extra("the figure", error.name or "altair", "bench") from None
    chart, networks = _chart(rows, title)
    text = str(
        drawing.draw(chart, "Share of the MAC floor by network and runtime", WIDTH, EDGES + ROW_HEIGHT * networks)
    )
    head, _, body = text.partition(">")
    style = f"<style>{_variables()} text {{ font-family: Helvetica, Arial, sans-serif }}</style>"
    back = '<rect width="100%" height="100%" fill="var(--paper)"/>'
    return f'{head} xmlns="http://www.w3.org/2000/svg">{style}{back}{body}\n'


def _variables() -> str:
    """The page's colours, light and dark: the rules of its style sheet that set variables."""
    from depthwise.report.templating import environment

    sheet = environment().get_template("page.css").render()
    light, dark = re.findall(r":root \{.*?\}", sheet, re.DOTALL)
    return " ".join(f"{light} @media (prefers-color-scheme: dark) {{ {dark} }}".split())


def _chart(rows: Sequence[Row], title: str) -> tuple[Any, int]:
    """An Altair chart of the rows, and its number of networks."""
    import altair as alt

    from depthwise.report.drawing import ACCENT, INK, LINE, MUTED, PAPER, QUIET

    dots = [
        {"network": row.network, "share": row.share, "runtime": row.runtime, "ours": row.runtime == OURS}
        for row in rows
    ]
    notes = []
    for (network, *_), group in groups(rows).items():
        others, ratio = [row.runtime for row in group if row.is_other], lead(group)
        if ratio is not None:
            notes.append({"network": network, "text": f"{others[0]} takes {ratio:.2f} times as long"})
    networks = list(dict.fromkeys(row.network for row in rows))
    most = max(1.0, *(row.share for row in rows))
    y = alt.Y(
        "network:N", sort=networks, title=None, axis=alt.Axis(ticks=False, domain=False, labelLimit=190, minExtent=180)
    )
    x = alt.X(
        "share:Q",
        title="share of the MAC floor, the time of the multiply-adds alone (large dot: depthwise, small ones: others)",
        scale=alt.Scale(domain=[0, 1.45 * most], nice=False),
        axis=alt.Axis(format="%", values=[0, 0.2, 0.4, 0.6, 0.8, 1.0], domain=False, ticks=False),
    )
    base = alt.Chart(alt.Data(values=dots)).encode(x=x, y=y)
    others = base.transform_filter("!datum.ours").mark_point(
        filled=True, size=46, opacity=0.85, color=QUIET, stroke=PAPER, strokeWidth=1
    )
    ours = base.transform_filter("datum.ours").mark_point(filled=True, size=130, opacity=1, color=ACCENT)
    text = (
        alt.Chart(alt.Data(values=[note | {"share": 1.03 * most} for note in notes]))
        .mark_text(align="left", color=MUTED)
        .encode(x=x, y=y, text="text:N")
    )
    heading = alt.TitleParams(title, anchor="start", fontSize=12, fontWeight="normal", color=INK, offset=10)
    lines = [{"network": network, "share": 0.0, "end": most} for network in networks]
    rules = alt.Chart(alt.Data(values=lines)).mark_rule(color=LINE).encode(x=x, x2="end:Q", y=y)
    return (rules + others + ours + text).properties(title=heading), len(networks)


if __name__ == "__main__":
    try:
        typer.run(main)
    except UserError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
