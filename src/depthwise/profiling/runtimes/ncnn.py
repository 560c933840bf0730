"""ncnn: float32 held, everything else at its defaults; the model comes from pnnx. Camera bytes by its own functions."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from depthwise.profiling.runtimes.base import Runtime, Session, Setting


def _file(setting: Setting, suffix: str) -> Path:
    return setting.folder / "ncnn" / f"model.ncnn.{suffix}"


def _prepare(setting: Setting) -> None:
    folder = setting.folder / "ncnn"
    if folder.exists():
        return
    import pnnx

    folder.mkdir()
    (folder / "model.onnx").symlink_to(setting.network.path)
    subprocess.run([pnnx.EXEC_PATH, "model.onnx", "fp16=0"], cwd=folder, check=True)


def _camera(setting: Setting) -> Callable[[], Any]:
    """From camera bytes to the network's input, by ncnn."""
    import ncnn

    form, pixels = setting.network.preprocessing, setting.network.pixels[0]
    assert form is not None
    kind = ncnn.Mat.PixelType.PIXEL_RGB if form.channels == 3 else ncnn.Mat.PixelType.PIXEL_GRAY
    mean, scale = [255 * value for value in form.mean], [1 / (255 * value) for value in form.std]

    def normalized() -> Any:
        image = ncnn.Mat.from_pixels(pixels, kind, form.width, form.size)
        image.substract_mean_normalize(mean, scale)
        return image

    return normalized


def _load(setting: Setting) -> Session:
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = setting.threads
    for option in ("fp16_packed", "fp16_storage", "fp16_arithmetic", "bf16_storage"):
        setattr(net.opt, f"use_{option}", False)
    net.load_param(str(_file(setting, "param")))
    net.load_model(str(_file(setting, "bin")))
    (source,), (result,) = net.input_names(), net.output_names()
    image = ncnn.Mat(setting.network.image[0])
    prepared = _camera(setting) if setting.input_type == "uint8" else lambda: image
    found = [image]

    def run() -> None:
        extractor = net.create_extractor()
        extractor.input(source, prepared())
        _, found[0] = extractor.extract(result)

    layout = "NHWC" if setting.input_type == "uint8" else "NCHW"
    size = sum(_file(setting, suffix).stat().st_size for suffix in ("param", "bin"))
    return Session(run, lambda: np.array(found[0]), layout, size)


RUNTIMES = {"ncnn": Runtime("ncnn", ("ncnn", "pnnx"), _prepare, _load)}
