"""The sections of the page, in order: each turns the files of a run folder into what its template shows.

To add one: a function that returns the template's values (None while its stage is not done, NOT_ASKED where it has no
place), a line in SECTIONS and `templates/sections/NAME.html.j2`.
"""

from collections import Counter
from collections.abc import Callable, Mapping

from depthwise.device import RESOURCES
from depthwise.report import charts, network, pictures, text
from depthwise.report.budget import budget_section
from depthwise.report.material import Material, Values
from depthwise.report.precision import precision_section
from depthwise.report.search import search_section
from depthwise.results import Memory

MOST_PICTURES, MOST_CLASSES, MOST_SKIPPED, MOST_CONFUSIONS, MOST_FINDINGS = 32, 12, 100, 8, 3
"""How much of a long list the page shows before it folds or cuts it."""
WIDE, NARROW = 960, 360
"""Widths in pixels at which full-width charts are drawn: a page, a phone."""


def network_section(material: Material) -> Values | None:
    """The blocks as a diagram and as a table of stages; what separable convolutions save."""
    cost = material.results.cost
    if cost is None or not cost.layers:
        return None
    parts = network.blocks(cost.layers)
    return {
        "wide": charts.network_diagram(parts, WIDE),
        "narrow": charts.network_diagram(parts, NARROW),
        "stages": network.stages(parts),
        "cost": cost,
    }


def findings_section(material: Material) -> Values | None:
    """What the linter says: each rule with its layers, reasons and fix, the gravest first."""
    lint = material.results.lint
    if lint is None:
        return None
    return {
        "lint": lint,
        "rules": [
            {"first": found[0], "shown": found[:MOST_FINDINGS], "more": found[MOST_FINDINGS:]}
            for found in lint.by_rule()
        ],
        "counts": Counter(finding.severity for finding in lint.findings),
    }


def training_section(material: Material) -> Values | None:
    """Loss and accuracy over the epochs, and the epoch whose weights were kept."""
    training = material.results.training
    if training is None or not training.history:
        return None
    best = next((row for row in training.history if row.epoch == training.best_epoch), None)
    return {
        "training": training,
        "start": material.results.start,
        "best": best,
        "loss": charts.curve(training.history, "loss", training.best_epoch),
        "accuracy": charts.curve(training.history, "accuracy", training.best_epoch),
    }


def agreement_section(material: Material) -> Values | None:
    """Accuracy of torch, ONNX Runtime and the compiled network on the same test images, and how far they differ."""
    results = material.results
    rows = [
        {
            "precision": precision,
            "runtime": text.runtime_name(runtime),
            "interval": interval,
            "difference": results.verification[precision].differences.get(runtime)
            if precision in results.verification
            else None,
            "shipped": precision == material.precision and text.runtime_name(runtime) == text.runtime_name("compiled"),
        }
        for precision, runtimes in results.accuracy.items()
        for runtime, interval in runtimes.items()
    ]
    notes = [note for found in results.verification.values() for note in found.notes]
    return {"rows": rows, "notes": notes, "int8": "int8" in results.accuracy} if rows else None


def mistakes_section(material: Material) -> Values | None:
    """Confusion matrix, recall of each class, the commonest confusions and pictures of mistakes."""
    results = material.results
    verification = results.verification.get(material.precision) if material.precision else None
    if verification is None or not verification.confusion:
        return None
    matrix = verification.confusion
    classes = results.data.classes if results.data else []
    if len(classes) != len(matrix):
        classes = [str(index) for index in range(len(matrix))]
    recall = [
        {"name": name, "correct": row[i], "total": sum(row), "recall": row[i] / sum(row) if sum(row) else None}
        for i, (name, row) in enumerate(zip(classes, matrix, strict=True))
    ]
    recall.sort(key=lambda row: (row["recall"] is None, row["recall"]))
    confusions = Counter(
        {(classes[t], classes[p]): n for t, row in enumerate(matrix) for p, n in enumerate(row) if t != p and n}
    )
    return {
        "matrix": charts.confusion(matrix, classes),
        "classes": len(classes),
        "named": len(classes) <= charts.CLASSES_WITH_NAMES,
        "worst": recall[:MOST_CLASSES],
        "others": recall[MOST_CLASSES:],
        "confusions": confusions.most_common(MOST_CONFUSIONS),
        "wrong": confusions.total(),
        "mistakes": [
            (mistake, pictures.data_uri(material.path / mistake.picture))
            for mistake in verification.mistakes[:MOST_PICTURES]
        ],
    }


