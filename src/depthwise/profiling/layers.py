"""Where the time of a network goes: its layers and operators beside the roofline of the machine. Pure functions."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from depthwise.analysis.roofline import Roof, roofs
from depthwise.device import Device
from depthwise.planning import Program
from depthwise.profiling.records import LayerProfile, OperatorProfile
from depthwise.results import CallTime


def layer_profiles(program: Program, times: Sequence[CallTime], device: Device) -> list[LayerProfile]:
    """A row for each call.

    Args:
        program: the network as planned. times: of its calls, in order. device: with clock, peak and bandwidth.
    """
    return [
        LayerProfile(
            name=time.name,
            op=time.op,
            kernel=time.kernel,
            shape=list(call.output.shape[1:]),
            bound=roof.bound,
            steps=time.steps,
            **share(time.seconds, roof, device),
        )
        for call, time, roof in zip(program.calls(), times, roofs(program, device), strict=True)
    ]


def operator_profiles(layers: Sequence[LayerProfile], device: Device) -> list[OperatorProfile]:
    """A row for each operator, that which takes most of the time first."""
    found = []
    for op in dict.fromkeys(layer.op for layer in layers):
        own = [layer for layer in layers if layer.op == op]
        together = Roof(
            seconds=sum(layer.roof_seconds for layer in own),
            bound="",
            macs=sum(layer.macs for layer in own),
            bytes=sum(layer.bytes for layer in own),
        )
        seconds = sum(layer.seconds for layer in own)
        bounds = dict(Counter(layer.bound for layer in own))
        found.append(OperatorProfile(op=op, layers=len(own), bounds=bounds, **share(seconds, together, device)))
    return sorted(found, key=lambda row: -row.seconds)


def share(seconds: float, roof: Roof, device: Device) -> dict[str, Any]:
    """The fields of a `Share`; times below the clock's resolution count as one of its ticks."""
    seconds = max(seconds, 1e-9)
    return {
        "seconds": seconds,
        "macs": roof.macs,
        "bytes": roof.bytes,
        "macs_per_cycle": roof.macs / (seconds * clock(device)),
        "intensity": roof.intensity,
        "roof_seconds": roof.seconds,
        "reached": roof.seconds / seconds,
    }


def clock(device: Device) -> float:
    """Cycles a second."""
    return 1e6 * (device.clock_mhz or float("nan"))
