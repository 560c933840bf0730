"""The network that is timed: an .onnx file which every process reads, one image, and the right answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx_ir as ir

from depthwise import graph
from depthwise.analysis.cost import cost
from depthwise.data.preprocessing import Preprocessing
from depthwise.errors import UserError
from depthwise.graph import Layer, preprocessing_of
from depthwise.graph.metadata import has_weights
from depthwise.ops.base import shape_of

SEED = 0
"""Of images and random weights."""


def with_random_weights(layers: Sequence[Layer]) -> ir.Model:
    """The Graph of Layers with random weights, as time does not depend on them; camera bytes if it has their channels.

    ImageNet's mean and deviation are taken.
    """
    channels, height, _ = layers[0].shape
    usual = Preprocessing(height)
    form = Preprocessing(height, channels, mean=usual.mean[:channels], std=usual.std[:channels])
    return graph.build(
        layers, graph.initialize(layers, SEED), preprocessing=form if channels in (1, usual.channels) else None
    )


def only_ports(name: str, network: ir.Model) -> tuple[ir.Value, ir.Value]:
    """The one input and the one output of a Graph.

    Raises:
        UserError: it has others.
    """
    found = []
    for kind, values in (("input", network.graph.inputs), ("output", network.graph.outputs)):
        ports = [value for value in values if value.const_value is None]
        if len(ports) != 1:
            raise UserError(f"{name} has {len(ports)} {kind}s: other runtimes are measured on networks with one")
        found += ports
    return found[0], found[1]


@dataclass(frozen=True)
class Network:
    """A network of one input and one output, batch 1.

    Attributes:
        name: for tables and messages. path: of its .onnx file, in a folder that runtimes may write to.
    """

    name: str
    path: Path

    @classmethod
    def write(cls, name: str, network: ir.Model, folder: Path) -> "Network":
        """Puts a Graph with weights into a folder, which is made.

        Raises:
            UserError: it has no weights, several inputs or outputs, or what `graph.normalize` refuses.
        """
        if not has_weights(network):
            raise UserError(f"{name} has shapes only, no weights: give a run folder or an .onnx file")
        model = network.clone()
        source, result = only_ports(name, model)
        source.shape = ir.Shape([1, *(source.shape or ())[1:]])
        result.shape = graph.normalize(model).graph.outputs[0].shape
        folder.mkdir(parents=True, exist_ok=True)
        graph.save(model, folder / "model.onnx")
        return cls(name, folder / "model.onnx")

    @cached_property
    def graph(self) -> ir.Model:
        """The network in standard ONNX operators, BatchNorm possibly not yet folded."""
        return graph.load(self.path)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates of one image."""
        return cost(self.graph).macs

    @cached_property
    def preprocessing(self) -> Preprocessing | None:
        """How camera bytes become the input; None: it is not known, so they are not measured."""
        return preprocessing_of(self.graph)

    @property
    def input_types(self) -> tuple[str, ...]:
        """What it can be measured from."""
        return ("float32",) if self.preprocessing is None else ("float32", "uint8")

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the input: [1, C, H, W] or [1, C]."""
        return shape_of(only_ports(self.name, self.graph)[0])

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Of the output: [1, classes], or that of a map [1, C, H, W]."""
        return shape_of(self.graph.graph.outputs[0])

    @cached_property
    def pixels(self) -> np.ndarray:
        """Camera bytes: uint8 [1, H, W, C]."""
        _, channels, height, width = self.shape
        return np.random.default_rng(SEED).integers(0, 256, (1, height, width, channels), np.uint8)

    @cached_property
    def image(self) -> np.ndarray:
        """The same image normalized, float32 [1, C, H, W]; without preprocessing: normal random numbers."""
        if self.preprocessing is not None:
            return self.preprocessing.normalize(self.pixels)
        return np.random.default_rng(SEED).standard_normal(self.shape).astype(np.float32)

    @cached_property
    def answer(self) -> np.ndarray:
        """The right output, from the NumPy interpreter."""
        (answer,) = graph.evaluate(graph.normalize(self.graph), self.image)
        return answer
