"""BatchNorm disappears into the Conv or Gemm before it (Jacob et al. 2018, eq. 14).

    BN(y) = a y + b   with a = scale / sqrt(variance + epsilon), b = shift - a mean, per channel
    BN(W x + c) = (a W) x + (a c + b)

It is not folded when the Conv has other readers (their numbers would change) or when another operator stands before:
`fold_batchnorm_forward` and `batchnorm_to_depthwise` take those. Computed in float64, rounded once.
"""

import numpy as np
import onnx_ir as ir

from depthwise.graph.metadata import add_parameters, parameters_of_node
from depthwise.graph.passes.base import constant, nodes_of, parameter, refuse, replace, scaled, sole_consumer


def fold_batchnorm(model: ir.Model) -> bool:
    """Folds every BatchNormalization whose input is a Conv or Gemm that nobody else reads.

    Raises:
        UserError: a BatchNorm in training mode, or with parameters that are no constants.
    """
    changed = False
    for node in nodes_of(model, "BatchNormalization"):
        scale, shift = affine_of(node)
        source = node.inputs[0]
        target = None if source is None else source.producer()
        if source is None or target is None or not has_outputs_first(target):
            continue
        weight, bias = constant(target, 1), constant(target, 2)
        if sole_consumer(source) is not node or weight is None:
            continue
        old = np.zeros(len(scale)) if bias is None else bias.astype(np.float64)
        name = target.name
        target.replace_input_with(1, parameter(model, f"{name}.weight", scaled(weight, scale, axis=0)))
        set_bias(target, parameter(model, f"{name}.bias", scale * old + shift))
        add_parameters(target, parameters_of_node(node))
        replace(node.outputs[0], source)
        changed = True
    return changed


def affine_of(node: ir.Node) -> tuple[np.ndarray, np.ndarray]:
    """A BatchNormalization as (factor, summand) per channel, float64.

    Raises:
        UserError: it is in training mode, or its parameters are no constants or give no finite numbers.
    """
    if node.attributes.get_int("training_mode", 0) or any(output.uses() for output in node.outputs[1:]):
        raise refuse(node, "is in training mode: call model.eval() before exporting")
    arrays = [constant(node, index) for index in range(1, 5)]
    if any(array is None for array in arrays):
        raise refuse(node, "has scale, shift, mean or variance that is no constant")
    shape = node.inputs[0].shape if node.inputs[0] else None
    channels = shape[1] if shape is not None and len(shape) > 1 else None
    if any(array.shape != (channels,) for array in arrays if array is not None):
        raise refuse(node, f"has parameters of other sizes than its {channels} channels")
    scale, shift, mean, variance = (array.astype(np.float64) for array in arrays if array is not None)
    if (variance + node.attributes.get_float("epsilon", 1e-5) <= 0).any():
        raise refuse(node, f"has a variance of {variance.min():g}: variances cannot be negative")
    factor = scale / np.sqrt(variance + node.attributes.get_float("epsilon", 1e-5))
    return factor, shift - factor * mean


def has_outputs_first(node: ir.Node) -> bool:
    """Whether a node is a Conv, or a Gemm W x + bias with W [O, I], so that its weight's first axis is the outputs."""
    attributes = node.attributes
    if node.domain or node.op_type not in ("Conv", "Gemm"):
        return False
    plain = attributes.get_int("transB", 0) == 1 and attributes.get_int("transA", 0) == 0
    return node.op_type == "Conv" or (
        plain and attributes.get_float("alpha", 1.0) == 1 and attributes.get_float("beta", 1.0) == 1
    )


def set_bias(node: ir.Node, bias: ir.Value) -> None:
    """Puts the bias of a Conv or Gemm in its place, which may not exist yet."""
    if len(node.inputs) < 3:
        node.resize_inputs(3)
    node.replace_input_with(2, bias)
