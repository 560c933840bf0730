"""What machine this is: in one line, for every figure that depends on it, and as the name of its own device file."""

import os
import platform
import shutil
import sys
from pathlib import Path

from depthwise.files import cache_folder, file_fingerprint, fingerprint

COMPILERS = ("gcc", "clang", "cc")
"""Names under which a C compiler is looked for, in this order."""

_IDENTITY = (
    *("vendor_id", "cpu family", "model", "model name", "stepping", "flags"),  # x86
    *("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision", "Features"),  # Arm
    *("isa", "uarch"),  # RISC-V
)
"""Lines of /proc/cpuinfo that say what a processor is, not how it is just now."""


def machine() -> str:
    """Processor, cores that this process may use, system: "AMD EPYC 7763, 2 cores, Linux x86_64"."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    name = _processor().get("model name") or platform.processor() or "unknown processor"
    return f"{name}, {cores} core{'s' if cores > 1 else ''}, {platform.system()} {platform.machine()}"


def host_file() -> Path:
    """The device file of this machine in the user's cache; it is there once the machine has been measured.

    The name covers the machine, its processor and instruction sets, the C compiler and the kernels, so that a home
    directory shared by machines never gives one the figures of another, and faster kernels are measured anew.

    Raises:
        OSError: there is no cache folder and none can be made.
    """
    system = platform.node(), platform.system(), platform.machine(), os.cpu_count()
    kernels = [file_fingerprint(path) for path in sorted((Path(__file__).parent / "kernels").glob("*.h"))]
    key = fingerprint(system, sorted(_processor().items()) or platform.processor(), _compilers(), kernels)
    return cache_folder("devices") / f"host-{key}.toml"


def _processor() -> dict[str, str]:
    """What Linux says of the first processor, the lines of `_IDENTITY`; empty elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines if name.strip() in _IDENTITY}


def _compilers() -> list[tuple[object, ...]]:
    """The C compilers that may be chosen, by path, size and date: running them to ask would take too long."""
    chosen = os.environ.get("CC", "")
    found: list[tuple[object, ...]] = [(chosen, sys.executable)]  # the interpreter knows where the ziglang package is
    for name in (*chosen.split()[:1], *COMPILERS):
        where = shutil.which(name)
        if where:
            state = Path(where).stat()
            found.append((where, state.st_size, state.st_mtime_ns))
    return found
