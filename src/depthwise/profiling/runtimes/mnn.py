"""MNN: precision and memory "high". The converter is called directly: its console script would install packages."""

from pathlib import Path

import numpy as np

from depthwise.profiling.runtimes.base import Runtime, Session, Setting, chained, feed


def _file(setting: Setting) -> Path:
    return setting.folder / "model.mnn"


def _prepare(setting: Setting) -> None:
    if not _file(setting).exists():
        import _tools

        source, target = str(setting.network.path), str(_file(setting))
        _tools.mnnconvert(
            ["mnnconvert", "-f", "ONNX", "--modelFile", source, "--MNNModel", target, "--bizCode", "depthwise"]
        )


def _load(setting: Setting) -> Session:
    import MNN

    interpreter = MNN.Interpreter(str(_file(setting)))
    session = interpreter.createSession(
        {"backend": "CPU", "numThread": setting.threads, "precision": "high", "memory": "high"}
    )
    source, result = interpreter.getSessionInput(session), interpreter.getSessionOutput(session)
    image, logits = np.empty_like(setting.network.image), np.empty(setting.network.output_shape, np.float32)
    before = feed(setting, "NCHW", image)

    def hand_over() -> None:
        source.copyFrom(MNN.Tensor(image.shape, MNN.Halide_Type_Float, image, MNN.Tensor_DimensionType_Caffe))

    hand_over()
    copy = None if before is None else chained(before, hand_over)

    def output() -> np.ndarray:
        target = MNN.Tensor(logits.shape, MNN.Halide_Type_Float, logits, MNN.Tensor_DimensionType_Caffe)
        result.copyToHostTensor(target)
        return np.array(target.getData(), np.float32).reshape(logits.shape)

    run = chained(copy, lambda: interpreter.runSession(session))
    return Session(run, output, "NCHW", _file(setting).stat().st_size)


RUNTIMES = {"mnn": Runtime("MNN", ("MNN", "_tools"), _prepare, _load)}
