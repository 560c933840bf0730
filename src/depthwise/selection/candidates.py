"""The candidates: what fits and can be trained in the time; the widest of them compiled and timed."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import numpy as np

from depthwise import analysis, design, graph, profiling, search
from depthwise.analysis import Known
from depthwise.design import Architecture
from depthwise.device import HOST, RESOURCES, Precision
from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.results import Candidate
from depthwise.selection.task import Task, missed

FINALISTS = 5
"""So many candidates are compiled and timed before any training."""

SCALES = (1.0, 5 / 7, 6 / 7, 4 / 7)
"""Resolutions that are tried, as shares of the images' own. At the first two the grid of widths is trained."""

DEPTHS = (1.0, 0.5, 0.25)
"""Depth multipliers that are tried. Fewer blocks leave wider ones in a small budget: with 1 M MACs on Fashion-MNIST
MobileNetV1 had 90.7 % at depth 0.5 and 88.4 % at its own, after 130 s of training on one core each."""

HARDLY = 2.0
"""With too little time for any network the quickest are tried, and those that take at most so many times as long."""

SPARE_TIME = 0.9
"""An estimated latency must be below this share of its limit."""


def axes_of(task: Task) -> search.Axes:
    """The axes of the search. Raises UserError if there is a limit of latency and no way to tell it."""
    own = task.images.preprocessing.size
    scales = SCALES if task.config.resolution is None else (1.0,)
    resolutions = dict.fromkeys(own if scale == 1 else max(8, round(own * scale / 4) * 4) for scale in scales)
    models = design.searched_models(task.config.families)
    axes = search.Axes(models, tuple(resolutions), DEPTHS)
    if "latency" in task.limits and task.weigh(axes.models[0], 0.25, own, 1.0).latency is None:
        raise UserError(
            f"the latency of a network on {task.device.name} cannot be told (no clock or no cycles per MAC in "
            f"{task.precision}): add them in a .toml file of your own, or leave --latency out"
        )
    return axes


def require_any(task: Task) -> None:
    """Raises a UserError of exit code 1 that names the nearest network if none fits, by estimate."""
    if not _pool(task, axes_of(task), math.inf, {}):
        raise _nothing_fits(task, axes_of(task))


def candidates(task: Task, axes: search.Axes, affordable: float) -> list[Candidate]:
    """Every candidate that fits, with the measured latency of a few and the others' estimates corrected by it.

    Args:
        task: what is looked for.
        axes: from `axes_of`.
        affordable: most elements of all layers' outputs that can be trained. If that is none, candidates are those
            with up to HARDLY times as many as the least of all.

    Raises:
        UserError: nothing fits (exit code 1).
    """
    pool = _pool(task, axes, affordable, {})
    if task.device.name == HOST:
        measured = _finalists(task, pool)
        ratios: dict[str, list[float]] = {}
        for before, after in measured:
            if before.latency and after.latency:
                ratios.setdefault(before.model, []).append(after.latency / before.latency)
        exact = {after.name: after for _, after in measured}
        pool = _pool(task, axes, affordable, {model: statistics.median(values) for model, values in ratios.items()})
        pool = [exact[one.name].model_copy(update={"share": one.share}) if one.name in exact else one for one in pool]
        limit = task.limits.get("latency", math.inf)
        pool = [one for one in pool if one.latency is None or one.latency <= limit]
    if not pool:
        raise _nothing_fits(task, axes)
    return pool


def time_network(network: Architecture, input: str, precision: Precision) -> Known:
    """Exact bytes and seconds of one image, one thread, of a network with random weights on this machine.

    Args:
        network: compiled as it would ship.
        input: "uint8" or "float". precision: in 8 bits the scales mean nothing, too.
    """
    layers, form = network.layers(), network.preprocessing()
    model = graph.build(layers, graph.initialize(layers), preprocessing=form)
    engine = Engine.build(graph.assumed_int8(model, input) if precision == "int8" else model, input=input)
    image = engine.of_pixels(np.zeros((1, *form.shape), np.uint8))
    (row,) = profiling.latency({"depthwise": profiling.Runtime("", engine.prepared(image))})
    return Known(engine.memory, row.median_ms / 1e3, precision)


def _pool(task: Task, axes: search.Axes, affordable: float, ratios: Mapping[str, float]) -> list[Candidate]:
    """Candidates that keep every limit.

    Args:
        ratios: model -> measured over estimated latency.
    """
    limits, usual = task.limits, statistics.median(ratios.values()) if ratios else 1.0

    def weigh(model: str, width: float, resolution: int, depth: float) -> Candidate:
        one = task.weigh(model, width, resolution, depth)
        return one.model_copy(update={"latency": one.latency and one.latency * ratios.get(model, usual)})

    def fits(one: Candidate) -> bool:
        taken = {name: getattr(one, name) for name in RESOURCES}
        taken["latency"] = taken["latency"] and taken["latency"] / SPARE_TIME
        return analysis.keeps(taken, limits)

    def quick(one: Candidate) -> bool:
        return fits(one) and task.elements(one) <= affordable

    found = search.pool(axes, weigh, quick)
    if found or affordable == math.inf:
        return found
    thinnest = (weigh(model, search.WIDTHS[0], resolution, depth) for model, resolution, depth in _columns(axes))
    affordable = HARDLY * min((task.elements(one) for one in thinnest if fits(one)), default=0)
    return search.pool(axes, weigh, quick)


def _columns(axes: search.Axes) -> Iterator[tuple[str, int, float]]:
    """Each model, resolution and depth."""
    return product(axes.models, axes.resolutions, axes.depths)


def _finalists(task: Task, pool: Sequence[Candidate]) -> list[tuple[Candidate, Candidate]]:
    """The widest candidates as they were estimated and as they are: compiled and timed."""
    widest = [one for one in pool if one.share == 1]
    widest.sort(key=lambda one: one.resolution, reverse=True)
    pairs = []
    for i, one in enumerate(widest[:FINALISTS]):
        task.progress.step(i, min(FINALISTS, len(widest)), f"timing {one.name}")
        known = time_network(task.network_of(one), task.config.input, task.precision)
        exact = {
            "latency": known.latency,
            "latency_certainty": "measured",
            "ram": known.memory.ram,
            "flash": known.memory.flash + task.device.flash_reserve,
        }
        pairs.append((one, one.model_copy(update=exact)))
    return pairs


def _nothing_fits(task: Task, axes: search.Axes) -> UserError:
    """The nearest network, and by how much it misses each limit."""
    limits = task.limits
    smallest = [task.weigh(model, search.WIDTHS[0], resolution, depth) for model, resolution, depth in _columns(axes)]
    nearest = min(smallest, key=lambda one: max((getattr(one, name) or 0) / limit for name, limit in limits.items()))
    verdict = analysis.check(task.network_of(nearest), task.device, task.config.budget, task.precision)
    by = missed(verdict.figures) or "too close to a limit for an estimate"
    return UserError(
        f"no network fits {task.device.name} and the budget; the nearest is {nearest.name}: {by}; "
        "raise the limits or choose another device",
        exit_code=1,
    )
