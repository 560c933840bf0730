"""Layers: the primitive records to which an architecture expands, before weights and without torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from depthwise.errors import UserError
from depthwise.registry import choose

Shape = tuple[int, ...]

ACTIVATIONS: Mapping[str, tuple[str, Mapping[str, float]]] = {
    "relu": ("Relu", {}),
    "relu6": ("Clip", {"min": 0.0, "max": 6.0}),
    "hard_swish": ("HardSwish", {}),
    "hard_sigmoid": ("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5}),
    "sigmoid": ("Sigmoid", {}),
}
"""Activation function -> the ONNX operator that computes it, and its attributes."""

PADDINGS = ("symmetric", "same")
"""How convolutions pad: (kernel - 1) / 2 on every side, as PyTorch's networks, or just enough for ceil(side / stride)
outputs, the odd pixel at the bottom and right, as TensorFlow's. They differ at stride 2 on even sides: weights trained
with one are wrong with the other."""

GATED: Mapping[str, str] = {"silu": "sigmoid"}
"""Activation function g(x) = x * f(x) -> f; ONNX spells it as two operators."""


Sides = int | tuple[int, int]
"""Of an image or a filter: one number for both, or (down, across) where they differ."""


def both(sides: Sides) -> tuple[int, int]:
    """(down, across)."""
    return sides if isinstance(sides, tuple) else (sides, sides)


@dataclass(frozen=True)
class Layer:
    """One primitive operation of a network. Edges are names, so residuals and side branches need nothing special.

    Attributes:
        name: dotted and unique; also the name of the torch module, of the ONNX node and of the cost row.
        op: "Input" (the first layer, the image), else an ONNX operator type: Conv, BatchNormalization, those of
            ACTIVATIONS, Add, Mul, MaxPool, GlobalAveragePool, Flatten, Dropout, Gemm.
        inputs: names of the layers whose outputs it reads.
        shape: output shape without batch, (C, H, W) or (C,).
        attributes: by ONNX's names (kernel_shape, strides, pads, dilations, group, epsilon, min, max, alpha, beta,
            ratio).
        parameters: name -> shape, by torch's names (weight, bias, running_mean, running_var).
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    shape: Shape
    attributes: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Shape] = field(default_factory=dict)

    @property
    def macs(self) -> int:
        """Multiply-accumulates: one per output element and weight of its filter; 0 without a filter."""
        weight = self.parameters.get("weight", ())
        return math.prod(self.shape) * math.prod(weight[1:]) if len(weight) > 1 else 0

    @property
    def trained(self) -> int:
        """Trained parameters: all but BatchNorm's running statistics."""
        return sum(math.prod(shape) for name, shape in self.parameters.items() if not name.startswith("running_"))

    @property
    def operator(self) -> str:
        """The operator of the normal form that a layer with a filter becomes; empty for other layers."""
        weight = self.parameters.get("weight", ())
        if len(weight) < 2:
            return ""
        if self.op == "Gemm":
            return "FullyConnected"
        if weight[1] == 1 and self.attributes["group"] > 1:
            return "Depthwise"
        plain = self.attributes["group"] == 1 and set(self.attributes["strides"]) == {1}
        return "Pointwise" if plain and weight[2:] == (1, 1) and not any(self.attributes["pads"]) else "Convolution"


@dataclass(frozen=True)
class Window:
    """Of a filter, in pixels of one direction: its taps, its step, and how far its taps are apart."""

    kernel: int = 1
    stride: int = 1
    dilation: int = 1

    @property
    def span(self) -> int:
        """Pixels from the first tap to the last, both included."""
        return self.dilation * (self.kernel - 1) + 1

    def borders(self, side: int, padding: str) -> tuple[int, int]:
        """Pixels of padding before and after a side; `padding` is a name in PADDINGS."""
        if padding == "symmetric":
            return (self.span - 1) // 2, (self.span - 1) // 2
        total = max((math.ceil(side / self.stride) - 1) * self.stride + self.span - side, 0)
        return total // 2, total - total // 2

    def outputs(self, side: int, padding: str) -> int:
        """How many outputs a side of so many pixels has."""
        return (side + sum(self.borders(side, padding)) - self.span) // self.stride + 1


