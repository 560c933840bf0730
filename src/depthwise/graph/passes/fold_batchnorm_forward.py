"""BatchNorm disappears into the Conv or Gemm after it, when nothing is padded.

    W (a x + b) + c = (W a) x + (c + sum W b)

A padded Conv refuses: its border pixels are zero after the BatchNorm, and would have to be -b / a before it.
"""

import numpy as np
import onnx_ir as ir

from depthwise.graph.metadata import add_parameters, parameters_of_node
from depthwise.graph.passes.base import constant, is_blank, nodes_of, parameter, replace, sole_consumer
from depthwise.graph.passes.fold_batchnorm import affine_of, has_outputs_first, set_bias


def fold_batchnorm_forward(model: ir.Model) -> bool:
    """Folds every BatchNormalization whose only reader is a Gemm or a Conv without padding."""
    changed = False
    for node in reversed(nodes_of(model, "BatchNormalization")):  # the last of a chain makes way for the one before
        target, source = sole_consumer(node.outputs[0]), node.inputs[0]
        if target is None or source is None or not _takes(target, node):
            continue
        weight, bias = constant(target, 1), constant(target, 2)
        if weight is None:
            continue
        if not is_blank(weight):
            factor, summand = affine_of(node)
            weight, more = fold_into(weight, factor, summand, target.attributes.get_int("group", 1))
            bias = more if bias is None else bias + more
        name = target.name
        target.replace_input_with(1, parameter(model, f"{name}.weight", weight))
        set_bias(target, parameter(model, f"{name}.bias", np.zeros(len(weight)) if bias is None else bias))
        add_parameters(target, parameters_of_node(node))
        replace(node.outputs[0], source)
        changed = True
    return changed


def fold_into(weight: np.ndarray, factor: np.ndarray, summand: np.ndarray, group: int) -> tuple[np.ndarray, np.ndarray]:
    """Weight [O, I / group, ...] that reads x instead of factor x + summand, and what its bias gains, in float64."""
    outputs = len(weight)
    # Output o of group g reads the input channels g I / group ... : one row of factors per output.
    rows = np.repeat(np.arange(group), outputs // group)
    shape = (outputs, weight.shape[1], *(1 for _ in weight.shape[2:]))
    per_output = factor.reshape(group, -1)[rows].reshape(shape)
    added = summand.reshape(group, -1)[rows].reshape(shape)
    return weight * per_output, (weight * added).reshape(outputs, -1).sum(axis=1)


def _takes(target: ir.Node, node: ir.Node) -> bool:
    if target.inputs[0] is not node.outputs[0] or not has_outputs_first(target):
        return False
    padded = target.attributes.get_string("auto_pad", "NOTSET").startswith("SAME")
    return not padded and not any(target.attributes.get_ints("pads", ()))
