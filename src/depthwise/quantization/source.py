"""Which images a network is calibrated and measured on: prepared as its metadata says."""

from pathlib import Path
from typing import Any

import onnx_ir as ir

from depthwise import data
from depthwise.data import ImageData
from depthwise.errors import UserError
from depthwise.graph.metadata import preprocessing_of
from depthwise.progress import Progress, Silent
from depthwise.runs import Run


def images_for(model: ir.Model, source: Any, given: str | Path | None, progress: Progress | None = None) -> ImageData:
    """The data set `given`, in the size and colours of the network.

    Args:
        model: a Graph that says how its images are prepared.
        source: what the model came from; a run folder's own data is split as it was for training.
        given: as for `data.load`; None: the run folder's.
        progress: told how it goes.

    Raises:
        UserError: as `data.load`; nothing given, and no run folder; a model that does not say it.
    """
    progress, form = progress or Silent(), preprocessing_of(model)
    if form is None:
        raise UserError("the model does not say how its images are prepared: give --mean and --std")
    folder = Path(source) if isinstance(source, str | Path) else None
    config = Run.open(folder).config if folder and (folder / "config.json").is_file() else None
    if given is None and config is None:
        raise UserError("which images? give --data: the data that the network was trained on")
    more: dict[str, Any] = {}
    if config is not None and (given is None or str(given) == config.data):
        given, more = config.data, {"data_dir": config.data_dir, "split": config.split, "seed": config.seed}
    assert given is not None
    progress.stage("data")
    more |= {"size": (form.size, form.width), "channels": form.channels, "resize": form.resize}
    return data.load(given, progress=progress.step, **more)


def file_beside(model: Path) -> Path:
    """Where the network in 8 bits goes by default: model.int8.onnx beside, or in the run folder."""
    return model / "model.int8.onnx" if model.is_dir() else model.with_suffix(".int8.onnx")
