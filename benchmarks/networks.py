"""The networks that are measured: any registered model with random weights, one image, and the right answer."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import onnx_ir as ir

from depthwise import design, graph
from depthwise.analysis import cost
from depthwise.data.preprocessing import Preprocessing
from depthwise.errors import UserError
from depthwise.graph import Layer

NETWORKS = ("mobilenet_v1_1.0_224", "mobilenet_v1_0.25_128", "mobilenet_v2_1.0_224", "mobilenet_v2_0.35_96")
"""What is measured if nothing is said: the papers' full size and the smallest of its grid."""

QUICK_NETWORKS = ("mobilenet_v1_0.25_128", "mobilenet_v2_0.35_96")
"""What `--quick` measures."""

SEED = 0


@dataclass(frozen=True)
class Network:
    """A registered model, scaled, with random weights: time does not depend on their values.

    Attributes:
        name: MODEL_WIDTH_RESOLUTION, e.g. "mobilenet_v2_0.35_96"; a bare MODEL is the paper's size.
    """

    name: str

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The network's Layers.

        Raises:
            UserError: an unknown model, or a size that is out of range.
        """
        model, width, resolution = _parsed(self.name)
        return tuple(design.architecture(model, width=width, resolution=resolution).layers())

    @cached_property
    def weights(self) -> dict[str, np.ndarray]:
        """Random arrays by state_dict key, the same in every process."""
        return graph.initialize(self.layers, SEED)

    @property
    def outputs(self) -> int:
        """Number of logits."""
        return int(self.layers[-1].shape[0])

    @property
    def preprocessing(self) -> Preprocessing:
        """How camera bytes become the input: ImageNet's mean and deviation."""
        channels, height, _ = self.layers[0].shape
        return Preprocessing(height, channels)

    @cached_property
    def graph(self) -> ir.Model:
        """The network in standard ONNX operators, batch 1, BatchNorm not yet folded."""
        model = graph.build(self.layers, self.weights, name="network", preprocessing=self.preprocessing)
        for value in (*model.graph.inputs, *model.graph.outputs):
            value.shape = ir.Shape([1, *(value.shape or ())[1:]])
        return model

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return cost(self.graph).macs

    @cached_property
    def pixels(self) -> np.ndarray:
        """Camera bytes: uint8 [1, H, W, C]."""
        channels, height, width = self.layers[0].shape
        return np.random.default_rng(SEED).integers(0, 256, (1, height, width, channels), np.uint8)

    @cached_property
    def image(self) -> np.ndarray:
        """The same image normalized: float32 [1, C, H, W]."""
        return self.preprocessing.normalize(self.pixels)

    @cached_property
    def logits(self) -> np.ndarray:
        """The right answer [1, classes], from the NumPy interpreter."""
        (logits,) = graph.evaluate(graph.normalize(self.graph), self.image)
        return logits


def _parsed(name: str) -> tuple[str, float, int | None]:
    """Model, width and resolution of a network's name."""
    if name in design.MODELS:
        return name, 1.0, None
    *model, width, resolution = name.rsplit("_", 2)
    try:
        found = float(width), int(resolution)
    except ValueError:
        raise UserError(f"'{name}' is no network: write MODEL_WIDTH_RESOLUTION, e.g. {NETWORKS[0]}") from None
    return "_".join(model), *found
