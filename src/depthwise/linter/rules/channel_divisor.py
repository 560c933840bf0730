"""Channel counts that leave lanes of the device's vectors idle

Kernels take channels by vectors, so many at a time. A count that is no multiple fills its last vector in part, and the
lanes without a channel cost what the others cost: 65 channels in vectors of 8 take the work of 72. Pruned networks have
such counts (one ran in 98 ms where the unpruned one had taken 92), and widths of one's own rounding.

Measured with our kernels (AVX-512, one core of an AMD EPYC, gcc 12.2, `python -m benchmarks.channels`, four separable
blocks at 28 x 28 px): in 8 bits 65 channels take 124 us and 72 take 125, 62 take 97 us where 64 take 85; in float32 62
channels take 268 us and 64 take 267, 65 take 326 us and 72 take 340.

Found: layers with maps of more than one pixel whose output channels are no multiple of the device's `channel_divisor`,
where the idle lanes cost a twentieth of the network's multiplications or more. The last layer has as many outputs as
there are classes, and the image as many channels as it has: neither is counted.

Mended by: the next multiple, up (more accurate, at no cost in time) or down (at most a tenth of the channels, or
accuracy suffers), and training again. Families since MobileNetV2 round to multiples of 8 by themselves.
"""

from collections.abc import Iterator

import onnx_ir as ir

from depthwise.device import Device
from depthwise.graph import Graph, LayerList
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.bottlenecks import channels_of, macs_of, pixels_of
from depthwise.linter.examples import classifier, filtered, separable, sketch
from depthwise.linter.subject import Subject

SHARE = 0.05
"""Of the network's multiplications that idle lanes must add: less is hard to see in a time."""


def _find(subject: Subject) -> Iterator[Found]:
    assert subject.device is not None
    divisor = subject.device.channel_divisor
    missing = {node: idle for node in subject.filters if (idle := _idle(node, divisor))}
    idle = sum(missing.values()) / subject.macs
    if idle < SHARE:
        return
    counts = sorted({channels_of(node.outputs[0]) for node in missing})
    yield Found(
        tuple(str(node.name) for node in missing),
        f"{_words(counts)} channels are no multiples of {subject.device.name}'s {divisor}: "
        f"idle lanes add {100 * idle:.1f} % to the network's multiplications",
        f"take multiples of {divisor}, e.g. {_words(sorted({-(-count // divisor) * divisor for count in counts}))}",
    )


def _idle(node: ir.Node, divisor: int) -> float:
    """Multiplications of a layer on lanes without a channel."""
    channels = channels_of(node.outputs[0])
    return 0.0 if pixels_of(node.outputs[0]) == 1 else macs_of(node) * (-channels % divisor) / channels


def _words(counts: list[int]) -> str:
    """The first few numbers."""
    return ", ".join(map(str, counts[:MOST])) + (", ..." if len(counts) > MOST else "")


MOST = 5
"""So many counts are named."""


def _network(channels: int) -> Graph:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 16, 3, 2)
        classifier(layers, separable(layers, "block", x, channels))

    return sketch(draw)


def _example(channels: int, *found: str) -> Example:
    return Example(_network(channels), found, Device("board", "for the examples", channel_divisor=8))


RULES = {
    "DW003": Rule(
        "channel-divisor",
        "warning",
        _find,
        bad=lambda: _example(65, "block.pointwise"),
        good=lambda: _example(72),
        needs=("normal", "device"),
    )
}
