"""Operators between Dequantize and Quantize become operators of 8 bits (docs/int8.md).

Quantize(f(Dequantize(q))) = f of 8 bits (q);   f(Dequantize(q)) = Dequantize(f(q)) for what moves or chooses values
Quantize(Dequantize(q)) = q, or a table where the scales differ

An operator with weights must have them from integers (`read_scales`); an activation function in its epilogue must be a
clip. What does not fit stays in float between the two.
"""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from depthwise.graph.passes.base import is_blank, new_node, parameter, replace
from depthwise.ops import REGISTRY
from depthwise.ops._quantized import Quantization, input_quantization, output_quantization
from depthwise.ops.base import DOMAIN, activations_of, array_of, parameters_of, shape_of

_MOVERS = ("Flatten", "MaxPool")


def to_integers(model: ir.Model) -> bool:
    """Rewrites what can be computed in 8 bits."""
    changed = False
    for node in list(model.graph):
        if node.graph is None or node.domain != DOMAIN or ("y_scale" in node.attributes and node.op_type != "Quantize"):
            continue
        if node.op_type == "Quantize":
            changed |= _join(node)
        elif node.op_type in _MOVERS:
            changed |= _move(node)
        elif node.op_type != "Dequantize" and REGISTRY[node.op_type].integer is not None:
            changed |= _compute(model, node)
    return changed


def float_operators(graph: ir.Model) -> list[ir.Node]:
    """Of a Graph in normal form with operators of 8 bits, those that compute in float; none if it has no 8 bits."""
    nodes = [node for node in graph.graph if node.op_type not in ("Quantize", "Dequantize")]
    if not any("y_scale" in node.attributes for node in nodes):
        return []
    return [node for node in nodes if "y_scale" not in node.attributes and not REGISTRY[node.op_type].view]


def integer_weights(weight: np.ndarray, scales: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """Weights [O, ...] as int8 with a float32 scale for each output.

    With `scales` (one for each output, or one for all) if they give back the very floats, else with the largest
    magnitude of each output at 127.
    """
    rows = weight.reshape(len(weight), -1)
    if is_blank(weight):
        return np.broadcast_to(np.int8(0), weight.shape), np.ones(len(weight), np.float32)
    given = np.broadcast_to(np.asarray(scales or [1.0], np.float32), (len(weight),))
    integers = np.rint(rows / given[:, None])
    exact = (integers.astype(np.float32) * given[:, None] == rows).all() and np.abs(integers + 0.5).max() <= 127.5
    if not exact or not scales:
        most = np.abs(rows).max(axis=1)
        given = np.where(most > 0, most / np.float32(127), np.float32(1)).astype(np.float32)
        integers = np.clip(np.rint(rows / given[:, None]), -127, 127)
    return integers.astype(np.int8).reshape(weight.shape), np.array(given)


def _join(node: ir.Node) -> bool:
    source = _dequantized(node.inputs[0])
    if source is None:
        return False
    value, before = source
    if before == output_quantization(node):
        replace(node.outputs[0], value)
    else:
        table = _integer_node(node, "Activation", [value], [before], output_quantization(node), {"activation": "none"})
        replace(node.outputs[0], table.outputs[0])
    return True


def _move(node: ir.Node) -> bool:
    source = _dequantized(node.inputs[0])
    if source is None:
        return False
    value, scale = source
    attributes = {key: attribute.value for key, attribute in node.attributes.items()}
    moved = _integer_node(node, node.op_type, [value], [scale], scale, attributes)
    back = new_node(node, "Dequantize", [moved.outputs[0]], shape_of(node.outputs[0]), _read([scale]), DOMAIN)
    back.name = f"{node.name}.dequantize"
    back.metadata_props.clear()
    replace(node.outputs[0], back.outputs[0])
    return True


def _compute(model: ir.Model, node: ir.Node) -> bool:
    output = _quantized(node.outputs[0])
    sources = [_dequantized(value) for value in activations_of(node)] if node.op_type != "Normalize" else []
    inputs = [source for source in sources if source is not None]
    if output is None or len(inputs) < len(sources):
        return False
    activation = node.attributes.get_string("activation", "none")
    if activation not in ("none", "clip") and node.op_type != "Activation":
        return False
    weights: list[ir.Value] = []
    if parameters_of(node):
        if "w_scales" not in node.attributes:
            return False
        weights = _weights(model, node, inputs[0][1])
    attributes = {key: each.value for key, each in node.attributes.items() if key not in ("w_scales", "b_integers")}
    values = [value for value, _ in inputs] or activations_of(node)
    integer = _integer_node(node, node.op_type, [*values, *weights], [scale for _, scale in inputs], output, attributes)
    for use in list(node.outputs[0].uses()):
        replace(use.node.outputs[0], integer.outputs[0])
    return True


def _weights(model: ir.Model, node: ir.Node, x: Quantization) -> list[ir.Value]:
    """Weight (int8), bias (int32) and scales (float32) of a node that reads x."""
    weight, bias = array_of(node.inputs[1]), array_of(node.inputs[2])
    integers, scales = integer_weights(weight, node.attributes.get_floats("w_scales", ()))
    units = np.float64(np.float32(x.scale)) * scales.astype(np.float64)
    given = np.asarray(node.attributes.get_ints("b_integers", ()), np.int64)
    biases = np.rint(bias.astype(np.float64) / units)
    if given.size == biases.size and (np.abs(given - biases) <= 1e-6 * np.abs(biases) + 1).all():
        biases = given.astype(np.float64)
    biases = np.clip(biases, -(2**31), 2**31 - 1)
    return [
        typed_parameter(model, f"{node.name}.weight", integers, ir.DataType.INT8),
        typed_parameter(model, f"{node.name}.bias", biases.astype(np.int32), ir.DataType.INT32),
        parameter(model, f"{node.name}.scale", scales),
    ]


def typed_parameter(model: ir.Model, name: str, array: np.ndarray, kind: ir.DataType) -> ir.Value:
    """A new initializer of another type than float32, under `name` or a free name like it."""
    value = parameter(model, name, np.zeros(0, np.float32))
    value.const_value = ir.Tensor(array, dtype=kind, name=value.name)
    value.shape, value.type = value.const_value.shape, ir.TensorType(kind)
    return value


def _integer_node(
    before: ir.Node,
    operator: str,
    inputs: Sequence[ir.Value],
    read: Sequence[Quantization],
    written: Quantization,
    attributes: dict[str, object],
) -> ir.Node:
    scales = _read(read) if read else {}
    attributes = {**attributes, **scales, "y_scale": float(written.scale), "y_zero": written.zero}
    node = new_node(before, operator, inputs, shape_of(before.outputs[0]), attributes, DOMAIN)
    node.outputs[0].type = ir.TensorType(ir.DataType.UINT8)
    return node


def _read(scales: Sequence[Quantization]) -> dict[str, object]:
    return {"x_scales": [float(each.scale) for each in scales], "x_zeros": [each.zero for each in scales]}


def _dequantized(value: ir.Value | None) -> tuple[ir.Value, Quantization] | None:
    """What a value is the Dequantize of."""
    node = None if value is None else value.producer()
    if node is None or node.op_type != "Dequantize" or node.inputs[0] is None:
        return None
    return node.inputs[0], input_quantization(node)


def _quantized(value: ir.Value) -> Quantization | None:
    """The scale and zero point that all readers of a value quantize it to."""
    readers = [use.node for use in value.uses()]
    found = {output_quantization(node) for node in readers if node.op_type == "Quantize"}
    if value.is_graph_output() or len(found) != 1 or any(node.op_type != "Quantize" for node in readers):
        return None
    return found.pop()
