"""The nearest changes that make a network fit: resolution, width, family, precision; in that order, then two at once.

Candidates are weighed from their Layers alone, in a millisecond or two each: MACs and parameters exactly, the arena by
the same planner from the same lifetimes. `SPARE` covers what only kernels know (workspaces, padded panels).
Vector kernels of 8 bits fill their panels up by more, a tenth of a small network's weights: there the estimate is low.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from depthwise.analysis.latency import predict_latency
from depthwise.analysis.published import published_accuracy, published_data
from depthwise.analysis.verdict import Change
from depthwise.design import MODELS, Architecture, architecture, searched_models
from depthwise.device import Device, Precision
from depthwise.graph import Layer
from depthwise.planning.memory import ALIGNMENT, Lifetime, align, lower_bound, plan_offsets

WIDTHS = (1.4, 1.3, 1.0, 0.75, 0.5, 0.35, 0.25, 0.2, 0.15, 0.1)
"""Width multipliers that are suggested: those of the published grids, and thinner ones."""

RESOLUTIONS = (*range(320, 64, -16), 64, 56, 48, 40, 32, 24)
"""Resolutions that are suggested, in pixels."""

SPARE = 1.02
"""A candidate must fit with this much to spare in RAM and flash, as its figures are estimates."""

WIDENED = 65536
"""Bytes at most that a product in 8 bits takes for inputs which its vectors cannot multiply as they are."""

Limits = Mapping[str, float]
"""Figure -> its limit."""


@dataclass(frozen=True)
class Overhead:
    """Bytes of the stack, and what stands in flash beside the weights: code, and a reserve."""

    stack: int
    flash: int


@dataclass(frozen=True)
class _Candidate:
    model: str
    width: float
    resolution: int
    precision: Precision


@dataclass(frozen=True)
class _Now:
    """The network that does not fit, and what it has to fit."""

    network: Architecture
    candidate: _Candidate
    device: Device
    limits: Limits
    overhead: Overhead
    functions: int


def suggest(
    network: Architecture, device: Device, precision: Precision, limits: Limits, overhead: Overhead
) -> list[Change]:
    """The nearest change of each kind that keeps every limit; of two kinds at once if no single change of shape does.

    Args:
        network: the one that does not fit, of a registered family.
        device, precision, limits: what it does not fit.
        overhead: of the network as it is.
    """
    here = _Candidate(network.name, network.width, network.resolution, precision)
    now = _Now(network, here, device, limits, overhead, _functions(network.layers()))
    alike = [model for model in searched_models() if MODELS[model].aspect == network.aspect]
    found = [_first(now, kind, candidates) for kind, candidates in _single(here, alike)]
    if not any(change and change.kind in ("resolution", "width") for change in found):
        found += _two_ways(now, "width+resolution", _joint(here, (precision,)))
    if not any(change and change.kind == "precision" for change in found):
        found += _two_ways(now, "precision+width+resolution", _joint(here, other_precisions(precision)))
    if not any(found):
        for model in alike:
            pairs = _joint(replace(here, model=model), (precision, *other_precisions(precision)))
            found += _two_ways(now, "model+width+resolution", pairs)
    return [change for change in found if change]


def other_precisions(precision: Precision) -> tuple[Precision, ...]:
    """Precisions that take less than this one."""
    return ("int8",) if precision == "float32" else ()


def _single(here: _Candidate, models: Sequence[str]) -> Iterator[tuple[str, list[_Candidate]]]:
    """For each kind of change the candidates, nearest first; `models` that may take the place of this one."""
    narrower = [width for width in WIDTHS if width < here.width]
    yield (
        "resolution",
        [_Candidate(here.model, here.width, size, here.precision) for size in RESOLUTIONS if size < here.resolution],
    )
    yield "width", [_Candidate(here.model, width, here.resolution, here.precision) for width in narrower]
    for model in models:
        if model != here.model:
            widths = (here.width, *narrower)
            yield "model", [_Candidate(model, width, here.resolution, here.precision) for width in widths]
    others = other_precisions(here.precision)
    yield "precision", [_Candidate(here.model, here.width, here.resolution, other) for other in others]


def _joint(here: _Candidate, precisions: Sequence[Precision]) -> list[_Candidate]:
    """Width and resolution together, most work first."""
    widths = [width for width in (here.width, *WIDTHS) if width <= here.width]
    sizes = [size for size in (here.resolution, *RESOLUTIONS) if size <= here.resolution]
    pairs = sorted({*product(widths, sizes)}, key=lambda pair: pair[0] * pair[1], reverse=True)
    return [_Candidate(here.model, width, size, other) for width, size in pairs for other in precisions]


def _two_ways(now: _Now, kind: str, candidates: Sequence[_Candidate]) -> list[Change | None]:
    """The candidate with the most work that fits, and the one with the best published accuracy, if that is another."""
    known = [(published_accuracy(one.model, one.width, one.resolution), one) for one in candidates]
    best = sorted((pair for pair in known if pair[0] is not None), key=lambda pair: pair[0] or 0, reverse=True)
    changes = [_first(now, kind, candidates), _first(now, kind, [one for _, one in best])]
    return changes[:1] if changes[0] == changes[1] else changes


def _first(now: _Now, kind: str, candidates: Iterable[_Candidate]) -> Change | None:
    """The first candidate that keeps all limits, as a Change."""
    for candidate in candidates:
        network = now.network
        changed = architecture(
            candidate.model,
            candidate.width,
            candidate.resolution,
            network.classes,
            network.channels,
            network.depth,
            network.deployable,
        )
        layers, room = changed.layers(), now.limits.get("ram", math.inf)
        more = now.device.code.function * (_functions(layers) - now.functions)
        overhead = replace(now.overhead, flash=now.overhead.flash + more)
        taken = _weigh(layers, now.device, candidate.precision, overhead, room)
        if keeps(taken, now.limits):
            accuracy, source = _accuracy(now.candidate, candidate)
            return Change(
                kind=kind,
                options=_options(now.candidate, candidate),
                model=candidate.model,
                width=candidate.width,
                resolution=candidate.resolution,
                precision=candidate.precision,
                accuracy=accuracy,
                accuracy_from=source,
                **taken,  # type: ignore[arg-type]
            )
    return None


def weigh(network: Architecture, device: Device, precision: Precision) -> dict[str, int | float | None]:
    """What a network takes of each resource, in a millisecond or two: "ram", "flash", "latency", "macs", "parameters".

    Bytes and seconds (None: unknown) are estimates, counts are exact.
    """
    layers = network.layers()
    code = device.code.base + device.code.function * _functions(layers)
    return _weigh(layers, device, precision, Overhead(device.stack, code + device.flash_reserve))


def _functions(layers: Sequence[Layer]) -> int:
    """Functions in C that the layers with a filter need: those of one shape share one."""
    return len({(layer.operator, layer.shape, *layer.parameters["weight"]) for layer in layers if layer.operator})


def keeps(taken: Mapping[str, float | None], limits: Limits) -> bool:
    """Whether what `weigh` found keeps every limit, with `SPARE` where it is an estimate of bytes."""
    return all(_keeps(taken, name, limit) for name, limit in limits.items())


def _keeps(taken: Mapping[str, float | None], name: str, limit: float) -> bool:
    value = taken[name]
    return value is not None and value * (SPARE if name in ("ram", "flash") else 1) <= limit


def _weigh(
    layers: Sequence[Layer], device: Device, precision: Precision, overhead: Overhead, room: float = math.inf
) -> dict[str, int | float | None]:
    """What a network takes of each resource; see the module for how sure that is.

    An arena that cannot be planned within `room` bytes is not planned: its lower bound says so already.
    """
    element, each = (4, 4) if precision == "float32" else (1, 8)  # in 8 bits an output has a bias and a scale
    filters = [layer.parameters["weight"] for layer in layers if layer.operator]
    weights = [align(element * math.prod(shape) + each * shape[0]) for shape in filters]
    seconds = predict_latency([(layer.operator, layer.macs) for layer in layers], device, precision)
    buffers = _lifetimes(layers, element, vectors=not set(device.isa) <= {"c"})
    bound = lower_bound(buffers)
    arena = max(ALIGNMENT, bound if bound > room else plan_offsets(buffers).total)
    image, logits = math.prod(layers[0].shape), 4 * math.prod(layers[-1].shape)
    return {
        "ram": arena + image + logits + overhead.stack,
        "flash": sum(weights) + overhead.flash,
        "latency": None if isinstance(seconds, str) else seconds,
        "macs": sum(layer.macs for layer in layers),
        "parameters": sum(layer.trained for layer in layers),
    }


def _lifetimes(layers: Sequence[Layer], element: int, vectors: bool) -> list[Lifetime]:
    """Buffers of the arena: a layer without a filter that keeps the size of what it reads works in place.

    In 8 bits the normalized image is one, in float32 it never exists; and vectors may have to widen the bytes that they
    multiply, in a buffer that lives as long as the layer.
    """
    input, output = layers[0].name, layers[-1].name
    holder = {input: input}
    sizes = {input: math.prod(layers[0].shape)} if element == 1 else {}
    first, last = {input: -1}, {input: -1}
    for time, layer in enumerate(layers[1:]):
        size = element * math.prod(layer.shape)
        source = holder[layer.inputs[0]]
        in_place = not layer.operator and sizes.get(source) == size
        holder[layer.name] = source if in_place else layer.name
        if not in_place:
            sizes[layer.name], first[layer.name] = size, time
        for name in (layer.name, *layer.inputs):
            last[holder[name]] = time
    buffers = [Lifetime(size, first[name], last[name]) for name, size in sizes.items() if name != holder[output]]
    if element == 1 and vectors:
        shapes = {layer.name: layer.shape for layer in layers}
        buffers += [
            Lifetime(min(2 * math.prod(shapes[layer.inputs[0]]), WIDENED), time, time)
            for time, layer in enumerate(layers[1:])
            if layer.macs == shapes[layer.inputs[0]][0] * math.prod(layer.shape)  # 1x1, over all channels
        ]
    return buffers


def _options(here: _Candidate, there: _Candidate) -> str:
    words = [there.model] if there.model != here.model else []
    for name in ("width", "resolution", "precision"):
        value = getattr(there, name)
        if value != getattr(here, name):
            words.append(f"--{name} {value:g}" if isinstance(value, float) else f"--{name} {value}")
    return " ".join(words)


def _accuracy(here: _Candidate, there: _Candidate) -> tuple[float | None, str]:
    """Points of top-1 accuracy that a change has cost others, and whose figure that is."""
    before = published_accuracy(here.model, here.width, here.resolution)
    after = published_accuracy(there.model, there.width, there.resolution)
    quantized = published_accuracy(there.model, there.width, there.resolution, there.precision)
    if here.precision == there.precision:
        source = "published"
    elif quantized is not None:
        after, source = quantized, f"published, {there.precision}"
    elif replace(there, precision=here.precision) == here:
        return None, ""
    else:
        source = f"published in {here.precision}"
    if before is None or after is None:
        return None, ""
    return round(before - after, 1), f"{published_data(there.model)}, {source}"
