"""Latency before anything runs: MACs of each operator times the device's cycles for one, and a share for each layer.

Work that counts no MACs (additions, pooling) has no term of its own: the rates come from whole networks on the device,
so its share is in them. On microcontrollers, which have no cache to speak of, such a sum is near the truth; for larger
processors it is a first guess, but for the host, whose rates are measured with these kernels (`profiling.host`).
"""

from collections.abc import Iterable

from depthwise.device import HOST, Device, Precision


def predict_latency(work: Iterable[tuple[str, int]], device: Device, precision: Precision) -> float | str:
    """Seconds for one image, or why they are unknown.

    Args:
        work: operator of the normal form and MACs, of every layer.
        device: whose clock and cycles are used.
        precision: of the network.
    """
    rates = device.cycles.get(precision, {})
    if device.name == HOST and not device.cycles:
        return "this machine has not been measured: `depthwise devices measure host` does it, or a --latency limit"
    if not rates or device.clock_mhz is None:
        what = f"cycles per MAC in {precision}" if device.clock_mhz is not None else "clock and cycles per MAC"
        return f"{device.name} has no {what}: it is known when it is measured"
    cycles, each = 0.0, device.cycles_per_layer.cycles if device.cycles_per_layer else 0.0
    for operator, macs in work:
        if macs and operator not in rates:
            return f"{device.name} has no cycles per MAC for {operator} in {precision}"
        cycles += macs * rates[operator].cycles + each if macs else 0
    return cycles / (device.clock_mhz * 1e6)
