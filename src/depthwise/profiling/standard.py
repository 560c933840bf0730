"""Separable layers beside the standard convolutions that they replace: 1/N + 1/(k k) of the MACs, but of the time?"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from depthwise.analysis.roofline import COMPUTE
from depthwise.device import Device
from depthwise.graph import Graph, normalize
from depthwise.graph.separable import Separable, separables
from depthwise.ops.base import shape_of
from depthwise.planning import Choice
from depthwise.profiling.layers import layer_profiles
from depthwise.profiling.records import LayerProfile, StandardProfile
from depthwise.profiling.timed import Timed, best_round, built
from depthwise.progress import Progress

NEAR = 0.15
"""Up to this, the ratio of times counts as that of the MACs."""


@dataclass(frozen=True)
class Sides:
    """What was measured of one separable layer: its two parts, and the standard convolution."""

    depthwise: LayerProfile
    pointwise: LayerProfile
    standard: LayerProfile

    @property
    def seconds(self) -> float:
        """Of the separable layer."""
        return self.depthwise.seconds + self.pointwise.seconds

    @property
    def macs(self) -> int:
        """Of the separable layer."""
        return self.depthwise.macs + self.pointwise.macs


def against_standard(
    network: Graph, choice: Choice, device: Device, seconds: float, progress: Progress
) -> list[StandardProfile]:
    """Every separable layer of a network beside its standard convolution; layers of equal shapes are measured once.

    Args:
        network: any Graph with weights. choice: how both are planned. device: this machine as measured.
        seconds: for each of the two. progress: told how it goes.

    Raises:
        UserError: as `Timed.build`.
    """
    layers: dict[tuple[object, ...], list[Separable]] = {}
    for layer in separables(normalize(network)):
        layers.setdefault(layer.key, []).append(layer)
    progress.stage("standard")
    found = []
    for number, same in enumerate(layers.values()):
        progress.step(number, len(layers), str(same[0].depthwise.name))
        graphs = same[0].alone(), same[0].standard()
        both = built([partial(Timed.build, graph, "float", choice) for graph in graphs])
        times = best_round(both, seconds)
        rows = [layer_profiles(one.program, time, device) for one, time in zip(both, times, strict=True)]
        found.append(row(same, Sides(*rows[0], *rows[1])))
    progress.step(len(layers), len(layers))
    return found


def row(layers: Sequence[Separable], sides: Sides) -> StandardProfile:
    """The figures of layers of one shape."""
    first = layers[0]
    stride = first.depthwise.attributes.get_ints("strides", (1, 1))[0]
    return StandardProfile(
        names=[str(layer.depthwise.name) for layer in layers],
        shape=list(shape_of(first.depthwise.inputs[0])[1:]),
        kernel=list(first.kernel),
        stride=stride,
        outputs=first.outputs,
        macs=sides.macs,
        standard_macs=sides.standard.macs,
        seconds=sides.seconds,
        standard_seconds=sides.standard.seconds,
        depthwise_seconds=sides.depthwise.seconds,
        mac_ratio=sides.macs / sides.standard.macs,
        time_ratio=sides.seconds / sides.standard.seconds,
        why=why(sides),
    )


def why(sides: Sides) -> str:
    """Why the ratio of times is not that of the MACs: the part that is furthest from the standard one's speed."""
    standard = sides.standard
    each = standard.seconds / standard.macs
    slower = sides.seconds / (sides.macs * each)
    if abs(slower - 1) <= NEAR:
        return "as the MACs say"
    if slower < 1:
        return f"the standard one reaches only {_rate(standard)}"
    parts = {"depthwise": sides.depthwise, "pointwise": sides.pointwise}
    name, part = max(parts.items(), key=lambda item: item[1].seconds - item[1].macs * each)
    time, macs = 100 * part.seconds / sides.seconds, 100 * part.macs / sides.macs
    beside = f"the standard one {standard.macs_per_cycle:.1f}"
    return f"{name} {time:.0f} % of the time for {macs:.0f} % of the MACs: {_rate(part)}; {beside}"


def _rate(part: LayerProfile) -> str:
    bound = "compute-bound" if part.bound == COMPUTE else f"bound by {part.bound}"
    return f"{part.macs_per_cycle:.1f} MAC/cycle ({part.intensity:.1f} MAC/byte, {bound})"
