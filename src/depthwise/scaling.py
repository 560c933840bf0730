"""`scale`: the coefficients of compound scaling, found on one's own images and device."""

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from depthwise import design, profiling
from depthwise.compiler import native_isa
from depthwise.config import Config
from depthwise.device import HOST, limits_of, load_device
from depthwise.errors import UserError
from depthwise.progress import Progress, Silent
from depthwise.selection.coefficients import Scaling, find_coefficients
from depthwise.selection.task import Task
from depthwise.selection.trials import Trainer
from depthwise.workflow import read_data, require_torch, training_room


def scale(
    data: str | Path,
    model: str,
    *,
    output: str | Path | None = None,
    progress: Progress | None = None,
    **options: Any,
) -> Scaling:
    """Finds alpha, beta and gamma for `design.scaling.compound` by a small grid search on one's own images and device.

    Triples that about double the MACs are weighed against the device's limits and one's own; those that keep them are
    trained alike for a short time. The most accurate is `choice` of what is returned; `rivals` tells how sure that is.

    Args:
        data: as for `fit`. model: name of the base.
        output: a .json file that is written after each training; the same call takes it up.
        progress: told how it goes.
        options: as for `fit`: device, width, depth, resolution, deployable, limits; train_time="3min" for all trainings
            together (600 s if nothing is given) or epochs for each; batch_size, learning_rate, seed.

    Raises:
        UserError: as `fit`; no triple keeps every limit (exit code 1).
    """
    progress = progress or Silent()
    require_torch("scale")
    if options.get("epochs") is None:
        options["train_time"] = options.get("train_time") or 600
    config = Config.of(data=data, model=model, **options)
    path = None if output is None else Path(output)
    if path and path.suffix != ".json":
        raise UserError(f"'{path}' is not a .json file: write --output scaling.json")
    device = load_device(config.device)
    limits_of(device, config.budget)
    design.architecture(model, config.width, config.resolution, depth=config.depth)
    images = read_data(config, progress)
    if device.name == HOST:
        device = profiling.measured_host(progress).with_isa(native_isa()[:1])
    read = lru_cache(maxsize=8)(lambda size: read_data(config, Silent(), size))
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(read, training_room(), Path(folder))
        return find_coefficients(Task(config, device, images, progress), trainer, path)
