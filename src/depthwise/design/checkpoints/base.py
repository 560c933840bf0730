"""Checkpoint: what is known of published weights, which travels with them."""

from dataclasses import dataclass

from depthwise.data.preprocessing import Preprocessing
from depthwise.design.checkpoints.names import Naming

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of ImageNet's pixels, as PyTorch's networks are trained with."""

UNIT = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""From -1 to 1, as TensorFlow's networks are trained with."""


@dataclass(frozen=True)
class Checkpoint:
    """Published weights of a registered model.

    Attributes:
        model: its name. width, depth: its multipliers. deployable: without its costly parts (`make_deployable`).
        naming: how the file names parameters; its padding and epsilon are those of the weights.
        source: where they lie: an address, or "hf:USER/NAME" on the Hugging Face hub; empty: only as files.
        sha256: of the file, or its beginning; by it a file is known whatever it is called. Empty: not known.
        resolution: of training, in pixels. normalization: (mean, std) of pixels in 0..1.
        top1: accuracy in percent on ImageNet-1k's validation images as published; None: not published.
        recipe: where the training is described.
    """

    model: str
    naming: Naming
    source: str
    sha256: str = ""
    resolution: int = 224
    normalization: tuple[tuple[float, ...], tuple[float, ...]] = IMAGENET
    top1: float | None = None
    recipe: str = ""
    width: float = 1.0
    depth: float = 1.0
    deployable: bool = False

    @property
    def preprocessing(self) -> Preprocessing:
        """From an image file to the input that the weights were trained on."""
        mean, std = self.normalization
        return Preprocessing(self.resolution, 3, mean=mean, std=std)
