"""LiteRT with its XNNPACK delegate, on the file that `depthwise export --to litert` writes; NHWC."""

from pathlib import Path

import numpy as np

from depthwise.exporters._litert_translation import OFFSET
from depthwise.exporters.base import from_layout
from depthwise.exporters.litert import to_floats
from depthwise.profiling.runtimes.base import Runtime, Session, Setting, chained, feed


def _file(setting: Setting) -> Path:
    return setting.folder / "model.tflite"


def _prepare(setting: Setting) -> None:
    if not _file(setting).exists():
        from depthwise.exporters import export

        export(setting.network.graph, "litert", _file(setting))


def _load(setting: Setting) -> Session:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(_file(setting)), num_threads=setting.threads)
    interpreter.allocate_tensors()
    (source,), (result,) = interpreter.get_input_details(), interpreter.get_output_details()
    image = np.empty(source["shape"], setting.values.dtype)
    before = feed(setting, "NHWC", image)
    if before is None:
        ready = (image.astype(np.int16) - OFFSET).astype(np.int8) if setting.input_type == "int8" else image
        interpreter.set_tensor(source["index"], ready)
    else:
        before = chained(before, lambda: interpreter.set_tensor(source["index"], image))
    run = chained(before, interpreter.invoke)

    def output() -> np.ndarray:
        return from_layout(to_floats(result, interpreter.get_tensor(result["index"])), "NHWC")

    return Session(run, output, "NHWC", _file(setting).stat().st_size)


PRECISIONS = {"float32": ("float32", "uint8"), "int8": ("int8",)}

RUNTIMES = {"litert": Runtime("ai-edge-litert", ("ai_edge_litert",), _prepare, _load, PRECISIONS)}
