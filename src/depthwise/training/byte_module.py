"""A network in 8 bits as a torch module that learns: what `quantization.state.in_bytes` computes, with gradients.

What passes between layers is whole numbers q - z, in float32. Sums of such numbers below 2^24 are exact, whatever their
order, and the rest follows docs/int8.md operation by operation: so it gives the bytes of the compiled network, but for
larger sums, functions in float32 and softmax, which may be a step beside. Backwards, rounding counts as the identity
(the straight-through estimator) and a clamp stops what it clamped.

Every parameter counts in steps of 8 bits, or in logarithms: an optimizer's step then has the same effect on every
channel, however its weights and its range are scaled.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor, nn

from depthwise.ops._activation import activation_of, bounds_of
from depthwise.ops._quantized import HIGHEST, Quantization
from depthwise.ops.base import activations_of, parameters_of
from depthwise.quantization.state import State
from depthwise.quantization.weights import LARGEST, Weights
from depthwise.training.normal_module import MOVERS, SUMS, NormalModule, activate, run, window_counts, window_sums

INSIDE = 0.49
"""How far a weight may lie from the whole number that it begins as."""


class ByteModule(nn.Module):
    """A State that learns.

    Args:
        state: with encodings and weights, without layers in float.

    forward takes float32 [N, C, H, W] and returns the output as floats.

    Attributes:
        steps: weights in steps of their scale, by the node's place in the Graph; their nearest whole numbers count.
        biases: what is added to each bias, in steps of the output.
        weight_scales: logarithms of what each weight scale is multiplied by, [O], or [1] for one scale a layer.
        scales: logarithms of what the scales of activations are multiplied by, in the order of `encodings`.

    Raises:
        UserError: as NormalModule.
    """

    def __init__(self, state: State) -> None:
        super().__init__()
        if state.floats:
            raise ValueError("a network with layers in float does not learn in 8 bits")
        NormalModule(state.network)  # refuses what has no form
        self.state = state
        self.encodings = [str(value.name) for value in _encoded(state.network)]
        self.scales = nn.Parameter(torch.zeros(len(self.encodings)))
        forms = [state.encodings[name] for name in self.encodings]
        self.register_buffer("starts", torch.tensor([form.scale for form in forms]))
        self.register_buffer("free", torch.tensor([self._is_free(value) for value in _encoded(state.network)]))
        self._zeros = {name: form.zero for name, form in zip(self.encodings, forms, strict=True)}
        self.steps, self.biases, self.weight_scales = (nn.ParameterDict() for _ in range(3))
        for place, node in enumerate(state.network.graph):
            if parameters_of(node):
                self._add(str(place), node)

    def _add(self, place: str, node: ir.Node) -> None:
        """The parameters of a node."""
        weights, weight = self.state.weights[str(node.name)], node.inputs[1].const_value.numpy()  # type: ignore[union-attr]
        column = weights.scales.reshape(-1, *(1,) * (weight.ndim - 1))
        values = weights.values.astype(np.float32)
        near = np.clip(weight / column, values - INSIDE, values + INSIDE).astype(np.float32)
        self.steps[place] = nn.Parameter(torch.from_numpy(near))
        self.biases[place] = nn.Parameter(torch.zeros(len(weights.bias)))
        count = 1 if self.state.rule.per_tensor else len(weights.scales)
        self.weight_scales[place] = nn.Parameter(torch.zeros(count))
        unit = self.state.encodings[str(node.outputs[0].name)].scale
        for name, array in (("scale", weights.scales), ("bias", weights.bias), ("unit", np.float32(unit))):
            self.register_buffer(f"{name}_{place}", torch.from_numpy(np.array(array, np.float32)))

    def _is_free(self, value: ir.Value) -> bool:
        """Whether a value's scale learns; one whose range ends where a clip does is right as it is."""
        node, form = value.producer(), self.state.encodings[str(value.name)]
        if node is None or activation_of(node) != "clip":
            return True
        return bounds_of(node)[1] / form.scale > HIGHEST - form.zero + 0.5

    def forward(self, x: Tensor) -> Tensor:
        """The output of a batch."""
        scales = self.activation_scales()
        graph = self.state.network.graph
        first, last = graph.inputs[0], graph.outputs[0]
        whole = self.quantize(first, x, scales)
        y = run(self.state.network, whole, lambda node, place, x: self.compute(node, place, x, scales))
        return y * scales[str(last.name)]

    def activation_scales(self) -> dict[str, Tensor]:
        """The scale of each value, by its name."""
        scales = self.get_buffer("starts") * (self.scales * self.get_buffer("free")).exp()
        found: dict[str, Tensor] = dict(zip(self.encodings, scales, strict=True))
        for node in self.state.network.graph:
            if node.op_type in MOVERS:
                found[str(node.outputs[0].name)] = found[str(node.inputs[0].name)]  # type: ignore[union-attr]
        return found

    def quantize(self, value: ir.Value, x: Tensor, scales: Mapping[str, Tensor]) -> Tensor:
        """Floats of a value to whole numbers."""
        return to_whole(x / scales[str(value.name)], *self._range(str(value.name)))

    def compute(self, node: ir.Node, place: int, inputs: Sequence[Tensor], scales: Mapping[str, Tensor]) -> Tensor:
        """What the node at a place of the Graph makes of whole numbers."""
        if node.op_type in MOVERS:
            return MOVERS[node.op_type](node, *inputs)
        bounds = self.bounds(node, scales)
        if node.op_type in SUMS:
            weight = to_whole(self.steps[str(place)], -LARGEST, LARGEST)
            return _requantize(*self.sums(node, place, inputs[0], weight, scales), *bounds)
        read = [scales[str(value.name)] for value in activations_of(node)]
        return to_whole(_EXACT[node.op_type](node, inputs, read, scales[str(node.outputs[0].name)]), *bounds)

    def sums(
        self, node: ir.Node, place: int, x: Tensor, weight: Tensor, scales: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor]:
        """A layer's sums and what they are multiplied by to be in steps of the output.

        Args:
            x, weight: whole numbers.
        """
        scale, bias = self.weight_scale(place), self.bias(place)
        read, written = scales[str(node.inputs[0].name)], scales[str(node.outputs[0].name)]  # type: ignore[union-attr]
        whole = _round(bias.double() / (read.double() * scale.double())).float()
        sums = SUMS[node.op_type](node, x, weight, whole)
        return sums, ((read * scale) / written).reshape(1, -1, *(1,) * (sums.ndim - 2))

    def bounds(self, node: ir.Node, scales: Mapping[str, Tensor]) -> tuple[float, float]:
        """The least and the largest whole number that a node gives."""
        name = str(node.outputs[0].name)
        low, high = self._range(name)
        if activation_of(node) == "clip":
            scale = np.float32(scales[name].item())
            low, high = (float(np.rint(np.clip(np.float32(end) / scale, low, high))) for end in bounds_of(node))
        return low, high

    def _range(self, name: str) -> tuple[float, float]:
        zero = self._zeros[name]
        return float(-zero), float(HIGHEST - zero)

    def weight_scale(self, place: int) -> Tensor:
        """The scales of a layer's weights, [O]."""
        scales: Tensor = self.get_buffer(f"scale_{place}") * self.weight_scales[str(place)].exp()
        return scales

    def bias(self, place: int) -> Tensor:
        """The bias of a layer, [O]."""
        bias: Tensor = self.get_buffer(f"bias_{place}") + self.get_buffer(f"unit_{place}") * self.biases[str(place)]
        return bias

    @torch.no_grad()
    def learned(self, changed: str) -> State:
        """The State with what has been learned."""
        weights, encodings = dict(self.state.weights), dict(self.state.encodings)
        for name, scale in self.activation_scales().items():
            encodings[name] = Quantization(scale.item(), encodings[name].zero)
        for place, node in enumerate(self.state.network.graph):
            if parameters_of(node):
                values = self.steps[str(place)].round().clamp(-LARGEST, LARGEST).to(torch.int8)
                arrays = (values, self.weight_scale(place), self.bias(place))
                weights[str(node.name)] = Weights(*(np.array(array.cpu().numpy()) for array in arrays))
        return replace(self.state, weights=weights, encodings=encodings, changed=changed)


