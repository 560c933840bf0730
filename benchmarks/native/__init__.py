"""The two measurements that need C: runs of an entry point without Python between them, and the machine's peak."""

import ctypes
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np

from depthwise.compiler import find_compiler, native_isa
from depthwise.compiler.isa import flags_for
from depthwise.errors import UserError
from depthwise.files import atomic_file, cache_folder, file_fingerprint, fingerprint

FOLDER = Path(__file__).parent


def time_calls(entry: object, pointers: Sequence[object], calls: int) -> np.ndarray:
    """Seconds of each of so many calls of a network's C entry point `int (*)(weights, input, output, arena)`.

    Raises:
        RuntimeError: a call that returned an error.
    """
    seconds = np.empty(calls)
    function = ctypes.cast(entry, ctypes.c_void_p)  # type: ignore[arg-type]
    times = seconds.ctypes.data_as(ctypes.c_void_p)
    error = _library("timing").time_calls(function, *pointers, ctypes.c_int(calls), times)
    if error:
        raise RuntimeError(f"the network returned {error}")
    return seconds


def peak(precision: str, threads: int, seconds: float) -> float:
    """Multiply-accumulates a second of all threads together, in registers, over so many seconds.

    Raises:
        UserError: no peak is known for the precision.
    """
    try:
        function = getattr(_library("peak"), f"peak_{precision}")
    except AttributeError:
        raise UserError(f"no peak is measured in {precision} yet: leave it out of --precision") from None
    function.restype = ctypes.c_double
    return float(function(ctypes.c_int(threads), ctypes.c_double(seconds)))


def aligned(size: int, alignment: int) -> np.ndarray:
    """So many bytes at an aligned address."""
    memory = np.empty(size + alignment, np.uint8)
    begin = -memory.ctypes.data % alignment
    return memory[begin : begin + size]


@cache
def _library(name: str) -> ctypes.CDLL:
    """NAME.c as a shared object for this machine, from the cache if it is there."""
    source, compiler = FOLDER / f"{name}.c", find_compiler()
    # Contraction is what turns a * b + c into one instruction, which is the point here.
    flags = (*flags_for(native_isa(compiler)), *compiler.flags, "-ffp-contract=fast", "-fPIC", "-shared", "-pthread")
    key = fingerprint(compiler, flags, file_fingerprint(source))
    library = cache_folder("benchmarks") / f"{name}-{key}.so"
    if not library.exists():
        with atomic_file(library) as aside:
            command = [*compiler.command, *flags, str(source), "-o", str(aside)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise UserError(f"{compiler.version} could not build {source}: {done.stderr.strip()}")
    return ctypes.CDLL(str(library))
