"""LiteRT with its XNNPACK delegate, on the file that `depthwise export --to litert` writes; NHWC."""

from pathlib import Path

import numpy as np

from depthwise.exporters.base import from_layout
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
    image = np.empty(source["shape"], np.float32)
    before = feed(setting, "NHWC", image)
    if before is None:
        interpreter.set_tensor(source["index"], image)
    else:
        before = chained(before, lambda: interpreter.set_tensor(source["index"], image))
    run = chained(before, interpreter.invoke)
    size = _file(setting).stat().st_size
    return Session(run, lambda: from_layout(interpreter.get_tensor(result["index"]), "NHWC"), "NHWC", size)


RUNTIMES = {"litert": Runtime("ai-edge-litert", ("ai_edge_litert",), _prepare, _load)}
