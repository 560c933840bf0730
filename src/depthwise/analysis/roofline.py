"""The roofline (Williams et al. 2009): the least time of some work on a device, by its arithmetic and by its bytes.

    seconds >= max(MACs / peak, sum of bytes / bandwidth of the level that they are found in)

Work is bound by the larger of the two. Bytes are found in the nearest level that holds all that is touched between two
uses of them: an activation lies where the layer before has left it, a weight where the whole last image has left it.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import onnx_ir as ir

from depthwise import graph, planning
from depthwise.counts import Bound, Roofline
from depthwise.design import Architecture
from depthwise.device import CACHES, Device, Precision
from depthwise.errors import UserError
from depthwise.graph import Graph
from depthwise.ops import REGISTRY
from depthwise.ops._quantized import is_integer
from depthwise.ops.base import activations_of, parameters_of, shape_of
from depthwise.planning import Call, Program, Segment

COMPUTE = "compute"
"""The bound of work whose arithmetic takes longer than its bytes; else the bound is the name of a level."""


@dataclass(frozen=True)
class Traffic:
    """Bytes that work reads or writes, and of how many bytes touched in between they are a part."""

    bytes: int
    among: int


@dataclass(frozen=True)
class Roof:
    """What a device allows at best.

    Attributes:
        seconds: the least time. bound: "compute", or the level that takes most of the time for bytes: "l2", "memory".
        macs, bytes: of the work.
    """

    seconds: float
    bound: str
    macs: int
    bytes: int

    @property
    def intensity(self) -> float:
        """MACs for each byte."""
        return self.macs / self.bytes if self.bytes else math.inf

    @property
    def attainable(self) -> float:
        """MACs a second at best."""
        return self.macs / self.seconds


def roofline_of(device: Device, precision: Precision) -> Roofline:
    """The roofline of a device.

    Raises:
        UserError: the device's peak in this precision or its bandwidth is not known.
    """
    peak = _peak(device, precision)
    if "memory" not in device.bandwidth:
        raise _no_bandwidth(device)
    levels = [name for name in (*CACHES, "memory") if name in device.bandwidth]
    bandwidth = {name: device.bandwidth[name] for name in levels}
    return Roofline(device=device.name, precision=precision, peak=peak, bandwidth=bandwidth)


def bounds_of_layers(network: Architecture | Graph, device: Device, precision: Precision | None = None) -> list[Bound]:
    """The layers of a network that multiply, in order, as the plan for a device runs them.

    Args:
        network: a Graph or an Architecture. precision: float32 or int8; None: its own.

    Raises:
        UserError: as `roof`; a network that cannot be planned, or is in 8 bits already.
    """
    found = graph.build(network.layers(), name=network.name) if isinstance(network, Architecture) else network
    program = planning.plan(graph.in_precision(found, precision), device.isa or ("c",))
    return [
        Bound(
            layer=call.name,
            operator=call.op,
            precision=precision_of(call.node),
            intensity=over.intensity,
            attainable=over.attainable,
            bound=over.bound,
        )
        for call, over in zip(program.calls(), roofs(program, device), strict=True)
        if over.macs
    ]


def roof(macs: int, traffic: Iterable[Traffic], device: Device, precision: Precision = "float32") -> Roof:
    """The roof over some work on one thread of a device.

    Raises:
        UserError: the device's peak in this precision or its bandwidth is not known.
    """
    peak = _peak(device, precision)
    if "memory" not in device.bandwidth:
        raise _no_bandwidth(device)
    levels: dict[str, float] = {}
    total = 0
    for part in traffic:
        level = level_of(part.among, device)
        levels[level] = levels.get(level, 0.0) + part.bytes / device.bandwidth[level]
        total += part.bytes
    moving, computing = sum(levels.values()), macs / peak
    bound = COMPUTE if computing >= moving else max(levels, key=lambda level: levels[level])
    return Roof(max(moving, computing), bound, macs, total)


def _no_bandwidth(device: Device) -> UserError:
    return UserError(f"{device.name} has no bandwidth: `depthwise devices measure` finds that of host")


def level_of(size: int, device: Device) -> str:
    """The nearest cache of known bandwidth that holds so many bytes, else "memory"."""
    fitting = (name for name in CACHES if size <= device.caches.get(name, 0) and name in device.bandwidth)
    return next(fitting, "memory")


def roofs(program: Program, device: Device) -> list[Roof]:
    """The roof of every call of a Program, in order.

    Raises:
        UserError: as `roof`.
    """
    everything = program.arena + sum(_weights(call.node) for call in program.calls())
    return [
        roof(_macs(call), _traffic(call, segment, everything), device, precision_of(call.node))
        for segment in program.segments
        for call in segment.calls
    ]


def floor(program: Program, device: Device) -> float:
    """Seconds of a Program's MACs at the device's peak, each call's in its precision.

    Raises:
        UserError: a peak that is not known.
    """
    return sum(_macs(call) / _peak(device, precision_of(call.node)) for call in program.calls() if _macs(call))


def precision_of(node: ir.Node) -> Precision:
    """What a node of the normal form computes in."""
    return "int8" if is_integer(node) else "float32"


def _macs(call: Call) -> int:
    return REGISTRY[call.op].macs(call.node)


def _peak(device: Device, precision: Precision) -> float:
    if precision not in device.peak_macs:
        raise UserError(
            f"{device.name} has no peak_macs of {precision}: `depthwise devices measure` finds that of host"
        )
    return device.peak_macs[precision]


def _traffic(call: Call, segment: Segment, everything: int) -> list[Traffic]:
    """What a call must move once: its activations, by what lies between their uses, and its weights."""
    places = (place for part in segment.calls for place in (*part.inputs, part.output))
    values = [*activations_of(call.node), call.node.outputs[0]]
    whole = sum(map(_size, values))
    # In a stream the windows and weights of all its calls take turns.
    windows = sum({place.offset: place.bytes for place in places if place.rows}.values())
    windows += sum(_weights(part.node) for part in segment.calls)
    found = [
        Traffic(_size(value), windows if place.rows else whole)
        for value, place in zip(values, (*call.inputs, call.output), strict=True)
    ]
    weights = _weights(call.node)
    return [*found, Traffic(weights, everything)] if weights else found


def _size(value: ir.Value) -> int:
    bytes_ = 1 if value.dtype in (ir.DataType.UINT8, ir.DataType.INT8) else 4
    return math.prod(shape_of(value)) * bytes_


def _weights(node: ir.Node) -> int:
    return sum(map(_size, parameters_of(node)))
