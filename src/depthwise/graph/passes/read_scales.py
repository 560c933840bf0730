"""Weights that a file holds as integers become floats, and their readers remember the scales.

DequantizeLinear(q, s, z) = (q - z) s, of a constant q, per tensor or per channel; a QuantizeLinear before it likewise

A node whose weight was such gets the attribute `w_scales`, one for each output or one for all; one whose bias was such
`b_integers`. That makes it a node of 8 bits, if its activations are quantized too (`to_integers`).
"""

import numpy as np
import onnx_ir as ir

from depthwise.graph.passes.base import constant, has_input, nodes_of, parameter, refuse, replace
from depthwise.graph.passes.fold_constants import lift_constants

READERS = ("Conv", "Gemm", "MatMul")
"""Operators with a weight at input 1 and perhaps a bias at input 2."""

_INTEGERS = (ir.DataType.INT8, ir.DataType.UINT8, ir.DataType.INT32)


def read_scales(model: ir.Model) -> bool:
    """Computes every QuantizeLinear and DequantizeLinear of a constant.

    Raises:
        UserError: scales that are missing, not positive or not finite, or of another number than the channels;
            integers of more than 8 bits, other than a bias of 32.
    """
    if not nodes_of(model, "DequantizeLinear"):
        return False
    lift_constants(model)
    changed = False
    for node in nodes_of(model, "QuantizeLinear"):
        if constant(node, 0) is not None:
            _quantize(node)
            changed = True
    for node in nodes_of(model, "DequantizeLinear"):
        if constant(node, 0) is not None:
            _dequantize(model, node)
            changed = True
    return changed


def scale_and_zero(node: ir.Node) -> tuple[np.ndarray, np.ndarray]:
    """Scales (float32) and zero points (int64) of a QuantizeLinear or DequantizeLinear, as vectors of one length.

    Raises:
        UserError: they are no constants, do not fit together, or a scale is not a positive number.
    """
    scale, zero = constant(node, 1), constant(node, 2)
    if scale is None or (has_input(node, 2) and zero is None):
        raise refuse(node, "has a scale or zero point that is no constant: quantize the model statically")
    if node.attributes.get_int("block_size", 0):
        raise refuse(node, "has scales for blocks, which are not supported: one for each tensor or channel is")
    scale = scale.reshape(-1).astype(np.float32)
    zero = np.zeros(scale.shape, np.int64) if zero is None else zero.reshape(-1).astype(np.int64)
    if not (np.isfinite(scale) & (scale > 0)).all():
        bad = scale[~(np.isfinite(scale) & (scale > 0))][0]
        raise refuse(node, f"has the scale {bad:g}: scales are above 0; calibrate the model again")
    if zero.shape != scale.shape:
        raise refuse(node, f"has {scale.size} scales and {zero.size} zero points")
    return scale, zero


def _quantize(node: ir.Node) -> None:
    array, (scale, zero) = constant(node, 0), scale_and_zero(node)
    assert array is not None
    kind = ir.DataType.UINT8 if not has_input(node, 2) else node.inputs[2].dtype  # type: ignore[union-attr]
    if kind not in (ir.DataType.INT8, ir.DataType.UINT8):
        raise refuse(node, f"quantizes to {kind}: 8 bits are supported")
    low, high = (0, 255) if kind == ir.DataType.UINT8 else (-128, 127)
    integers = np.clip(np.rint(array / _along(node, scale, array)) + _along(node, zero, array), low, high)
    output = node.outputs[0]
    output.const_value = ir.Tensor(integers.astype(kind.numpy()), dtype=kind, name=output.name)


def _dequantize(model: ir.Model, node: ir.Node) -> None:
    value, (scale, zero) = node.inputs[0], scale_and_zero(node)
    assert value is not None and value.const_value is not None
    if value.const_value.dtype not in _INTEGERS:
        raise refuse(node, f"holds weights of {value.const_value.dtype}: 8 bits are supported, and biases of 32")
    integers = value.const_value.numpy().astype(np.int64)
    floats = ((integers - _along(node, zero, integers)).astype(np.float32) * _along(node, scale, integers)).astype(
        np.float32
    )
    for reader, index in [(use.node, use.idx) for use in node.outputs[0].uses()]:
        if reader.op_type in READERS and index == 1:
            reader.attributes["w_scales"] = ir.AttrFloat32s("w_scales", scale.tolist())
        elif reader.op_type in READERS and index == 2:
            reader.attributes["b_integers"] = ir.AttrInt64s("b_integers", (integers - zero).reshape(-1).tolist())
    replace(node.outputs[0], parameter(model, str(value.name or node.name), floats))


def _along(node: ir.Node, values: np.ndarray, array: np.ndarray) -> np.ndarray:
    """Scales or zero points in the shape that multiplies an array."""
    if values.size == 1:
        return values.reshape(()) if array.ndim == 0 else values
    axis = node.attributes.get_int("axis", 1)
    if not -array.ndim <= axis < array.ndim or array.shape[axis] != values.size:
        raise refuse(node, f"has {values.size} scales along axis {axis} of {list(array.shape)}")
    shape = [1] * array.ndim
    shape[axis] = -1
    return values.reshape(shape)
