"""Latency before anything runs: MACs of each operator times the device's cycles for one, over its clock.

Work that counts no MACs (additions, pooling) has no term of its own: the rates come from whole networks on the device,
so its share is in them. On microcontrollers, which have no cache to speak of, such a sum is near the truth; for larger
processors it is a first guess.
"""

from collections.abc import Iterable

from depthwise.device import Device, Precision


def predict_latency(work: Iterable[tuple[str, int]], device: Device, precision: Precision) -> float | str:
    """Seconds for one image, or why they are unknown.

    Args:
        work: operator of the normal form and MACs, of every layer.
        device: whose clock and cycles are used.
        precision: of the network.
    """
    rates = device.cycles.get(precision, {})
    if not rates or device.clock_mhz is None:
        what = f"cycles per MAC in {precision}" if device.clock_mhz is not None else "clock and cycles per MAC"
        return f"{device.name} has no {what}: it is known when it is measured"
    cycles = 0.0
    for operator, macs in work:
        if macs and operator not in rates:
            return f"{device.name} has no cycles per MAC for {operator} in {precision}"
        cycles += macs * rates[operator].cycles if macs else 0
    return cycles / (device.clock_mhz * 1e6)
