"""The two measurements that need C: runs of an entry point without Python between them, and the machine's peak."""

import ctypes
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from threading import Barrier

import numpy as np

from depthwise import compiler

TIMING, PROBE = Path(__file__).with_name("timing.c"), Path(__file__).with_name("probe.c")

LOOPS: Mapping[str, tuple[str, str]] = {
    "float32": ("probe_macs", "probe_width"),
    "int8": ("probe_macs_i8", "probe_width_i8"),
}
"""Precision -> the loop of multiply-accumulates on registers in probe.c, and what tells how many it does a round."""

SPAN = 5e-3
"""Seconds of one timing of a loop: short enough that some are not interrupted. FEWEST: the least it goes round."""
FEWEST = 10_000


def time_calls(entry: object, pointers: Sequence[object], calls: int) -> np.ndarray:
    """Seconds of each of so many calls of a network's C entry point.

    Args:
        entry: NAME_run_with_weights or, with seven pointers, NAME_run_parallel.
        pointers: its arguments. calls: how many.

    Raises:
        RuntimeError: a call that returned an error.
    """
    seconds = np.empty(calls)
    function = ctypes.cast(entry, ctypes.c_void_p)  # type: ignore[arg-type]
    times = seconds.ctypes.data_as(ctypes.c_void_p)
    library = _library(TIMING)
    timed = library.time_calls if len(pointers) == 4 else library.time_parallel_calls
    error = timed(function, *pointers, ctypes.c_int(calls), times)
    if error:
        raise RuntimeError(f"the network returned {error}")
    return seconds


def peak(precision: str, threads: int, seconds: float) -> float:
    """Multiply-accumulates a second of so many threads together, in registers: the best span within about `seconds`.

    Args:
        precision: a key of LOOPS.
    """
    library, (macs, each) = _library(PROBE), LOOPS[precision]
    loop, width = getattr(library, macs), int(getattr(library, each)())
    together = Barrier(threads)

    def rate(count: int) -> float:
        out = np.empty(64, np.float32)
        together.wait()
        begin = time.perf_counter()
        loop(ctypes.c_void_p(out.ctypes.data), ctypes.c_long(count))  # other threads run meanwhile
        return width * count / (time.perf_counter() - begin)

    with ThreadPoolExecutor(threads) as pool:
        first = sum(pool.map(rate, [FEWEST] * threads))
        count = max(FEWEST, int(first / threads * SPAN / width))
        return max(sum(pool.map(rate, [count] * threads)) for _ in range(max(1, int(seconds / SPAN))))


@cache
def _library(source: Path) -> ctypes.CDLL:
    """A C file as a shared object for this machine."""
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "library.so"
        compiler.build_library(source, compiler.KERNELS, library, compiler.find_compiler())
        return ctypes.CDLL(str(library))
