"""A network with its tensors rounded to 8 bits, layer by layer beside the float one, on a batch of images.

Sums are float32 here, not integers, so now and then a value is one level beside the compiled network's: enough to see
noise and mean errors, and no program is built. Every layer is computed three times: in float; in 8 bits after all
that came before in 8 bits; and in 8 bits after float, which shows the noise of this layer alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from depthwise.ops import REGISTRY
from depthwise.ops._activation import activate
from depthwise.ops._quantized import HIGHEST, LOWEST
from depthwise.ops._window import window_of
from depthwise.ops.base import activations_of
from depthwise.quantization.state import State, has_weights, layer_parameters


@dataclass(frozen=True, eq=False)
class Layer:
    """What a node computes over a batch; arrays [N, H, W, C] or [N, C], float32.

    Attributes:
        expected: by the float network.
        found: in 8 bits, after all before it in 8 bits.
        alone: in 8 bits, after the float network.
    """

    node: ir.Node
    expected: np.ndarray
    found: np.ndarray
    alone: np.ndarray


Mend = Callable[[ir.Node, np.ndarray, np.ndarray], np.ndarray]
"""From a layer and its sums before the activation function, expected and found, to what is added to its bias [O]."""


def simulate(state: State, inputs: np.ndarray, visit: Callable[[Layer], None], mend: Mend | None = None) -> None:
    """Runs a State's network in order of execution.

    Args:
        state: with encodings and weights.
        inputs: what the float network takes, float32 [N, H, W, C].
        visit: called with each layer.
        mend: called with each layer in 8 bits that has weights; what follows sees the bias that it gives.
    """
    graph = state.network.graph
    exact: dict[ir.Value, np.ndarray] = {graph.inputs[0]: inputs}
    coarse: dict[ir.Value, np.ndarray] = {graph.inputs[0]: inputs}
    last = {value: node for node in graph for value in activations_of(node)}
    for node in graph:
        values = activations_of(node)
        layer = _layer(state, node, [exact[value] for value in values], [coarse[value] for value in values], mend)
        visit(layer)
        exact[node.outputs[0]], coarse[node.outputs[0]] = layer.expected, layer.found
        for value in values:
            if last[value] is node:
                exact.pop(value, None)
                coarse.pop(value, None)


def rounded(state: State, value: ir.Value, array: np.ndarray) -> np.ndarray:
    """What is left of a tensor's floats in 8 bits: `form.dequantize(form.quantize(array))` in one array."""
    form = state.encodings[str(value.name)]
    levels = array / np.float32(form.scale)
    np.rint(levels, out=levels)
    np.clip(levels, LOWEST - form.zero, HIGHEST - form.zero, out=levels)
    levels *= np.float32(form.scale)
    return levels


def _layer(
    state: State, node: ir.Node, exact: Sequence[np.ndarray], coarse: Sequence[np.ndarray], mend: Mend | None
) -> Layer:
    if str(node.name) in state.floats:
        expected, found = (_finish(node, _begin(node, x)) for x in (exact, coarse))
        return Layer(node, expected, found, expected)
    values = activations_of(node)
    found, alone = (
        _begin(node, [rounded(state, value, x) for value, x in zip(values, arrays, strict=True)], state)
        for arrays in (coarse, exact)
    )
    expected = _begin(node, exact)
    if mend is not None and has_weights(node):
        shift = mend(node, expected, found)
        found, alone = found + shift, alone + shift
    found, alone = (rounded(state, node.outputs[0], _finish(node, y)) for y in (found, alone))
    return Layer(node, _finish(node, expected), found, alone)


def _begin(node: ir.Node, inputs: Sequence[np.ndarray], state: State | None = None) -> np.ndarray:
    """A layer's sums before its activation function, with the weights of a State or the float ones; else the output."""
    if not has_weights(node):
        reference = REGISTRY[node.op_type].reference
        images = [reference(node, *(_first(x[i : i + 1]) for x in inputs)) for i in range(len(inputs[0]))]
        return np.concatenate([_last(image) for image in images])
    weight, bias = layer_parameters(node)
    if state is not None:
        weights = state.weights[str(node.name)]
        weight, bias = weights.weight(), weights.bias
    return np.asarray((_vector_sums if weight.ndim == 2 else _map_sums)(node, inputs[0], weight) + bias)


def _finish(node: ir.Node, y: np.ndarray) -> np.ndarray:
    return activate(node, y) if has_weights(node) else y


def _vector_sums(_: ir.Node, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.asarray(x.reshape(len(x), -1) @ weight.T)


def _map_sums(node: ir.Node, x: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Sums of a grouped convolution, tap by tap: [N, H, W, I] and [O, I / group, kh, kw] to [N, OH, OW, O]."""
    window, group = window_of(node), node.attributes.get_int("group", 1)
    (top, left, bottom, right), (sy, sx), (dy, dx) = window.pads, window.stride, window.dilation
    height, width = window.output(*x.shape[1:3])
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    outputs, depth, *kernel = weight.shape
    y = np.zeros((len(x), height, width, outputs), np.float32)
    for i, j in np.ndindex(*kernel):
        seen = padded[:, i * dy :: sy, j * dx :: sx][:, :height, :width]
        if depth == 1 and group > 1:  # depthwise: output o reads input o // multiplier
            y += (seen if outputs == group else np.repeat(seen, outputs // group, axis=3)) * weight[:, 0, i, j]
            continue
        members = outputs // group
        for g in range(group):
            part = seen[..., g * depth : (g + 1) * depth] @ weight[g * members : (g + 1) * members, :, i, j].T
            y[..., g * members : (g + 1) * members] += part
    return y


def _first(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array


def _last(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array
