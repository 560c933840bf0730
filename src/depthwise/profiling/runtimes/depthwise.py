"""This project, through the C entry point of the emitted folder; and, apart, what a call from Python costs."""

import ctypes
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from depthwise import compiler
from depthwise.device import HOST, load_device
from depthwise.engine import Engine, aligned
from depthwise.exporters.base import from_layout, to_layout
from depthwise.profiling import native
from depthwise.profiling.runtimes.base import Runtime, Session, Setting
from depthwise.target import NATIVE, target_names


def _folder(target: str, setting: Setting) -> Path:
    return setting.folder / f"c-{target}-{setting.input_type}"


def _prepare(target: str, setting: Setting) -> None:
    device = load_device(HOST, measured=False).for_target(target)
    for kind in setting.network.input_types:
        folder = _folder(target, replace(setting, input_type=kind))
        if not folder.exists():
            input = "float" if kind == "float32" else kind
            compiler.compile_folder(setting.network.graph, folder, input=input, device=device)


def _image(setting: Setting) -> np.ndarray:
    """The input as the C takes it: [1, H, W, C] or [1, C], contiguous."""
    return setting.network.pixels if setting.input_type == "uint8" else to_layout(setting.values, "NHWC")


def _load(target: str, setting: Setting) -> Session:
    folder = _folder(target, setting)
    manifest, built = compiler.read_manifest(folder), compiler.build(folder)
    several = setting.threads > 1 and manifest.thread is not None
    entry = "run_parallel" if several else "run_with_weights"
    run = getattr(ctypes.CDLL(str(built.library)), f"{manifest.name}_{entry}")
    weights = aligned(manifest.weights, manifest.alignment)
    weights[:] = np.fromfile(folder / f"{manifest.name}_weights.bin", np.uint8)
    more = (setting.threads - 1) * (manifest.thread or 0)
    arena = aligned(manifest.arena + more, manifest.alignment)
    image, output = _image(setting), np.empty((1, *manifest.output.shape), np.float32)
    # These pointers keep their arrays alive.
    pointers: list[object] = [array.ctypes.data_as(ctypes.c_void_p) for array in (weights, image, output, arena)]
    if several:
        pool = compiler.pool(setting.threads)
        pointers += [ctypes.c_int(setting.threads), pool.parallel_for, pool.address]

    def timed(calls: int) -> np.ndarray:
        return native.time_calls(run, pointers, calls)

    size = manifest.weights + built.code
    return Session(lambda: run(*pointers), lambda: from_layout(output, "NHWC"), "NHWC", size, timed)


def _load_engine(target: str, setting: Setting) -> Session:
    engine, image = Engine.load(_folder(target, setting)), _image(setting)
    size = engine.memory.weights + engine.memory.code
    threads = setting.threads
    return Session(lambda: engine(image, threads), lambda: from_layout(engine(image, threads), "NHWC"), "NHWC", size)


def _runtime(load: Callable[[str, Setting], Session], target: str = NATIVE, *, only_named: bool = False) -> Runtime:
    prepare, ready = partial(_prepare, target), partial(load, target)
    precisions = {"float32": ("float32", "uint8"), "int8": ("float32", "uint8", "int8")}
    return Runtime("", (), prepare, ready, precisions, only_named=only_named)


RUNTIMES = {
    "depthwise": _runtime(_load),
    "depthwise-python": _runtime(_load_engine),
    **{f"depthwise-{name}": _runtime(_load, name, only_named=True) for name in target_names() if name != NATIVE},
}
"""What ships; the same through the engine; and, where it is named, the program for another target of this machine."""
