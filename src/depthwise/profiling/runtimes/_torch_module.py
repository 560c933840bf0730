"""A Graph in normal form as a torch module, as somebody would write it: modules of torch.nn, one after the other."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from torch import fx, nn

from depthwise.errors import UserError
from depthwise.ops._activation import activation_of, bounds_of
from depthwise.ops._quantized import Quantization, input_quantization, is_integer, output_quantization
from depthwise.ops._window import window_of
from depthwise.ops.base import activations_of, array_of, parameters_of


def torch_module(normal: ir.Model) -> fx.GraphModule:
    """A module from float32 [1, C, H, W] to what the Graph gives.

    What is of 8 bits has quantize and dequantize operators round it, as torch's own quantizer writes them: int8.

    Raises:
        UserError: a node that torch has no module for.
    """
    root, calls = nn.Module(), fx.Graph()
    inputs = [value for value in normal.graph.inputs if value.const_value is None]
    values = {value: calls.placeholder(f"x{number}") for number, value in enumerate(inputs)}
    for number, node in enumerate(normal.graph):
        operands = tuple(values[value] for value in activations_of(node))
        if node.attributes.get_floats("x_scales", ()):
            operands = tuple(
                calls.call_function(_q("dequantize_per_tensor"), (x, *_scale(input_quantization(node, index))))
                for index, x in enumerate(operands)
            )
        if node.op_type in ("Quantize", "Dequantize"):
            (found,) = operands
        elif node.op_type in FUNCTIONS:
            found = calls.call_function(FUNCTIONS[node.op_type], operands)
        else:
            root.add_module(f"node{number}", _module(node))
            found = calls.call_module(f"node{number}", operands)
        if node.op_type != "Activation" and activation_of(node) != "none":
            root.add_module(f"activation{number}", _activation(node))
            found = calls.call_module(f"activation{number}", (found,))
        if is_integer(node):
            found = calls.call_function(_q("quantize_per_tensor"), (found, *_scale(output_quantization(node))))
        values[node.outputs[0]] = found
    calls.output(values[normal.graph.outputs[0]])
    return fx.GraphModule(root, calls)


def _q(name: str) -> Any:
    """An operator of torch's quantized networks."""
    from torch.ao.quantization.fx import _decomposed  # noqa: F401 - defines them

    return getattr(torch.ops.quantized_decomposed, name).default


def _scale(scale: Quantization) -> tuple[Any, ...]:
    """What these operators ask for: a byte of ours is an int8 plus 128."""
    return scale.scale, scale.zero - 128, -128, 127, torch.int8


class _Rounded(nn.Module):
    """A convolution or product whose weights are int8 with a scale for each output."""

    bias: torch.Tensor

    def __init__(self, module: nn.Conv2d | nn.Linear, node: ir.Node) -> None:
        super().__init__()
        weight, bias, scales = (array_of(value) for value in parameters_of(node))
        units = np.float32(input_quantization(node).scale) * scales.astype(np.float32)
        self.register_buffer("weight", torch.from_numpy(np.array(weight)))
        self.register_buffer("scales", torch.from_numpy(np.array(scales, np.float32)))
        self.register_buffer("zeros", torch.zeros(len(scales), dtype=torch.int64))
        self.register_buffer("bias", torch.from_numpy((bias * units).astype(np.float32)))
        self.more: tuple[Any, ...] = ()
        if isinstance(module, nn.Conv2d):
            self.more = module.stride, module.padding, module.dilation, module.groups

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The product, in float."""
        weight = _q("dequantize_per_channel")(self.weight, self.scales, self.zeros, 0, -127, 127, torch.int8)
        product: Callable[..., torch.Tensor] = nn.functional.conv2d if self.more else nn.functional.linear
        return product(x, weight, self.bias, *self.more)


def _module(node: ir.Node) -> nn.Module:
    if node.op_type not in MODULES:
        raise UserError(f"{node.name}: {node.op_type} has no module of torch here")
    return MODULES[node.op_type](node)


def _activation(node: ir.Node) -> nn.Module:
    name = activation_of(node)
    if name == "clip":
        low, high = bounds_of(node)
        return nn.ReLU() if (low, high) == (0.0, np.inf) else nn.Hardtanh(low, high)
    return ACTIVATIONS[name]()


def _filled(module: nn.Conv2d | nn.Linear, node: ir.Node) -> nn.Module:
    if is_integer(node):
        return _Rounded(module, node)
    weight, bias = (torch.from_numpy(array_of(value).copy()) for value in parameters_of(node))
    module.load_state_dict({"weight": weight, "bias": bias})
    return module


def _padded(node: ir.Node, fill: float) -> tuple[tuple[int, int], list[nn.Module]]:
    """Padding that both sides have alike, and what goes before a window whose sides differ."""
    top, left, bottom, right = window_of(node).pads
    if (top, left) == (bottom, right):
        return (top, left), []
    return (0, 0), [nn.ConstantPad2d((left, right, top, bottom), fill)]


def _chain(before: list[nn.Module], module: nn.Module) -> nn.Module:
    return nn.Sequential(*before, module) if before else module


def _convolution(node: ir.Node) -> nn.Module:
    window, weight = window_of(node), array_of(node.inputs[1])
    groups = node.attributes.get_int("group", 1)
    padding, before = _padded(node, 0.0)
    channels = weight.shape[1] * groups
    module = nn.Conv2d(channels, len(weight), window.kernel, window.stride, padding, window.dilation, groups)
    return _chain(before, _filled(module, node))


def _linear(node: ir.Node) -> nn.Module:
    outputs, inputs = array_of(node.inputs[1]).shape
    return _filled(nn.Linear(inputs, outputs), node)


def _max_pool(node: ir.Node) -> nn.Module:
    window = window_of(node)
    padding, before = _padded(node, -np.inf)
    return _chain(before, nn.MaxPool2d(window.kernel, window.stride, padding, window.dilation))


def _average_pool(node: ir.Node) -> nn.Module:
    window, whole = window_of(node), bool(node.attributes.get_int("count_include_pad", 0))
    padding, before = _padded(node, 0.0)
    if before and not whole:
        raise UserError(f"{node.name}: torch averages borders that are padded on one side only in another way")
    return _chain(before, nn.AvgPool2d(window.kernel, window.stride, padding, count_include_pad=whole))


ACTIVATIONS: Mapping[str, Callable[[], nn.Module]] = {
    "hard_swish": nn.Hardswish,
    "hard_sigmoid": nn.Hardsigmoid,
    "sigmoid": nn.Sigmoid,
    "silu": nn.SiLU,
}
"""Activation function of the normal form, other than "clip" -> module."""


def _concat(*maps: torch.Tensor) -> torch.Tensor:
    return torch.cat(maps, 1)


FUNCTIONS: Mapping[str, Callable[..., torch.Tensor]] = {"Add": torch.add, "Concat": _concat, "Multiply": torch.mul}
"""Operator of the normal form -> function of its activations."""

MODULES: Mapping[str, Callable[[ir.Node], nn.Module]] = {
    "Convolution": _convolution,
    "Depthwise": _convolution,
    "Pointwise": _convolution,
    "FullyConnected": _linear,
    "MaxPool": _max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": lambda _: nn.AdaptiveAvgPool2d(1),
    "Flatten": lambda _: nn.Flatten(),
    "Softmax": lambda _: nn.Softmax(1),
    "Activation": _activation,
}
"""Operator of the normal form -> module with its weights."""
