"""What machine this is, in one line, for every figure that depends on it."""

import os
import platform
from pathlib import Path


def machine() -> str:
    """Processor, cores that this process may use, system: "AMD EPYC 7763, 2 cores, Linux x86_64"."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    name = _processor() or platform.processor() or "unknown processor"
    return f"{name}, {cores} core{'s' if cores > 1 else ''}, {platform.system()} {platform.machine()}"


def _processor() -> str:
    """The processor's name as Linux knows it; empty elsewhere."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    names = (line.partition(":")[2].strip() for line in text.splitlines() if line.lower().startswith("model name"))
    return next(names, "")