class _Requantize(torch.autograd.Function):
    """Times a scale, clamped to two numbers, rounded half to even."""

    @staticmethod
    def forward(ctx: Any, sums: Tensor, scale: Tensor, low: float, high: float) -> Tensor:
        exact = sums * scale
        ctx.save_for_backward(exact, scale)
        ctx.bounds = (low, high)
        return exact.clamp(low, high).round_()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        exact, scale = ctx.saved_tensors
        inside = torch.ops.aten.hardtanh_backward(gradient, exact, *ctx.bounds)
        by_scale = (inside * exact).sum_to_size(scale.shape) / scale
        return inside * scale, by_scale, None, None


def _requantize(sums: Tensor, scale: Tensor, low: float, high: float) -> Tensor:
    whole: Tensor = _Requantize.apply(sums, scale, low, high)  # type: ignore[no-untyped-call]
    return whole


class _ToWhole(torch.autograd.Function):
    """Clamped to two numbers, rounded half to even."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float) -> Tensor:
        ctx.save_for_backward(x)
        ctx.bounds = (low, high)
        return x.clamp(low, high).round_()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return torch.ops.aten.hardtanh_backward(gradient, *ctx.saved_tensors, *ctx.bounds), None, None


def to_whole(x: Tensor, low: float, high: float) -> Tensor:
    """The nearest whole numbers from `low` to `high`; the gradient is that of x where it is inside."""
    whole: Tensor = _ToWhole.apply(x, low, high)  # type: ignore[no-untyped-call]
    return whole


def _round(x: Tensor) -> Tensor:
    """Half to even; its gradient is that of x."""
    return x + (x.round() - x).detach()


def _encoded(network: ir.Model) -> list[ir.Value]:
    """The values of a Graph that have a scale of their own."""
    return [
        *network.graph.inputs,
        *(node.outputs[0] for node in network.graph if node.op_type not in MOVERS),
    ]


def _add(_: ir.Node, x: Sequence[Tensor], read: Sequence[Tensor], written: Tensor) -> Tensor:
    return x[0] * (read[0] / written) + x[1] * (read[1] / written)


def _multiply(_: ir.Node, x: Sequence[Tensor], read: Sequence[Tensor], written: Tensor) -> Tensor:
    return (x[0] * x[1]) * ((read[0] * read[1]) / written)


def _average(node: ir.Node, x: Sequence[Tensor], read: Sequence[Tensor], written: Tensor) -> Tensor:
    return window_sums(node, x[0]) * ((read[0] / written) / window_counts(node, x[0]))


def _global_average(_: ir.Node, x: Sequence[Tensor], read: Sequence[Tensor], written: Tensor) -> Tensor:
    return x[0].sum((2, 3), keepdim=True) * ((read[0] / written) / math.prod(x[0].shape[2:]))


def _concat(_: ir.Node, x: Sequence[Tensor], read: Sequence[Tensor], written: Tensor) -> Tensor:
    return torch.cat([each * scale / written for each, scale in zip(x, read, strict=True)], 1)


def _function(node: ir.Node, x: Sequence[Tensor], read: Sequence[Tensor], written: Tensor) -> Tensor:
    return activate(node, x[0] * read[0]) / written


def _softmax(_: ir.Node, x: Sequence[Tensor], read: Sequence[Tensor], written: Tensor) -> Tensor:
    return (x[0] * read[0]).softmax(1) / written


_EXACT: Mapping[str, Callable[[ir.Node, Sequence[Tensor], Sequence[Tensor], Tensor], Tensor]] = {
    "Activation": _function,
    "Add": _add,
    "AveragePool": _average,
    "Concat": _concat,
    "GlobalAveragePool": _global_average,
    "Multiply": _multiply,
    "Softmax": _softmax,
}
"""From a node, whole numbers and scales to the output before rounding and clamping, in steps."""