class LayerList:
    """Grows a list of Layers; each method appends one layer, infers its shape and returns its name.

    It begins with the layer "input".

    Args:
        channels: channels of the input image.
        resolution: height and width of the input image in pixels, a pair if they differ; of a signal, its samples.
        epsilon: of every batch normalization.
        padding: of every convolution, a name in PADDINGS.
        signal: whether the input is a signal (C, 1, samples) instead, and filters are 1 x kernel.

    Raises:
        UserError: an unknown padding.
    """

    def __init__(
        self,
        channels: int,
        resolution: Sides,
        epsilon: float = 1e-5,
        padding: str = "symmetric",
        signal: bool = False,
    ) -> None:
        self._padding = choose("padding", padding, PADDINGS)
        self._signal = signal
        self.layers: list[Layer] = []
        self._epsilon = epsilon
        self._shapes: dict[str, Shape] = {}
        height, width = both(resolution)
        self._add("input", "Input", (), (channels, 1 if signal else height, width))

    def shape(self, name: str) -> Shape:
        """Output shape of a layer without batch."""
        return self._shapes[name]

    def _add(
        self,
        name: str,
        op: str,
        inputs: tuple[str, ...],
        shape: Shape,
        attributes: Mapping[str, Any] | None = None,
        parameters: Mapping[str, Shape] | None = None,
    ) -> str:
        if name in self._shapes:
            raise ValueError(f"two layers are named '{name}'")
        self.layers.append(Layer(name, op, inputs, shape, attributes or {}, parameters or {}))
        self._shapes[name] = shape
        return name

    def conv(
        self,
        name: str,
        source: str,
        channels: int,
        kernel: Sides = 1,
        stride: int = 1,
        groups: int = 1,
        bias: bool = False,
    ) -> str:
        """A convolution, padded as the list is."""
        down, across = both(kernel)
        return self._filter(name, source, channels, (Window(down, stride), Window(across, stride)), groups, bias)

    def depthwise(
        self, name: str, source: str, kernel: int, stride: int = 1, multiplier: int = 1, dilation: int = 1
    ) -> str:
        """A depthwise convolution without bias: `multiplier` filters for each channel, their taps `dilation` apart."""
        channels = self._shapes[source][0]
        window = Window(kernel, stride, dilation)
        return self._filter(name, source, multiplier * channels, (window, window), channels)

    def _filter(
        self,
        name: str,
        source: str,
        channels: int,
        windows: tuple[Window, Window],
        groups: int,
        bias: bool = False,
    ) -> str:
        c, h, w = self._shapes[source]
        if c % groups or channels % groups:
            raise UserError(f"{name}: {c} -> {channels} channels cannot be split into {groups} groups")
        down, across = Window() if self._signal else windows[0], windows[1]
        (top, bottom), (left, right) = down.borders(h, self._padding), across.borders(w, self._padding)
        attributes = {
            "kernel_shape": (down.kernel, across.kernel),
            "strides": (down.stride, across.stride),
            "pads": (top, left, bottom, right),
            "dilations": (down.dilation, across.dilation),
            "group": groups,
        }
        parameters: dict[str, Shape] = {"weight": (channels, c // groups, down.kernel, across.kernel)}
        if bias:
            parameters["bias"] = (channels,)
        shape = channels, down.outputs(h, self._padding), across.outputs(w, self._padding)
        return self._add(name, "Conv", (source,), shape, attributes, parameters)

    def norm(self, name: str, source: str) -> str:
        """Batch normalization over the channels."""
        shape = self._shapes[source]
        parameters = dict.fromkeys(("weight", "bias", "running_mean", "running_var"), (shape[0],))
        return self._add(name, "BatchNormalization", (source,), shape, {"epsilon": self._epsilon}, parameters)

    def activation(self, name: str, source: str, kind: str) -> str:
        """An activation function of ACTIVATIONS or GATED; "none" appends nothing and returns `source`."""
        if kind == "none":
            return source
        if kind in GATED:
            factors = self.activation(f"{name}_{GATED[kind]}", source, GATED[kind])
            return self._add(name, "Mul", (source, factors), self._shapes[source])
        if kind not in ACTIVATIONS:
            raise UserError(f"{name}: unknown activation '{kind}'. Known: none, {', '.join([*ACTIVATIONS, *GATED])}")
        op, attributes = ACTIVATIONS[kind]
        return self._add(name, op, (source,), self._shapes[source], attributes)

    def add(self, name: str, left: str, right: str) -> str:
        """Elementwise sum of two maps of one shape."""
        if self._shapes[left] != self._shapes[right]:
            raise ValueError(f"{name}: cannot add {self._shapes[left]} and {self._shapes[right]}")
        return self._add(name, "Add", (left, right), self._shapes[left])

    def gate(self, name: str, source: str, factors: str) -> str:
        """A map (C, H, W) times one factor for each channel (C, 1, 1)."""
        if self._shapes[factors] != (self._shapes[source][0], 1, 1):
            raise ValueError(f"{name}: {self._shapes[factors]} is no gate of {self._shapes[source]}")
        return self._add(name, "Mul", (source, factors), self._shapes[source])

    def cover(self, name: str, source: str, channels: int) -> str:
        """A convolution as large as the map, with bias: a fully connected layer on its pixels, to (channels, 1, 1)."""
        shape = self._shapes[source]
        attributes = {
            "kernel_shape": shape[1:],
            "strides": (1, 1),
            "pads": (0, 0, 0, 0),
            "dilations": (1, 1),
            "group": 1,
        }
        parameters: dict[str, Shape] = {"weight": (channels, *shape), "bias": (channels,)}
        return self._add(name, "Conv", (source,), (channels, 1, 1), attributes, parameters)

    def max_pool(self, name: str, source: str, kernel: int, stride: int) -> str:
        """Max pooling of square windows with symmetric padding of (kernel - 1) // 2."""
        c, h, w = self._shapes[source]
        pad, window = (kernel - 1) // 2, Window(kernel, stride)
        attributes = {"kernel_shape": (kernel, kernel), "strides": (stride, stride), "pads": (pad, pad, pad, pad)}
        shape = (c, window.outputs(h, "symmetric"), window.outputs(w, "symmetric"))
        return self._add(name, "MaxPool", (source,), shape, attributes)

    def pool(self, name: str, source: str) -> str:
        """Global average pooling to (C, 1, 1)."""
        return self._add(name, "GlobalAveragePool", (source,), (self._shapes[source][0], 1, 1))

    def flatten(self, name: str, source: str) -> str:
        """Flattening to (C * H * W,)."""
        return self._add(name, "Flatten", (source,), (math.prod(self._shapes[source]),))

    def dropout(self, name: str, source: str, ratio: float) -> str:
        """Dropout, active in training only; a ratio of 0 appends nothing."""
        if not ratio:
            return source
        return self._add(name, "Dropout", (source,), self._shapes[source], {"ratio": ratio})

    def linear(self, name: str, source: str, features: int) -> str:
        """A fully connected layer with bias, from (C,) to (features,)."""
        (c,) = self._shapes[source]
        return self._add(name, "Gemm", (source,), (features,), {}, {"weight": (features, c), "bias": (features,)})
