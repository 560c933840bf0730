"""Layers -> torch. The one builder: it names no family and no block kind."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from depthwise.data.preprocessing import Preprocessing
from depthwise.design.features import features_of
from depthwise.errors import UserError
from depthwise.graph.layers import Layer


class Network(nn.Module):
    """A torch module that runs a list of Layers; its parameters are named LAYER.PARAMETER.

    Args:
        layers: in topological order; the first is the input, the last one's output is the module's.

    forward takes float32 images [N, C, H, W] and returns logits [N, classes].

    Attributes:
        preprocessing: how the images of its weights are prepared, None if that is not known.
    """

    preprocessing: Preprocessing | None = None

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__()
        self.layers = tuple(layers)
        for layer in self.layers[1:]:
            _attach(self, layer.name, _MODULES[layer.op](layer))
        self.apply(_initialize)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, classes] of images [N, C, H, W]."""
        last = self.layers[-1].name
        return self.values(images, {last})[last]

    def forward_features(self, images: Tensor) -> Tensor:
        """The last map [N, C, h, w], which the head pools."""
        head = next(layer for layer in self.layers if layer.op in ("GlobalAveragePool", "Flatten") and _in_head(layer))
        (last,) = head.inputs
        return self.values(images, {last})[last]

    def values(self, images: Tensor, wanted: Collection[str]) -> dict[str, Tensor]:
        """Outputs of the layers named, by name; layers behind the last of them do not run."""
        values, missing = {self.layers[0].name: images}, set(wanted)
        for layer in self.layers[1:]:
            if not missing:
                break
            values[layer.name] = self.get_submodule(layer.name)(*(values[name] for name in layer.inputs))
            missing.discard(layer.name)
        return {name: values[name] for name in wanted}

    def take_weights(self, weights: Mapping[str, np.ndarray], preprocessing: Preprocessing | None = None) -> None:
        """Takes arrays by state_dict key, and how their images are prepared; what they lack stays as it is."""
        tensors = {key: torch.from_numpy(array) for key, array in weights.items()}
        self.load_state_dict(tensors, strict=False)
        self.preprocessing = preprocessing

    def reset_classifier(self, classes: int) -> None:
        """Puts a freshly initialized classifier in the place of the last layer.

        Args:
            classes: its outputs, at least 1.

        Raises:
            UserError: fewer.
        """
        if classes < 1:
            raise UserError(f"classes {classes} is out of range: give at least 1")
        last = self.layers[-1]
        features = last.parameters["weight"][1]
        shapes = {"weight": (classes, features), "bias": (classes,)}
        layer = replace(last, shape=(classes,), parameters=shapes)
        self.layers = (*self.layers[:-1], layer)
        module = _MODULES[layer.op](layer)
        _initialize(module)
        _attach(self, layer.name, module)


def build_network(layers: Sequence[Layer]) -> Network:
    """A freshly initialized torch module of the layers; its state_dict keys are those of `graph.build`'s weights."""
    return Network(layers)


class FeatureNetwork(Network):
    """A network without its head: returns the last map of each size, the largest first.

    Args:
        layers: of the whole network; those behind the last map are left out.

    forward takes float32 images [N, C, H, W] and returns maps [N, C_i, H_i, W_i], one for each of `features`.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.features = features_of(layers)
        last = next(i for i, layer in enumerate(layers) if layer.name == self.features[-1].layer)
        super().__init__(layers[: last + 1])

    def forward(self, images: Tensor) -> list[Tensor]:  # type: ignore[override]
        """Maps of images [N, C, H, W]."""
        values = self.values(images, {feature.layer for feature in self.features})
        return [values[feature.layer] for feature in self.features]


def _in_head(layer: Layer) -> bool:
    return layer.name.startswith("head.")


class _Add(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right


class _Multiply(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left * right


class _GlobalAveragePool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(x, 1)


class _Conv(nn.Conv2d):
    """A convolution with the parameters of nn.Conv2d, whose zeros around the map need not be alike on all sides."""

    def __init__(self, layer: Layer) -> None:
        weight, groups = layer.parameters["weight"], layer.attributes["group"]
        top, left, bottom, right = layer.attributes["pads"]
        even = (top, left) == (bottom, right)
        super().__init__(
            weight[1] * groups,
            weight[0],
            layer.attributes["kernel_shape"],
            layer.attributes["strides"],
            (top, left) if even else 0,
            layer.attributes["dilations"],
            groups,
            bias="bias" in layer.parameters,
        )
        self._borders = None if even else (left, right, top, bottom)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if self._borders is None else F.pad(x, self._borders))


def _max_pool(layer: Layer) -> nn.Module:
    return nn.MaxPool2d(layer.attributes["kernel_shape"], layer.attributes["strides"], layer.attributes["pads"][:2])


def _norm(layer: Layer) -> nn.Module:
    return nn.BatchNorm2d(layer.parameters["weight"][0], eps=layer.attributes["epsilon"])


def _clip(layer: Layer) -> nn.Module:
    return nn.Hardtanh(layer.attributes["min"], layer.attributes["max"])


_MODULES: dict[str, Callable[[Layer], nn.Module]] = {
    "Conv": _Conv,
    "BatchNormalization": _norm,
    "Clip": _clip,
    "Relu": lambda _: nn.ReLU(),
    "HardSwish": lambda _: nn.Hardswish(),
    "HardSigmoid": lambda _: nn.Hardsigmoid(),
    "Sigmoid": lambda _: nn.Sigmoid(),
    "Add": lambda _: _Add(),
    "Mul": lambda _: _Multiply(),
    "MaxPool": _max_pool,
    "GlobalAveragePool": lambda _: _GlobalAveragePool(),
    "Flatten": lambda _: nn.Flatten(),
    "Dropout": lambda layer: nn.Dropout(layer.attributes["ratio"]),
    "Gemm": lambda layer: nn.Linear(layer.parameters["weight"][1], layer.parameters["weight"][0]),
}
"""ONNX operator of a Layer -> torch module."""


def _attach(root: nn.Module, name: str, module: nn.Module) -> None:
    *path, leaf = name.split(".")
    for part in path:
        if part not in root._modules:
            root.add_module(part, nn.Module())
        root = root.get_submodule(part)
    root.add_module(leaf, module)


def _initialize(module: nn.Module) -> None:
    """He initialization by fan-out for convolutions, N(0, 0.01) for the classifier, as torchvision's MobileNets."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.Linear):
        nn.init.normal_(module.weight, 0, 0.01)
        nn.init.zeros_(module.bias)
