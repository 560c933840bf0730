"""Squeeze-excite, hard-swish and SiLU where 8 bits or the processor suffer

These parts buy accuracy in floats and cost it in 8 bits: SiLU and hard-swish are not bounded above and dip below zero,
so a few large values take the range from the many small ones (EfficientNet-Lite0 with SiLU fell from 75 to 46 % in 8
bits; it became Lite by ReLU6, and lost 0.7 points then). Published points lost in 8 bits: MobileNetV3-Large 1.3, Small
2.6; Large without these parts (and without 5 x 5 filters) 1.0, but it starts 2.9 points lower.

SiLU takes an exponential for each value where it cannot be looked up, and a gate of squeeze-excite waits for all of a
map before it may scale its first row, so rows are kept or computed twice.

Found: in 8 bits, SiLU (a warning), hard-swish, and gates; in floats on a device without vector instructions, SiLU and
gates (all for your information). On other processors in floats they earn what they cost.

Mended by: the deployable variant of a family (`--deployable`), whose figures the finding has: no squeeze-excite, ReLU6
for hard-swish and SiLU, stem and head of one size. It has to be trained. Or 8 bits after all, with the loss measured:
`quantize` does.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import onnx_ir as ir

from depthwise.analysis import weigh
from depthwise.design import MODELS, Architecture, architecture
from depthwise.design.scaling import make_deployable
from depthwise.device import Device
from depthwise.findings import Severity
from depthwise.graph import Graph, LayerList
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.bottlenecks import pixels_of
from depthwise.linter.examples import classifier, filtered, sketch
from depthwise.linter.subject import Subject
from depthwise.ops._activation import activation_of
from depthwise.ops.base import activations_of, shape_of
from depthwise.units import format_bytes, format_count, format_time

Figures = Mapping[str, int | float | None]
"""What a network takes, by name as in `_FIGURES`."""


def _find(subject: Subject) -> Iterator[Found]:
    assert subject.normal is not None
    device = subject.device
    integer, plain = subject.precision == "int8", device is not None and set(device.isa) == {"c"}
    if not integer and not plain:
        return
    nodes, instead = list(subject.normal.graph), _instead(subject)
    silu = [node for node in nodes if activation_of(node) == "silu"]
    hard = [node for node in nodes if activation_of(node) == "hard_swish"] if integer else []
    gates = [node for node in nodes if _is_gate(node)]
    values = format_count(sum(math.prod(shape_of(node.outputs[0])) for node in silu))
    if silu and integer:
        reason = (
            f"SiLU behind {len(silu)} layers: it is not bounded, and a few large values take the 256 steps of 8 bits"
        )
        yield _found(silu, reason, instead, "warning")
    elif silu:
        yield _found(silu, f"SiLU behind {len(silu)} layers: {values} exponentials an image, one by one", instead)
    if hard:
        reason = (
            f"hard-swish behind {len(hard)} layers: it is not bounded, and large values coarsen the 256 steps of 8 bits"
        )
        yield _found(hard, reason, instead)
    if gates:
        largest = max(math.prod(shape_of(node.outputs[0])) for node in gates)
        reason = (
            f"squeeze-excite in {len(gates)} places: each waits for all of a map (up to {format_count(largest)} values)"
        )
        yield _found(gates, f"{reason} before its first row is scaled", instead)


def _found(nodes: list[ir.Node], reason: str, fix: str, severity: Severity = "info") -> Found:
    return Found(tuple(str(node.name) for node in nodes), reason, fix, severity)


def _is_gate(node: ir.Node) -> bool:
    """Whether a node scales every channel of a map by a factor that was computed."""
    read = [pixels_of(value) for value in activations_of(node) if len(shape_of(value)) == 4]
    return len(read) == 2 and min(read) == 1 < max(read)


def _instead(subject: Subject) -> str:
    """What to do, with what it takes."""
    network = subject.architecture
    if network is None:
        return "ReLU6 in place of SiLU and hard-swish, no squeeze-excite, and training again"
    if network.name in MODELS:
        size = (network.width, network.resolution, network.classes, network.channels, network.depth)
        variant = architecture(network.name, *size, deployable=True)
    else:
        variant = make_deployable(network)
    before, after = _weighed(network, subject), _weighed(variant, subject)
    figures = _beside(before, after, subject)
    if (after["parameters"] or 0) > (before["parameters"] or 0):
        return (
            "take a family without these parts: `--deployable` keeps stem and head unscaled, so at width "
            f"{network.width:g} it would take more, {figures}"
        )
    return f"train it `--deployable` (ReLU6, no squeeze-excite): {figures}"


def _weighed(network: Architecture, subject: Subject) -> Figures:
    return weigh(network, subject.device or Device("", ""), subject.precision)


def _beside(before: Figures, after: Figures, subject: Subject) -> str:
    """What changes: counts, and with a device what they take of it."""
    pairs: list[tuple[str, str, str]] = []
    for name, write, label in _FIGURES[: None if subject.device else COUNTS]:
        old, new = before[name], after[name]
        if old is not None and new is not None:
            pairs.append((write(old), write(new), label))
    return ", ".join(f"{old} > {new} {label}" for old, new, label in pairs if old != new)


_FIGURES: tuple[tuple[str, Callable[[Any], str], str], ...] = (
    ("parameters", format_count, "parameters"),
    ("macs", format_count, "MACs"),
    ("ram", format_bytes, "of RAM"),
    ("flash", format_bytes, "of flash"),
    ("latency", format_time, "an image"),
)
"""Figures that are told, how they are written, and of what; the first COUNTS of them without a device."""

COUNTS = 2


def _network(activation: str) -> Graph:
    def draw(layers: LayerList) -> None:
        classifier(layers, filtered(layers, "stem", "input", 16, 3, 2, activation))

    return sketch(draw)


RULES = {
    "DW010": Rule(
        "costly-functions",
        "info",
        _find,
        bad=lambda: Example(_network("silu"), ("stem",), precision="int8"),
        good=lambda: Example(_network("relu6"), precision="int8"),
    )
}
