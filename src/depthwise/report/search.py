"""The search: what was tried, what was chosen, the fronts, accuracy against width, and every trial."""

from collections.abc import Mapping
from typing import Any

from depthwise.device import RESOURCES
from depthwise.report import search_charts, text, trials
from depthwise.report.material import NOT_ASKED, Material, Values
from depthwise.report.trials import Point, Round, WidthLine

MOST_TRIALS = 12
"""How many rows of the table of trials the page shows before it folds."""
_CHARTS = ("macs", "latency", "ram", "flash")


def search_section(material: Material) -> Values | None:
    """The choice in words, charts of the fronts and of thinning, the table of trials."""
    search = material.results.search
    if search is None:
        return NOT_ASKED if material.config.model else None
    found = trials.rounds(search)
    roles = roles_of(material)
    rows = [_table_row(point, roles) for group in reversed(found) for point in _best_first(group)]
    return {
        "search": search,
        "rounds": [(search_charts.round_color(i, len(found)), round_name(group)) for i, group in enumerate(found)],
        "trained": len({point.candidate.name for group in found for point in group.points}),
        "trials": len(rows),
        "roles": roles,
        "tie": is_tie(roles),
        "fronts": _fronts(found, roles, material),
        "widths": _widths(found[0]) if found else None,
        "shown": rows[:MOST_TRIALS],
        "folded": rows[MOST_TRIALS:],
    }


def roles_of(material: Material) -> dict[str, Point]:
    """The roles "choice" and "runner-up" -> the last trial of each; without those that were never trained."""
    search = material.results.search
    if search is None:
        return {}
    found = trials.rounds(search)
    last = {
        "choice": trials.last_of(found, search.choice),
        "runner-up": trials.last_of(found, search.runner_up),
    }
    return {role: point for role, point in last.items() if point is not None}


def is_tie(roles: Mapping[str, Point]) -> bool:
    """Whether choice and runner-up were trained alike and each one's accuracy lies in the interval of the other."""
    if len(roles) < 2:
        return False
    one, other = roles["choice"], roles["runner-up"]
    alike = (one.rung, one.epochs) == (other.rung, other.epochs)
    return alike and one.accuracy.low <= other.accuracy.high and other.accuracy.low <= one.accuracy.high


def round_name(group: Round) -> str:
    """A round with what all its trials had: "round 2: 1.2 epochs, judged on 1,000 images"."""
    images = " or ".join(f"{total:,}" for total in sorted({point.accuracy.total for point in group.points}))
    return f"round {group.rung + 1}: {text.epochs(group.epochs)}, judged on {images} images"


def _fronts(found: list[Round], roles: Mapping[str, Point], material: Material) -> list[dict[str, Any]]:
    """A chart for each resource that is known of some trial, with how many trials are missing in it."""
    limits = {figure.name: figure.limit for figure in material.results.budget}
    charts = []
    for name in _CHARTS:
        chart = search_charts.front_chart(found, name, roles, limits.get(name))
        if chart is not None:
            candidates = [point.candidate for group in found for point in group.points]
            unknown = {of.name for of in candidates if not getattr(of, name)}
            charts.append({"name": RESOURCES[name].label, "chart": chart, "unknown": len(unknown)})
    return charts


def _widths(first: Round) -> dict[str, Any] | None:
    """The chart of the first round's widths with what it says of each line; None without a line."""
    lines = trials.width_lines(first)
    if not lines:
        return None
    drawn = lines[: len(search_charts.COLORS)]
    return {
        "chart": search_charts.width_chart(drawn),
        "epochs": text.epochs(first.epochs),
        "lines": [(color, _line_name(line), line) for line, color in zip(drawn, search_charts.COLORS, strict=False)],
        "hidden": len(lines) - len(drawn),
    }


def _line_name(line: WidthLine) -> str:
    """What the networks of a line share: "MobileNetV2, 28 x 28"."""
    of = line.points[0].candidate
    name = text.family_name(of.model) + (f", depth {of.depth}" if of.depth != 1 else "")
    return f"{name}, {text.resolution(of.resolution)}"


def _best_first(group: Round) -> list[Point]:
    return sorted(group.points, key=lambda point: -point.accuracy.value)


def _table_row(point: Point, roles: Mapping[str, Point]) -> dict[str, Any]:
    of = point.candidate
    return {
        "point": point,
        "name": text.candidate_name(of),
        "chosen": roles.get("choice") == point,
        "role": next((role for role, marked in roles.items() if marked.candidate.name == of.name), ""),
        "epochs": f"{point.epochs:.3g}",
        "latency": text.about(of.latency_certainty) + text.taken("latency", of.latency) if of.latency else None,
    }
