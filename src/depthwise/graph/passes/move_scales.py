"""What only moves values needs no scale of its own.

DQ(Q(f(DQ(q)))) = f(DQ(q)) for the same scale and zero point, if f moves, chooses or pads with zeros
"""

import onnx_ir as ir

from depthwise.graph.passes.base import nodes_of, replace
from depthwise.graph.passes.read_scales import scale_and_zero

_MOVERS = ("Flatten", "Identity", "MaxPool", "Pad", "Reshape", "Squeeze", "Transpose", "Unsqueeze")


def move_scales(model: ir.Model) -> bool:
    """Removes the pairs of QuantizeLinear and DequantizeLinear after such operators."""
    changed = False
    for node in nodes_of(model, "DequantizeLinear"):
        quantize = _maker(node.inputs[0], "QuantizeLinear")
        mover = _maker(quantize.inputs[0], *_MOVERS) if quantize else None
        before = _maker(mover.inputs[0], "DequantizeLinear") if mover else None
        if quantize and mover and before and _same(quantize, node) and _same(before, node):
            replace(node.outputs[0], mover.outputs[0])
            changed = True
    return changed


def _maker(value: ir.Value | None, *operators: str) -> ir.Node | None:
    node = None if value is None else value.producer()
    return node if node is not None and node.op_type in operators else None


def _same(one: ir.Node, other: ir.Node) -> bool:
    (scale, zero), (other_scale, other_zero) = scale_and_zero(one), scale_and_zero(other)
    return bool((scale == other_scale).all() and (zero == other_zero).all())
