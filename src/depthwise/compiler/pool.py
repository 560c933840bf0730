"""The one pool of threads of this process, which all engines share: the one that is emitted with a network."""

import ctypes
import os
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from threading import Lock

import numpy as np

from depthwise.compiler.emit import render
from depthwise.compiler.toolchain import build_library, find_compiler
from depthwise.errors import UserError
from depthwise.files import atomic_file, cache_folder, fingerprint

_NAME = "depthwise"
_growing = Lock()


class _Images(ctypes.Structure):
    """struct images of compiler/templates/images.c.j2."""

    _fields_ = (
        *((name, ctypes.c_void_p) for name in ("run", "weights", "inputs", "outputs", "arenas")),
        *((name, ctypes.c_size_t) for name in ("input", "output", "arena")),
        *((name, ctypes.c_int) for name in ("count", "next", "error")),
    )


class Pool:
    """A pool of threads. Get the process's one with `pool`.

    Attributes:
        parallel_for: what NAME_run_parallel takes as such; address: what it takes as `pool`.
        threads: how many there are.
    """

    def __init__(self) -> None:
        library = _library()
        self._grow = getattr(library, f"{_NAME}_threads_grow")
        self._images = getattr(library, f"{_NAME}_images")
        self._memory = ctypes.create_string_buffer(getattr(library, f"{_NAME}_threads_bytes")())
        self.address = ctypes.c_void_p(ctypes.addressof(self._memory))
        self.parallel_for = ctypes.cast(getattr(library, f"{_NAME}_threads_for"), ctypes.c_void_p)
        self.threads = int(getattr(library, f"{_NAME}_threads_start")(self.address, 1))

    def grow(self, threads: int) -> None:
        """Sees to it that there are so many threads, but no more than this process has cores."""
        wanted = min(threads, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
        if wanted > self.threads:
            self.threads = int(self._grow(self.address, wanted))

    def run_images(self, run: object, arrays: Sequence[np.ndarray], arena: int, threads: int) -> int:
        """Many images through a network, each by one thread; returns the first error code, or 0.

        Args:
            run: its entry `int (*)(weights, input, output, arena)`.
            arrays: weights; inputs and outputs, one a row; memory of `threads` arenas, each of `arena` bytes.
            arena: bytes. threads: how many images run at a time, as far as there are threads.
        """
        weights, inputs, outputs, arenas = (array.ctypes.data for array in arrays)
        entry = ctypes.cast(run, ctypes.c_void_p)  # type: ignore[arg-type]
        sizes = arrays[1].strides[0], arrays[2].strides[0], arena
        images = _Images(entry, weights, inputs, outputs, arenas, *sizes, len(arrays[1]), 0, 0)
        return int(self._images(ctypes.byref(images), threads, self.address))


def pool(threads: int) -> Pool:
    """The pool of this process, with so many threads if it has the cores.

    Raises:
        UserError: fewer than one thread, or as `build_library`.
    """
    if threads < 1:
        raise UserError(f"{threads} threads cannot run a network: ask for 1 or more")
    with _growing:
        found = _of_process(os.getpid())
        found.grow(threads)
    return found


@cache
def _of_process(_: int) -> Pool:
    """A fork has none of its parent's threads, so it gets a pool of its own."""
    return Pool()


@cache
def _library() -> ctypes.CDLL:
    """The pool's C as a shared object for this machine, from the cache if it was built before."""
    compiler = find_compiler()
    files = {f"{_NAME}_threads.h": "threads.h.j2", f"{_NAME}_threads.c": "threads.c.j2", "images.c": "images.c.j2"}
    texts = {file: render(template, _NAME) for file, template in files.items()}
    place = cache_folder("pool") / f"{fingerprint(compiler, os.uname().machine, texts)}.so"
    if not place.is_file():
        with tempfile.TemporaryDirectory() as temporary, atomic_file(place) as aside:
            folder = Path(temporary)
            for file, text in texts.items():
                (folder / file).write_text(text, encoding="utf-8")
            build_library(folder / "images.c", folder, aside, compiler, ("-pthread",), native=False)
    return ctypes.CDLL(str(place))
