"""This project, through the C entry point of the emitted folder; and, apart, what a call from Python costs."""

import ctypes
from collections.abc import Callable
from pathlib import Path

import numpy as np

from depthwise import compiler
from depthwise.engine import Engine
from depthwise.exporters.base import from_layout, to_layout
from depthwise.profiling import native
from depthwise.profiling.runtimes.base import Runtime, Session, Setting


def _folder(setting: Setting) -> Path:
    return setting.folder / f"c-{setting.input_type}"


def _prepare(setting: Setting) -> None:
    for kind in setting.network.input_types:
        folder = setting.folder / f"c-{kind}"
        if not folder.exists():
            compiler.compile_folder(setting.network.graph, folder, input="uint8" if kind == "uint8" else "float")


def _image(setting: Setting) -> np.ndarray:
    """The input as the C takes it: [1, H, W, C] or [1, C], contiguous."""
    return setting.network.pixels if setting.input_type == "uint8" else to_layout(setting.network.image, "NHWC")


def _load(setting: Setting) -> Session:
    folder = _folder(setting)
    manifest, built = compiler.read_manifest(folder), compiler.build(folder)
    run = getattr(ctypes.CDLL(str(built.library)), f"{manifest.name}_run_with_weights")
    weights = native.aligned(manifest.weights, manifest.alignment)
    weights[:] = np.fromfile(folder / f"{manifest.name}_weights.bin", np.uint8)
    arena = native.aligned(manifest.arena, manifest.alignment)
    image, output = _image(setting), np.empty((1, *manifest.output.shape), np.float32)
    # These pointers keep their arrays alive.
    pointers = [array.ctypes.data_as(ctypes.c_void_p) for array in (weights, image, output, arena)]

    def timed(calls: int) -> np.ndarray:
        return native.time_calls(run, pointers, calls)

    size = manifest.weights + built.code
    return Session(lambda: run(*pointers), lambda: from_layout(output, "NHWC"), "NHWC", size, timed)


def _load_engine(setting: Setting) -> Session:
    engine, image = Engine.load(_folder(setting)), _image(setting)
    size = engine.memory.weights + engine.memory.code
    return Session(lambda: engine(image), lambda: from_layout(engine(image), "NHWC"), "NHWC", size)


def _runtime(load: Callable[[Setting], Session]) -> Runtime:
    return Runtime("", (), _prepare, load, most_threads=1)


RUNTIMES = {"depthwise": _runtime(_load), "depthwise-python": _runtime(_load_engine)}
