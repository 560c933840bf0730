"""8 bits: how the float network came to them, what they cost by layer and by class, and what they save."""

from typing import Any

from depthwise.device import PRECISIONS
from depthwise.report import charts, text
from depthwise.report.material import NOT_ASKED, Material, Values
from depthwise.results import Results

WIDE, NARROW = 960, 360
MOST_LAYERS, MOST_CLASSES = 5, 12
"""How many of the noisiest layers, and of the classes that change most, the page shows."""


def precision_section(material: Material) -> Values | None:
    """The ladder, noise by layer, agreement by class, size and speed beside float32, and layers left in float."""
    results, ladder = material.results, material.results.ladder
    if material.config.precision == "float32":
        return NOT_ASKED
    if results.shipping is None:
        return NOT_ASKED if results.memory else None
    if ladder is None:
        return {"shipping": results.shipping, "ladder": None}
    noise = sorted(ladder.noise, key=lambda row: row.alone)
    return {
        "shipping": results.shipping,
        "shipped": results.shipped,
        "ladder": ladder,
        "rungs": [
            (rung, 100 * (ladder.reference.correct - rung.accuracy.correct) / ladder.reference.total)
            for rung in ladder.rungs
        ],
        "noisiest": noise[:MOST_LAYERS],
        "noise_wide": charts.noise(ladder.noise, WIDE) if noise else None,
        "noise_narrow": charts.noise(ladder.noise, NARROW) if noise else None,
        "classes": classes(results),
        "beside": beside(results),
    }


def classes(results: Results) -> dict[str, Any] | None:
    """By class: recall in both precisions, and how many images both answer alike; those that differ most first."""
    both = [results.verification.get(precision) for precision in PRECISIONS]
    if both[0] is None or both[1] is None or not both[1].alike or results.data is None:
        return None
    rows: list[dict[str, Any]] = []
    for i, name in enumerate(results.data.classes):
        total = sum(both[1].confusion[i])
        if total:
            recall = [found.confusion[i][i] / total for found in both if found]
            rows.append({"name": name, "alike": both[1].alike[i], "total": total, "recall": recall})
    rows.sort(key=lambda row: row["alike"] / row["total"])
    alike, total = sum(row["alike"] for row in rows), sum(row["total"] for row in rows)
    return {"rows": rows[:MOST_CLASSES], "others": rows[MOST_CLASSES:], "alike": alike, "total": total}


def beside(results: Results) -> list[tuple[str, str, str, str]]:
    """Size and speed in float32 and in 8 bits, and the first over the second: (what, float32, int8, times)."""
    rows = []
    memory = [results.memory.get(precision) for precision in PRECISIONS]
    if memory[0] and memory[1]:
        for label, name in (("Arena", "arena"), ("RAM", "ram"), ("Weights", "weights"), ("Flash", "flash")):
            values = [getattr(one, name) for one in memory]
            rows.append((label, text.size(values[0]), text.size(values[1]), _times(*values)))
    for label, runtime in (("One image, compiled C", "depthwise"), ("One image, ONNX Runtime", "onnxruntime")):
        found = [
            next((row.median_ms for row in results.latency.get(precision, []) if row.runtime == runtime), None)
            for precision in PRECISIONS
        ]
        if found[0] and found[1]:
            rows.append((label, text.milliseconds(found[0]), text.milliseconds(found[1]), _times(found[0], found[1])))
    return rows


def _times(float32: float, int8: float) -> str:
    return f"{float32 / int8:.1f}{text.TIMES}" if int8 else ""
