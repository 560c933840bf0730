"""A Graph in normal form as a torch module, as somebody would write it: modules of torch.nn, one after the other."""

from collections.abc import Callable, Mapping

import numpy as np
import onnx_ir as ir
import torch
from torch import fx, nn

from depthwise.errors import UserError
from depthwise.ops._activation import activation_of, bounds_of
from depthwise.ops._window import window_of
from depthwise.ops.base import activations_of, array_of, parameters_of


def torch_module(normal: ir.Model) -> fx.GraphModule:
    """A module from float32 [1, C, H, W] to what the Graph gives.

    Raises:
        UserError: a node that torch has no module for.
    """
    root, calls = nn.Module(), fx.Graph()
    inputs = [value for value in normal.graph.inputs if value.const_value is None]
    values = {value: calls.placeholder(f"x{number}") for number, value in enumerate(inputs)}
    for number, node in enumerate(normal.graph):
        operands = tuple(values[value] for value in activations_of(node))
        if node.op_type in FUNCTIONS:
            found = calls.call_function(FUNCTIONS[node.op_type], operands)
        else:
            root.add_module(f"node{number}", _module(node))
            found = calls.call_module(f"node{number}", operands)
        if node.op_type != "Activation" and activation_of(node) != "none":
            root.add_module(f"activation{number}", _activation(node))
            found = calls.call_module(f"activation{number}", (found,))
        values[node.outputs[0]] = found
    calls.output(values[normal.graph.outputs[0]])
    return fx.GraphModule(root, calls)


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

FUNCTIONS: Mapping[str, Callable[..., torch.Tensor]] = {"Add": torch.add, "Multiply": torch.mul}
"""Operator of the normal form -> function of its two activations."""

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