def cost_section(material: Material) -> Values | None:
    """Where the MACs and the parameters are: the largest layers as bars, all of them as a table."""
    cost = material.results.cost
    if cost is None or not cost.layers:
        return None
    operators = {
        op: (
            sum(row.macs for row in cost.layers if row.op == op) / max(cost.macs, 1),
            sum(row.parameters for row in cost.layers if row.op == op) / max(cost.parameters, 1),
        )
        for op in dict.fromkeys(row.op for row in cost.layers)
    }
    shown = {op: shares for op, shares in operators.items() if any(shares)}
    return {
        "cost": cost,
        "operators": dict(sorted(shown.items(), key=lambda item: -item[1][0])),
        "colors": charts.OPERATOR_COLORS,
        "other_color": charts.OTHER_COLOR,
        "macs": charts.cost_bars(cost.layers, "macs"),
        "parameters": charts.cost_bars(cost.layers, "parameters"),
        "shape": network.map_shape,
        "operator_name": network.operator_name,
    }


def peak_call(memory: Memory) -> int:
    """The call during which the most bytes of the arena are alive; the first of several."""
    calls = range(max((buffer.last + 1 for buffer in memory.buffers), default=1))
    return max(calls, key=lambda call: sum(b.bytes for b in memory.buffers if b.first <= call <= b.last))


def arena_section(material: Material) -> Values | None:
    """The buffers in the arena over the calls, and which call sets the peak."""
    memory = text.shipped_memory(material.results)
    if memory is None or not memory.buffers:
        return None
    peak = peak_call(memory)
    live = [buffer for buffer in memory.buffers if buffer.first <= peak <= buffer.last]
    alive = sum(buffer.bytes for buffer in live)
    return {
        "memory": memory,
        "peak": peak,
        "call": memory.calls[peak] if peak < len(memory.calls) else None,
        "live": sorted(live, key=lambda buffer: buffer.offset),
        "alive": alive,
        "all_tensors": sum(buffer.bytes for buffer in memory.buffers),
        "wide": charts.arena(memory, live, peak, WIDE),
        "narrow": charts.arena(memory, live, peak, NARROW),
    }


def speed_section(material: Material) -> Values | None:
    """Latency beside other runtimes; RAM and flash by part, beside what the device has."""
    results, device = material.results, material.device
    rows = results.latency.get(material.precision, []) if material.precision else []
    memory = text.shipped_memory(results)
    if not rows and memory is None:
        return None
    limits = (device.ram, device.flash) if device else (None, None)
    ours = text.shipped_latency(results)
    return {
        "rows": sorted(rows, key=lambda row: row.median_ms),
        "slower": [(row, row.median_ms / ours.median_ms) for row in rows if row is not ours] if ours else [],
        "latency": charts.latency_bars(rows) if rows else None,
        "memory": memory,
        "bytes": charts.memory_bars(memory, *limits) if memory else None,
        "device": device,
    }


def data_section(material: Material) -> Values | None:
    """How many images each split has, where they come from, what was skipped."""
    data = material.results.data
    if data is None:
        return None
    splits = [("Training", data.train), ("Validation", data.validation), ("Test", data.test)]
    return {
        "data": data,
        "splits": splits,
        "total": sum(number for _, number in splits),
        "skipped": data.skipped[:MOST_SKIPPED],
        "more": max(len(data.skipped) - MOST_SKIPPED, 0),
    }


def reproduce_section(material: Material) -> Values:
    """The command, the plan, the versions and the machine: all that is needed to do it again."""
    config, training = material.config, material.results.training
    known = {
        "epochs": training.epochs if training else config.epochs,
        "train_time": text.duration(config.train_time) if config.train_time is not None else None,
    }
    known |= {name: text.taken(name, limit) for name in RESOURCES if (limit := getattr(config, name)) is not None}
    known |= {"width": None, "depth": None} if config.model is None else {}  # the search finds them
    plan = {name: value for name, value in (config.model_dump() | known).items() if value is not None}
    return {
        "origin": material.results.origin,
        "plan": {name.replace("_", " "): value for name, value in plan.items()},
        "seconds": material.results.seconds,
        "total": sum(material.results.seconds.values()),
    }


SECTIONS: Mapping[str, tuple[str, Callable[[Material], Values | None]]] = {
    "budget": ("Budget", budget_section),
    "search": ("The search", search_section),
    "network": ("The network", network_section),
    "findings": ("Findings", findings_section),
    "training": ("Training", training_section),
    "precision": ("8 bits", precision_section),
    "agreement": ("Agreement", agreement_section),
    "mistakes": ("Mistakes", mistakes_section),
    "cost": ("Cost per layer", cost_section),
    "arena": ("Memory over time", arena_section),
    "speed": ("Speed and size", speed_section),
    "data": ("Data", data_section),
    "reproduce": ("Reproduce", reproduce_section),
}
"""Name (of the template and the anchor) -> title and what makes its values."""
