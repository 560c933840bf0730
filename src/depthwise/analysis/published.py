"""What others have published: top-1 accuracy by width and resolution (published.toml, with its sources)."""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from depthwise.device import Precision


def published_accuracy(model: str, width: float, resolution: int, precision: Precision = "float32") -> float | None:
    """Top-1 accuracy in percent of a member of a family, or None where nobody has published it."""
    column = 2 if precision == "float32" else 3
    for row in _grids().get(model, {}).get("accuracy", ()):
        if abs(row[0] - width) < 1e-6 and row[1] == resolution and len(row) > column:
            return float(row[column])
    return None


def published_points(model: str) -> list[tuple[float, int, float]]:
    """Width, resolution and top-1 accuracy in percent of all published members of a family, in float32."""
    return [(float(row[0]), int(row[1]), float(row[2])) for row in _grids().get(model, {}).get("accuracy", ())]


def published_data(model: str) -> str:
    """The data set on which the accuracies of a family were published."""
    return str(_grids()[model]["data"])


@cache
def _grids() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "published.toml").read_text(encoding="utf-8"))
