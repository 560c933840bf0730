"""What one thread of this machine can do at best: clock, multiply-accumulates, reading from each cache and the memory.

The loops are C (probe.c), built with the compiler and the flags of the emitted programs; a figure is the best of
several rounds, as everything that disturbs a round only makes it slower.
"""

import ctypes
import math
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from depthwise import compiler
from depthwise.device import CACHES, Precision
from depthwise.profiling.native import LOOPS

ROUNDS = 50
"""How often each loop is timed."""

_SECONDS = 5e-4
"""About how long a loop runs in a round."""

_ALIGNMENT = 64
"""Bytes of a cache line."""

SLOWER = 0.6
"""Reading at less than this share of a cache's bandwidth is no longer from that cache."""

_MEMORY = 32 * 1024**2, 256 * 1024**2
"""Bytes that are read to see the memory: at least, at most."""


@dataclass(frozen=True)
class _Loop:
    """A call that does `units` of something so many times as it is told."""

    units: int
    call: Callable[[int], object]


@dataclass(frozen=True)
class Probed:
    """What was found.

    Attributes:
        clock: cycles a second, counted by additions that wait for each other.
        peak: precision -> MACs a second.
        caches, bandwidth: bytes, and bytes a second, as in `Device`; of a cache what this thread has of it, which
            may be far from all where a machine is shared.
    """

    clock: float
    peak: dict[Precision, float]
    caches: dict[str, int]
    bandwidth: dict[str, float]


def probe() -> Probed:
    """Measures this machine, one thread, in a second or two.

    Raises:
        UserError: there is no C compiler, or it fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "probe.so"
        compiler.build_library(Path(__file__).with_name("probe.c"), compiler.KERNELS, library, compiler.find_compiler())
        c = ctypes.CDLL(str(library))
        pointer, long = ctypes.c_void_p, ctypes.c_long
        c.probe_clock.argtypes, c.probe_clock.restype = [long], long
        for macs, _ in LOOPS.values():
            getattr(c, macs).argtypes, getattr(c, macs).restype = [pointer, long], None
        c.probe_read.argtypes, c.probe_read.restype = [pointer, pointer, long, long], None
        out = np.empty(64, np.float32)
        sizes = caches()
        loops = {
            "clock": _Loop(16, c.probe_clock),
        }
        for precision, (macs, width) in LOOPS.items():
            loops[precision] = _Loop(getattr(c, width)(), partial(getattr(c, macs), out.ctypes.data))
        buffers = _buffers(sizes)
        loops |= {f"{name} {size}": _reading(c, out, size) for name, tried in buffers.items() for size in tried}
        found = _best_rates(loops)
    rates = {name: {size: found[f"{name} {size}"] for size in tried} for name, tried in buffers.items()}
    usable = {name: _usable(rates[name], size) for name, size in sizes.items()}
    bandwidth = {name: next(iter(tried.values())) for name, tried in rates.items()}
    peak: dict[Precision, float] = {"float32": found["float32"], "int8": found["int8"]}
    return Probed(clock=found["clock"], peak=peak, caches=usable, bandwidth=bandwidth)


def caches() -> dict[str, int]:
    """Bytes of the data caches of the first core, as Linux knows them; those that it does not know are absent."""
    found: dict[str, int] = {}
    for folder in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        if kind != "Instruction" and f"l{level}" in CACHES and size.removesuffix("K").isdigit():
            found[f"l{level}"] = 1024 * int(size.removesuffix("K"))
    settings = ("SC_LEVEL1_DCACHE_SIZE", "SC_LEVEL2_CACHE_SIZE", "SC_LEVEL3_CACHE_SIZE")
    for cache, setting in zip(CACHES, settings, strict=True):
        if cache not in found and setting in os.sysconf_names and (bytes_ := os.sysconf(setting)) > 0:
            found[cache] = bytes_
    return {name: found[name] for name in CACHES if name in found}


def _buffers(sizes: dict[str, int]) -> dict[str, list[int]]:
    """Bytes to read for each bandwidth: twice the cache before to half of this one; for memory twice the largest."""
    least, most = _MEMORY
    memory = min(most, max(least, 2 * max(sizes.values(), default=0)))
    found, before = {}, 0
    for name, size in sizes.items():
        first = 2 * before if 0 < 2 * before < size // 2 else size // 2
        steps = int(4 * math.log2(size // 2 / first)) if first < size // 2 else 0
        found[name] = [int(first * 2 ** (step / 4)) for step in range(steps + 1)]
        before = size
    return found | {"memory": [memory]}


def _usable(rates: Mapping[int, float], size: int) -> int:
    """Bytes of a cache of `size` that this thread has: the most that are read at its speed, or all of them.

    Args:
        rates: bytes a second by bytes that are read over and over, in order; the last are half of the cache.
    """
    first, *_ = rates.values()
    most = max(read for read, rate in rates.items() if rate >= SLOWER * first)
    return size if most == max(rates) else most


def _reading(c: ctypes.CDLL, out: np.ndarray, size: int) -> _Loop:
    """Reads a buffer of about `size` bytes over and over."""
    count = max(1, size // 512) * 128  # a multiple of 8 vectors of any set
    memory = np.ones(count + _ALIGNMENT // 4, np.float32)
    begin = -memory.ctypes.data % _ALIGNMENT
    return _Loop(4 * count, lambda rounds: c.probe_read(out.ctypes.data, memory.ctypes.data + begin, count, rounds))


def _best_rates(loops: Mapping[str, _Loop]) -> dict[str, float]:
    """Units a second of each loop: the best of interleaved rounds, so that all see the clock at its highest."""
    counts = dict.fromkeys(loops, 1)
    best = dict.fromkeys(loops, 0.0)
    for _ in range(ROUNDS):
        for name, loop in loops.items():
            # In every round: where something else ran meanwhile, a loop seems long enough that is not.
            while (seconds := _seconds(loop, counts[name])) < _SECONDS / 2:
                counts[name] *= 2
            best[name] = max(best[name], loop.units * counts[name] / seconds)
    return best


def _seconds(loop: _Loop, count: int) -> float:
    begin = time.perf_counter()
    loop.call(count)
    return time.perf_counter() - begin
