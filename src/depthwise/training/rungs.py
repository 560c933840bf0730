"""The rungs of the ladder that need torch, in order: `quantization.task.quantize` takes them as `trained`."""

import numpy as np
import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.graph.metadata import preprocessing_of
from depthwise.graph.pipeline import normalize
from depthwise.progress import Progress, Silent
from depthwise.quantization.state import Rung
from depthwise.training.learning import EPOCHS, Learning
from depthwise.training.recipe import Split
from depthwise.training.rounding import IMAGES, Rounding


def trained_rungs(
    model: ir.Model,
    train: Split,
    *,
    epochs: float = EPOCHS,
    seconds: float | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> list[Rung]:
    """Learned rounding, and training in 8 bits.

    Args:
        model: the float Graph, with its preprocessing.
        train: images; their labels are not used.
        epochs: of training. seconds: a limit of its time, which its speed turns into fewer steps.
        seed: of all that is random.
        progress: told of each layer and each step.

    Raises:
        UserError: the model does not say how images are prepared, or a number out of range.
    """
    form, progress = preprocessing_of(model), progress or Silent()
    if form is None:
        raise UserError("the network does not say how its images are prepared: give --mean and --std")
    if not epochs > 0 or (seconds is not None and not seconds > 0):
        raise UserError(f"training in 8 bits for {epochs:g} epochs, {seconds} s: give numbers above 0")
    places = np.unique(np.linspace(0, len(train) - 1, IMAGES).astype(np.int64))
    return [
        Rounding(np.asarray(train.pixels[places]), form, seed=seed, progress=progress),
        Learning(
            normalize(model, "float"), train.pixels, form, epochs=epochs, seconds=seconds, seed=seed, progress=progress
        ),
    ]
