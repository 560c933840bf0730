"""Where a training begins, if not with random weights: somebody's weights, kept under our names in the run folder."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import safetensors.numpy

from depthwise.data.images import ImageData
from depthwise.design import checkpoints
from depthwise.design.architecture import Architecture
from depthwise.files import atomic_file
from depthwise.progress import Progress
from depthwise.runs import START, Run
from depthwise.start import Start

_RECORD = "start"
"""Key of the file's metadata that holds the record."""


def begin(
    run: Run, architecture: Architecture, images: ImageData, progress: Progress
) -> tuple[Architecture, ImageData]:
    """Architecture and images as the weights that `config.weights` names want them; as they are without such.

    The weights are taken over once: what the run folder holds stays its start, whatever becomes of their source.

    Raises:
        UserError: as `checkpoints.load`.
    """
    path = run.path / START
    if run.config.weights is None:
        return architecture, images

    def take_over() -> None:
        assert run.config.weights is not None
        loaded = checkpoints.load(run.config.weights, architecture, progress)
        _save(path, loaded.weights, loaded.start)

    run.stage("start", {"weights": run.config.weights, "network": _key(architecture)}, [START], take_over)
    start = start_of(run)
    assert start is not None
    form = replace(images.preprocessing, mean=start.mean, std=start.std)
    return replace(architecture, padding=start.padding, epsilon=start.epsilon), replace(images, preprocessing=form)


def start_of(run: Run) -> Start | None:
    """Where the weights of a run came from; None if they were random."""
    path = run.path / START
    if run.config.weights is None or not path.is_file():
        return None
    with safetensors.safe_open(path, "numpy") as file:
        return Start.model_validate_json(file.metadata()[_RECORD])


def start_weights(run: Run) -> Mapping[str, np.ndarray]:
    """The weights that a run begins with, by our state_dict keys; empty if all are random."""
    return {} if run.config.weights is None else safetensors.numpy.load_file(run.path / START)


def _save(path: Path, weights: Mapping[str, np.ndarray], start: Start) -> None:
    with atomic_file(path) as aside:
        aside.write_bytes(safetensors.numpy.save(dict(weights), {_RECORD: start.model_dump_json()}))


def _key(architecture: Architecture) -> list[object]:
    return [architecture.name, architecture.width, architecture.depth, architecture.classes, architecture.channels]
