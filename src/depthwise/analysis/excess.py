"""What a compiled network takes beyond what its device has: for the end of `depthwise compile`."""

from depthwise.device import Budget, Device, limits_of
from depthwise.results import Memory
from depthwise.units import format_bytes


def excess_lines(memory: Memory, device: Device) -> list[str]:
    """One line each for RAM and flash that are over the device's, with both sums and by how much; mostly none.

    Stack and code that were not measured, since the network was not built, count as what the device file allows for.

    Args:
        memory: of the compiled network. device: its target.
    """
    limits = limits_of(device, Budget())
    taken = {
        "ram": ("RAM", memory.ram + (0 if memory.stack else device.stack)),
        "flash": ("flash", memory.flash + device.flash_reserve + (0 if memory.code else device.code.base)),
    }
    lines = []
    for name, (label, size) in taken.items():
        limit = int(limits[name][0]) if name in limits else size
        if size > limit:
            over = f"{label} {format_bytes(size)} is {format_bytes(size - limit)} over the {format_bytes(limit)}"
            lines.append(f"{over} that {device.name} has for it: `depthwise check` says what would fit")
    return lines
