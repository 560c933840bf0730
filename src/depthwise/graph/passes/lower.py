"""Standard ONNX becomes the normal form: one table, from ONNX operator to operator of the domain "depthwise".

Conv -> Depthwise (group = C > 1), Pointwise (1 x 1, stride 1, no padding, group 1), else Convolution
Gemm -> FullyConnected;  Add -> Add;  Mul -> Multiply;  the others keep their names
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from depthwise.graph.passes.base import (
    carried,
    constant,
    has_input,
    new_node,
    nodes_of,
    parameter,
    refuse,
    replace,
    shape_at,
    static_shape,
)
from depthwise.graph.passes.read_scales import scale_and_zero
from depthwise.ops.base import DOMAIN, Shape


@dataclass(frozen=True)
class _Lowered:
    operator: str
    inputs: list[ir.Value | None]
    attributes: Mapping[str, Any]
    parameters: Mapping[str, np.ndarray]


def lower(model: ir.Model) -> bool:
    """Replaces every standard operator; activations that are still missing are "none".

    Raises:
        UserError: a node of settings or shapes that no operator of the normal form serves.
    """
    changed = False
    for node in nodes_of(model, *LOWERINGS):
        lowered = LOWERINGS[node.op_type](node)
        shape = static_shape(node.outputs[0])
        assert shape is not None
        values = [parameter(model, f"{node.name}.{key}", array) for key, array in lowered.parameters.items()]
        new = new_node(node, lowered.operator, [*lowered.inputs, *values], shape, lowered.attributes, DOMAIN)
        if lowered.operator == "Quantize":
            new.outputs[0].type = ir.TensorType(ir.DataType.UINT8)
        replace(node.outputs[0], new.outputs[0])
        changed = True
    if model.graph.opset_imports.get(DOMAIN) != 1:
        model.graph.opset_imports[DOMAIN] = 1
        changed = True
    return changed


def _convolution(node: ir.Node) -> _Lowered:
    weight, bias, group = constant(node, 1), constant(node, 2), node.attributes.get_int("group", 1)
    if weight is None or (has_input(node, 2) and bias is None):
        raise refuse(node, "has weights that are no constants")
    channels, window = shape_at(node)[1], _window(node, weight.shape[2:])
    if weight.ndim != 4 or weight.shape[1] * group != channels or len(weight) % group:
        raise refuse(node, f"has a weight for {weight.shape[1] * group} channels in {group} groups")
    if bias is not None and bias.shape != (len(weight),):
        raise refuse(node, f"has a bias of {bias.size} numbers for {len(weight)} outputs")
    simple = not any(window["pads"]) and set(window["strides"]) == {1}
    if group == channels and channels > 1:
        operator = "Depthwise"
    elif group == 1 and weight.shape[2:] == (1, 1) and simple:
        operator = "Pointwise"
    else:
        operator = "Convolution"
    zeros = np.zeros(len(weight), np.float32)
    parameters = {"weight": weight, "bias": zeros if bias is None else bias}
    return _Lowered(
        operator, [node.inputs[0]], {**window, "group": group, "activation": "none", **carried(node)}, parameters
    )


def _linear(node: ir.Node) -> _Lowered:
    weight, bias = constant(node, 1), constant(node, 2)
    assert weight is not None
    zeros = np.zeros(len(weight), np.float32)
    parameters = {"weight": weight, "bias": zeros if bias is None else bias}
    return _Lowered("FullyConnected", [node.inputs[0]], {"activation": "none", **carried(node)}, parameters)


def _pool(node: ir.Node) -> _Lowered:
    if has_second_output(node):
        raise refuse(node, "has indices that other nodes read, which is not supported")
    window = _window(node, tuple(node.attributes.get_ints("kernel_shape")))
    if set(window.pop("dilations")) != {1}:
        raise refuse(node, "has dilations, which are not supported in pooling")
    if node.op_type == "AveragePool":
        window["count_include_pad"] = node.attributes.get_int("count_include_pad", 0)
    return _Lowered(node.op_type, [node.inputs[0]], window, {})


def _add(node: ir.Node) -> _Lowered:
    if len(node.inputs) != 2:
        raise refuse(node, "adds other than two values, which is not supported")
    if shape_at(node, 0) != shape_at(node, 1):
        raise refuse(node, "adds values of different shapes, which is not supported")
    return _Lowered("Add", list(node.inputs), {"activation": "none"}, {})


def _multiply(node: ir.Node) -> _Lowered:
    left, right = shape_at(node, 0), shape_at(node, 1)
    inputs = list(node.inputs)
    if math.prod(left) < math.prod(right):
        left, right, inputs = right, left, inputs[::-1]
    if right not in (left, (*left[:2], *(1 for _ in left[2:]))):
        raise refuse(node, "multiplies values that are neither of one shape nor a map and one number per channel")
    return _Lowered("Multiply", inputs, {"activation": "none"}, {})


def _quantize(node: ir.Node) -> _Lowered:
    scale, zero = _byte_scale(node)
    return _Lowered("Quantize", [node.inputs[0]], {"y_scale": scale, "y_zero": zero}, {})


def _dequantize(node: ir.Node) -> _Lowered:
    scale, zero = _byte_scale(node)
    return _Lowered("Dequantize", [node.inputs[0]], {"x_scales": [scale], "x_zeros": [zero]}, {})


def _byte_scale(node: ir.Node) -> tuple[float, int]:
    """Scale and zero point (of uint8) of a QuantizeLinear or DequantizeLinear of an activation."""
    scales, zeros = scale_and_zero(node)
    if len(set(zip(scales.tolist(), zeros.tolist(), strict=True))) > 1:
        raise refuse(node, f"has {scales.size} scales: an activation has one, so quantize the model per tensor there")
    kind = node.outputs[0].dtype if node.op_type == "QuantizeLinear" else node.inputs[0].dtype  # type: ignore[union-attr]
    if has_input(node, 2):
        kind = node.inputs[2].dtype  # type: ignore[union-attr]
    if kind not in (ir.DataType.INT8, ir.DataType.UINT8):
        raise refuse(node, f"holds activations of {kind}: int8 and uint8 are supported")
    return float(scales[0]), int(zeros[0]) + (128 if kind == ir.DataType.INT8 else 0)


def _softmax(node: ir.Node) -> _Lowered:
    shape = shape_at(node)
    axis = node.attributes.get_int("axis", -1) % len(shape)
    if axis != 1 or math.prod(shape) != shape[1]:
        raise refuse(node, f"has axis {axis}: softmax is supported over the channels of a vector")
    return _Lowered("Softmax", [node.inputs[0]], {}, {})


def _unary(node: ir.Node) -> _Lowered:
    return _Lowered(node.op_type, [node.inputs[0]], {}, {})


LOWERINGS: Mapping[str, Callable[[ir.Node], _Lowered]] = {
    "Add": _add,
    "AveragePool": _pool,
    "Concat": lambda node: _Lowered("Concat", list(node.inputs), {}, {}),
    "Conv": _convolution,
    "DequantizeLinear": _dequantize,
    "Flatten": _unary,
    "Gemm": _linear,
    "GlobalAveragePool": _unary,
    "MaxPool": _pool,
    "Mul": _multiply,
    "QuantizeLinear": _quantize,
    "Softmax": _softmax,
    "Sum": _add,
}
"""ONNX operator -> how it is written in the normal form."""


def has_second_output(node: ir.Node) -> bool:
    """Whether anything reads an output after the first."""
    return any(output.uses() or output.is_graph_output() for output in node.outputs[1:])


def _window(node: ir.Node, kernel: Shape) -> dict[str, Any]:
    return {
        "kernel_shape": list(kernel),
        "strides": list(node.attributes.get_ints("strides", (1, 1))),
        "pads": list(node.attributes.get_ints("pads", (0, 0, 0, 0))),
        "dilations": list(node.attributes.get_ints("dilations", (1, 1))),
    }
