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
from depthwise.exporters.base import bytes_of_input
from depthwise.graph import Layer, preprocessing_of
from depthwise.graph.metadata import has_weights
from depthwise.ops._quantized import input_quantization, is_integer
from depthwise.ops.base import shape_of

SEED = 0
"""Of images and random weights."""


def with_random_weights(layers: Sequence[Layer]) -> ir.Model:
    """The Graph of Layers with random weights, as time does not depend on them; camera bytes if it has their channels.

    ImageNet's mean and deviation are taken.
    """
    channels, height, width = layers[0].shape
    usual = Preprocessing(height)
    form = Preprocessing(height, channels, mean=usual.mean[:channels], std=usual.std[:channels], width=width)
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
        only_ports(name, network)
        normal = graph.normalize(network)
        integer = any(map(is_integer, normal.graph))
        folder.mkdir(parents=True, exist_ok=True)
        written = cls(name, folder / "model.onnx")
        # What others have quantized may have int8 activations, with which some runtimes are slow: all get ours.
        _save(graph.to_qdq(normal) if integer else network.clone(), normal, written.path)
        if bytes_of_input(normal.graph.inputs[0]):
            _save(graph.to_qdq(graph.normalize(normal, "int8")), normal, written.bytes_path)
        return written

    @property
    def bytes_path(self) -> Path:
        """Of the same network from 8-bit values on, if it quantizes its input."""
        return self.path.with_name("model_from_bytes.onnx")

    @cached_property
    def graph(self) -> ir.Model:
        """The network in standard ONNX operators, BatchNorm possibly not yet folded."""
        return graph.load(self.path)

    @cached_property
    def precision(self) -> str:
        """ "int8" if something in it is of 8 bits, else "float32"."""
        return "int8" if any(map(is_integer, graph.normalize(self.graph).graph)) else "float32"

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
        camera = () if self.preprocessing is None else ("uint8",)
        return ("float32", *camera, *(("int8",) if self.bytes_path.exists() else ()))

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
    def quantized(self) -> np.ndarray:
        """The image in 8 bits, as the network quantizes it: uint8 [1, C, H, W]."""
        (value,) = graph.normalize(self.graph, "int8").graph.inputs
        reader = next(use.node for use in value.uses())
        return input_quantization(reader).quantize(self.image)

    @cached_property
    def answer(self) -> np.ndarray:
        """The right output, from the NumPy interpreter."""
        (answer,) = graph.evaluate(graph.normalize(self.graph), self.image)
        return answer


def _save(model: ir.Model, normal: ir.Model, path: Path) -> None:
    """Writes a file whose input and output have batch 1."""
    source, result = only_ports(path.name, model)
    source.shape = ir.Shape([1, *(source.shape or ())[1:]])
    result.shape = normal.graph.outputs[0].shape
    graph.save(model, path)
