"""Depthwise layers that take more of the time than their multiplications say

A depthwise filter multiplies each value that it loads with k x k weights, a pointwise one with as many as it has
outputs. So MACs say little of its time: on a processor with caches it waits for memory (a 3 x 3 filter in float32 has 9
MACs for the 8 bytes that it must move at least), on a microcontroller it takes 4 to 6 times the clock cycles for a MAC,
since nothing is loaded that serves several outputs. MobileNetV3-Small has 13 % of its MACs there, and on a Cortex-M7
about half of its time.

Found: a device whose bandwidth is known (`depthwise devices measure host`): the depthwise layers for which bytes, not
arithmetic, set the least time, where they take a tenth of the network's least time or more. A device of which only
clock cycles for a MAC are known: all depthwise layers, where they take a third of the time or more and twice their
share of the MACs or more. One finding for a network.

Mended by: running the depthwise layer and its neighbours together, row by row (`compile` does where it pays), 3 x 3
filters instead of larger ones, and fewer expanded channels: a narrower expansion saves there what a narrower
projection does not.
"""

from collections.abc import Iterator

from depthwise.analysis.roofline import COMPUTE, roofs
from depthwise.device import Device, Rate
from depthwise.graph import Graph, LayerList
from depthwise.graph.separable import is_depthwise
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.bottlenecks import macs_of
from depthwise.linter.examples import bottleneck, classifier, filtered, separable, sketch
from depthwise.linter.subject import Subject
from depthwise.ops import REGISTRY

WAITING, SHARE, BESIDE_MACS = 0.1, 1 / 3, 2.0
"""Shares of the time that waiting for bytes may take, and that clock cycles may; and the latter beside that of MACs."""

FIX = "keep depthwise filters at 3x3 and the expansion low, and let `compile` run them with their neighbours row by row"


def _find(subject: Subject) -> Iterator[Found]:
    device = subject.device
    assert device is not None
    if "memory" in device.bandwidth and subject.precision in device.peak_macs:
        yield from _by_bytes(subject, device)
    else:
        yield from _by_cycles(subject, device)


def _by_bytes(subject: Subject, device: Device) -> Iterator[Found]:
    program = subject.program()
    over = list(zip((call.node for call in program.calls()), roofs(program, device), strict=True))
    bound = {str(node.name): roof for node, roof in over if is_depthwise(node) and roof.bound != COMPUTE}
    least = sum(roof.seconds for roof in bound.values()) / (sum(roof.seconds for _, roof in over) or 1)
    if least >= WAITING:
        macs, moved = sum(roof.macs for roof in bound.values()), sum(roof.bytes for roof in bound.values())
        levels = sorted({roof.bound for roof in bound.values()})
        yield Found(
            tuple(bound),
            f"{len(bound)} of {sum(is_depthwise(node) for node, _ in over)} depthwise layers wait for bytes from "
            f"{', '.join(levels)} ({macs / moved:.1f} MACs for a byte): they have {100 * macs / subject.macs:.0f} % of "
            f"the MACs and {100 * least:.0f} % of the least time on {device.name}",
            FIX,
        )


def _by_cycles(subject: Subject, device: Device) -> Iterator[Found]:
    rates = device.cycles.get(subject.precision, {})
    if not rates or any(node.op_type not in rates for node in subject.filters):
        return
    layer = device.cycles_per_layer.cycles if device.cycles_per_layer else 0.0
    cycles = {node: macs_of(node) * rates[node.op_type].cycles + layer for node in subject.filters}
    found = [node for node in subject.filters if is_depthwise(node)]
    macs = sum(map(macs_of, found)) / subject.macs
    time = sum(cycles[node] for node in found) / max(sum(cycles.values()), 1e-30)
    if found and time >= SHARE and time >= BESIDE_MACS * macs:
        rate = rates[found[0].op_type]
        yield Found(
            tuple(str(node.name) for node in found),
            f"the depthwise layers have {100 * macs:.0f} % of the MACs and about {100 * time:.0f} % of the time on "
            f"{device.name}, at {rate.cycles:g} clock cycles for a MAC",
            FIX,
        )


def _network(narrow: bool) -> Graph:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 16, 3, 2)
        for i in range(2):
            x = bottleneck(layers, f"block{i}", x, 16) if narrow else separable(layers, f"block{i}", x, 256)
        classifier(layers, x)

    return sketch(draw)


def _device() -> Device:
    """Six clock cycles for a MAC of a depthwise layer, one for any other: about those of a Cortex-M7."""
    rates = {name: Rate(6.0 if operator.channelwise else 1.0, "") for name, operator in REGISTRY.items()}
    return Device("board", "for the examples", cycles={"float32": rates})


RULES = {
    "DW009": Rule(
        "depthwise-memory-bound",
        "info",
        _find,
        bad=lambda: Example(_network(narrow=True), ("block0.depthwise", "block1.depthwise"), _device()),
        good=lambda: Example(_network(narrow=False), (), _device()),
        needs=("normal", "device"),
    )
}
