"""Layers -> torch. The one builder: it names no family and no block kind."""

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from depthwise.graph.layers import Layer


class Network(nn.Module):
    """A torch module that runs a list of Layers; its parameters are named LAYER.PARAMETER.

    Args:
        layers: in topological order; the first is the input, the last one's output is the module's.

    forward takes float32 images [N, C, H, W] and returns logits [N, classes].
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        super().__init__()
        self.layers = tuple(layers)
        for layer in self.layers[1:]:
            _attach(self, layer.name, _MODULES[layer.op](layer))
        self.apply(_initialize)

    def forward(self, images: Tensor) -> Tensor:
        """Logits [N, classes] of images [N, C, H, W]."""
        values = {self.layers[0].name: images}
        for layer in self.layers[1:]:
            values[layer.name] = self.get_submodule(layer.name)(*(values[name] for name in layer.inputs))
        return values[self.layers[-1].name]


def build_network(layers: Sequence[Layer]) -> Network:
    """A freshly initialized torch module of the layers; its state_dict keys are those of `graph.build`'s weights."""
    return Network(layers)


class _Add(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left + right


class _Multiply(nn.Module):
    def forward(self, left: Tensor, right: Tensor) -> Tensor:
        return left * right


class _GlobalAveragePool(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(x, 1)


def _conv(layer: Layer) -> nn.Module:
    weight = layer.parameters["weight"]
    top, left, bottom, right = layer.attributes["pads"]
    if (top, left) != (bottom, right):
        raise ValueError(f"{layer.name}: torch pads both sides alike, not {layer.attributes['pads']}")
    groups = layer.attributes["group"]
    return nn.Conv2d(
        weight[1] * groups,
        weight[0],
        layer.attributes["kernel_shape"],
        layer.attributes["strides"],
        (top, left),
        layer.attributes["dilations"],
        groups,
        bias="bias" in layer.parameters,
    )


def _norm(layer: Layer) -> nn.Module:
    return nn.BatchNorm2d(layer.parameters["weight"][0], eps=layer.attributes["epsilon"])


def _clip(layer: Layer) -> nn.Module:
    return nn.Hardtanh(layer.attributes["min"], layer.attributes["max"])


_MODULES: dict[str, Callable[[Layer], nn.Module]] = {
    "Conv": _conv,
    "BatchNormalization": _norm,
    "Clip": _clip,
    "Relu": lambda _: nn.ReLU(),
    "HardSwish": lambda _: nn.Hardswish(),
    "HardSigmoid": lambda _: nn.Hardsigmoid(),
    "Add": lambda _: _Add(),
    "Mul": lambda _: _Multiply(),
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
