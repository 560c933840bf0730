"""Small networks for the examples of rules: of Layers, or of ONNX text where the spelling is what matters."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx_ir as ir

from depthwise import graph
from depthwise.graph import Graph, LayerList

Draw = Callable[[LayerList], None]
"""Appends the layers of a network to a list that holds its input."""


def sketch(
    draw: Draw,
    *,
    channels: int = 3,
    resolution: int = 32,
    padding: str = "symmetric",
    weights: bool = False,
    change: Callable[[dict[str, np.ndarray]], None] | None = None,
) -> Graph:
    """The Graph of what `draw` appends.

    Args:
        draw: the layers; the last one's output is the network's.
        channels, resolution: of the image. padding: of every convolution.
        weights: whether it has any (random ones), or shapes only.
        change: changes these weights, by state_dict key.
    """
    layers = LayerList(channels, resolution, padding=padding)
    draw(layers)
    if not weights and change is None:
        return graph.build(layers.layers)
    arrays = graph.initialize(layers.layers)
    if change is not None:
        change(arrays)
    return graph.build(layers.layers, arrays)


def filtered(
    layers: LayerList,
    name: str,
    source: str,
    channels: int,
    kernel: int = 1,
    stride: int = 1,
    activation: str = "relu6",
) -> str:
    """A convolution with its normalization and activation; returns the last one's name."""
    x = layers.norm(f"{name}_norm", layers.conv(name, source, channels, kernel, stride))
    return layers.activation(f"{name}_activation", x, activation)


def separable(
    layers: LayerList,
    name: str,
    source: str,
    channels: int,
    stride: int = 1,
    kernel: int = 3,
    activation: str = "relu6",
) -> str:
    """A depthwise separable block: NAME.depthwise and NAME.pointwise, each normalized and activated."""
    x = layers.norm(f"{name}.depthwise_norm", layers.depthwise(f"{name}.depthwise", source, kernel, stride))
    x = layers.activation(f"{name}.depthwise_activation", x, activation)
    return filtered(layers, f"{name}.pointwise", x, channels, activation=activation)


def bottleneck(
    layers: LayerList,
    name: str,
    source: str,
    channels: int,
    expansion: int = 6,
    stride: int = 1,
    *,
    activation: str = "relu6",
    last: str = "none",
) -> str:
    """An inverted residual: NAME.expansion, NAME.depthwise, NAME.projection, with `last` behind, and NAME.residual."""
    x = filtered(layers, f"{name}.expansion", source, expansion * layers.shape(source)[0], activation=activation)
    x = layers.norm(f"{name}.depthwise_norm", layers.depthwise(f"{name}.depthwise", x, 3, stride))
    x = layers.activation(f"{name}.depthwise_activation", x, activation)
    x = filtered(layers, f"{name}.projection", x, channels, activation=last)
    return layers.add(f"{name}.residual", source, x) if layers.shape(source) == layers.shape(x) else x


def classifier(layers: LayerList, source: str, classes: int = 10) -> str:
    """Global average pooling and a fully connected layer: head.pool, head.flatten, head.classifier."""
    x = layers.flatten("head.flatten", layers.pool("head.pool", source))
    return layers.linear("head.classifier", x, classes)


def parse(text: str, constants: Mapping[str, Sequence[int] | np.ndarray] | None = None) -> Graph:
    """The Graph of a model in ONNX's text form; nodes are named as it names them, by [name] before the operator.

    Args:
        text: of the model. constants: by the names under which it reads them; of a shape only: random, above 0.
    """
    import onnx.numpy_helper
    import onnx.parser

    model, random = onnx.parser.parse_model(text), np.random.default_rng(0)
    for name, value in (constants or {}).items():
        array = value if isinstance(value, np.ndarray) else random.uniform(0.5, 1.5, value).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    found: Graph = ir.from_proto(model)
    return found
