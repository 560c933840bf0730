"""The budget: what the shipped network takes of each limit, and what it misses."""

from typing import Any

from depthwise.device import RESOURCES
from depthwise.report import text
from depthwise.report.material import NOT_ASKED, Material, Values
from depthwise.results import Figure

CERTAINTIES = {"exact": "exact", "measured": "measured", "estimated": "estimated", "unknown": "unknown"}
"""How sure a figure is, in words."""


def budget_section(material: Material) -> Values:
    """A row for each figure with its limit, the limits that are missed, and those that nobody can decide."""
    figures = material.results.budget
    if not any(figure.limit is not None for figure in figures):
        return NOT_ASKED
    rows = [_row(figure) for figure in figures]
    return {
        "rows": rows,
        "limits": sum(row["share"] is not None or row["undecided"] for row in rows),
        "missed": [row for row in rows if row["over"]],
        "undecided": [row for row in rows if row["undecided"]],
        "precision": material.precision,
    }


def share(figure: Figure) -> float | None:
    """The part of its limit that a figure takes, 1 is all; None without a limit or a value."""
    return figure.value / figure.limit if figure.limit and figure.value is not None else None


def note(figure: Figure) -> str:
    """What a key figure takes of its limit: "37 % of the budget of 256.0 KiB"; empty if that is not known."""
    part = share(figure)
    if part is None or figure.limit is None:
        return ""
    amount = text.percent(part, 0) if 0.1 <= part < 0.995 or part > 1.005 else text.percent(part)
    words = f"{text.about(figure.certainty)}{amount} of the budget of {text.taken(figure.name, figure.limit)}"
    reserve = ", the device's reserve included" if any(part.name == "reserve" for part in figure.parts) else ""
    return words + reserve + (": missed" if figure.short else "")


def value(figure: Figure) -> str:
    """A figure with its unit, "~" before it if it is neither exact nor measured; "unknown" without a value."""
    if figure.value is None:
        return "unknown"
    return text.about(figure.certainty) + text.taken(figure.name, figure.value)


def _row(figure: Figure) -> dict[str, Any]:
    def write(value: float) -> str:
        return text.taken(figure.name, value)

    return {
        "name": RESOURCES[figure.name].label,
        "value": value(figure),
        "parts": [(part.name, text.about(part.certainty) + write(part.value)) for part in figure.parts],
        "limit": write(figure.limit) if figure.limit is not None else None,
        "from": figure.limit_from,
        "share": share(figure),
        "over": text.about(figure.certainty) + write(figure.short) if figure.short else "",
        "undecided": figure.limit is not None and figure.value is None,
        "certainty": CERTAINTIES[figure.certainty],
        "reason": figure.reason,
    }
