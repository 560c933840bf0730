"""What a Core ML package keeps of a network's numbers: float16 weights, or int8 ones with a float16 scale an output.

Core ML computes in float16 in both. Of an 8-bit network the int8 weights stay; its activations are float16 between the
bounds of their bytes, which may stand for an activation function.
"""

import numpy as np
import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.ops._activation import activation_of
from depthwise.ops._quantized import input_quantization, is_integer, output_bounds, output_quantization
from depthwise.ops.base import array_of, parameters_of
from depthwise.quantization.weights import quantize_weights

SCALES = "weight_scales"
"""Attribute of a node whose weights are int8 in the package: their scales, float16 numbers, one for each output."""

_SMALLEST = np.float16(2.0**-24)
_BOUNDED = ("Add", "Multiply", "Activation")
"""Operators without weights that carry an activation function."""


def stored(normal: ir.Model, precision: str | None) -> ir.Model:
    """The network that a package holds: a Graph of floats whose parameters are exactly the stored numbers.

    Args:
        normal: in normal form, with float inputs.
        precision: of the weights, "float16" or "int8"; None: int8 where the network has them, else float16.

    Raises:
        UserError: float16 for a network whose weights are int8; a number beyond float16, with its node.
    """
    if precision == "float16" and any(is_integer(node) and parameters_of(node) for node in normal.graph):
        raise UserError("the network's weights are int8 already: leave --precision out, or export its float32 network")
    model = normal.clone()
    for node in model.graph:
        integer = is_integer(node)
        if parameters_of(node):
            _keep_parameters(node, eight=integer or precision == "int8")
        if integer:
            _to_floats(node)
        elif node.op_type == "Dequantize":
            _replace(node, "Activation", {})
        for key in ("minimum", "maximum"):
            if key in node.attributes:
                with np.errstate(over="ignore"):
                    bound = float(np.float16(node.attributes.get_float(key)))
                node.attributes[key] = ir.AttrFloat32(key, bound)
    return model


def eight_bit_weights(node: ir.Node) -> tuple[np.ndarray, np.ndarray] | None:
    """The int8 weights of a node of a stored network and their float16 scales; None if they are float16."""
    scales = node.attributes.get_floats(SCALES, None)
    if scales is None:
        return None
    half, weight = np.asarray(scales, np.float16), array_of(node.inputs[1])
    return np.asarray(np.rint(weight / _column(half, weight.ndim)), np.int8), half


def _keep_parameters(node: ir.Node, *, eight: bool) -> None:
    weight, bias = array_of(node.inputs[1]), array_of(node.inputs[2])
    if is_integer(node):
        scales = array_of(node.inputs[3]).astype(np.float32)
        bias = bias * (np.float64(input_quantization(node).scale) * scales)
        values = weight
    elif eight:
        found = quantize_weights(weight, bias, 1.0)
        values, scales = found.values, found.scales
    if eight:
        half = np.maximum(_half(node, scales), _SMALLEST)
        node.attributes[SCALES] = ir.AttrFloat32s(SCALES, half.astype(np.float32).tolist())
        weight = values * _column(half, weight.ndim)
    else:
        weight = _half(node, weight)
    for index, array in ((1, weight), (2, _half(node, bias))):
        name, tensor = str(parameters_of(node)[index - 1].name), ir.tensor(np.asarray(array, np.float32))
        kind = ir.TensorType(tensor.dtype)
        value = ir.Value(name=name, shape=ir.Shape(array.shape), type=kind, const_value=tensor)
        node.replace_input_with(index, value)


def _half(node: ir.Node, array: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        half = np.asarray(array, np.float16)
    if not np.isfinite(half).all():
        raise UserError(
            f"node '{node.name}' has a parameter of {float(np.abs(array).max()):.3g}, and float16 ends at 65504: "
            "export it to a format with float32 weights"
        )
    return half


def _column(scales: np.ndarray, axes: int) -> np.ndarray:
    return scales.astype(np.float32).reshape(-1, *[1] * (axes - 1))


def _to_floats(node: ir.Node) -> None:
    """A node of 8 bits as one of floats that ends where its bytes do."""
    bounded = node.op_type == "Quantize" or node.op_type in _BOUNDED or bool(parameters_of(node))
    kept = {key: node.attributes[key] for key in node.attributes if key[:2] not in ("x_", "y_")}
    if bounded and activation_of(node) in ("none", "clip"):
        scale = output_quantization(node)
        low, high = scale.dequantize(np.asarray(output_bounds(node)))
        kept["activation"] = ir.AttrString("activation", "clip")
        kept["minimum"], kept["maximum"] = ir.AttrFloat32("minimum", low), ir.AttrFloat32("maximum", high)
    _replace(node, "Activation" if node.op_type == "Quantize" else node.op_type, kept)


def _replace(node: ir.Node, op_type: str, attributes: dict[str, ir.Attr]) -> None:
    node.op_type = op_type
    node.attributes.clear()
    node.attributes.update(attributes)
    node.outputs[0].type = ir.TensorType(ir.DataType.FLOAT)
