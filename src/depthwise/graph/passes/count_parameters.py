"""Trainable parameters are counted before folding changes them: weights and biases, BatchNorm's scale and shift.

That is how papers count (MobileNetV2 1.0: 3,504,872); a weight that several nodes share counts once, at the first.
"""

import onnx_ir as ir

from depthwise.graph.metadata import PARAMETERS, add_parameters
from depthwise.graph.passes.base import nodes_of

TRAINABLE = {
    "Conv": (1, 2),
    "Gemm": (1, 2),
    "MatMul": (0, 1),
    "BatchNormalization": (1, 2),
    "Add": (0, 1),
    "Sub": (0, 1),
    "Mul": (0, 1),
    "Div": (0, 1),
}
"""Operator -> which of its inputs are trained, when they are constants of more than one element."""


def count_parameters(model: ir.Model) -> bool:
    """Writes the count of each node into its metadata (it replaces one that a file brought along)."""
    counted: set[ir.Value] = set()
    changed = False
    for node in nodes_of(model, *TRAINABLE):
        node.metadata_props.pop(PARAMETERS, None)
        for index in TRAINABLE[node.op_type]:
            value = node.inputs[index] if index < len(node.inputs) else None
            if value is None or value.const_value is None or value in counted or _is_setting(node, value):
                continue
            counted.add(value)
            add_parameters(node, value.const_value.size)
            changed = True
    return changed


def _is_setting(node: ir.Node, value: ir.Value) -> bool:
    """Scalars of elementwise operators are settings (the 3 and 6 of hard-swish), not trained."""
    size = 0 if value.const_value is None else value.const_value.size
    return size == 1 and node.op_type in ("Add", "Sub", "Mul", "Div")
