"""Pixel normalization disappears into the first convolution, which then reads bytes.

W (s x + t) + c = (W s) x + (c + sum W t), for a pixel x
padding, which is zero after normalization, is x = -t / s = 255 mean before it
"""

import numpy as np
import onnx_ir as ir

from depthwise.graph.passes.base import constant, is_blank, nodes_of, parameter, replace, sole_consumer
from depthwise.graph.passes.fold_batchnorm_forward import fold_into
from depthwise.ops.base import DOMAIN

_CONVOLUTIONS = ("Convolution", "Depthwise", "Pointwise")


def fold_normalization(model: ir.Model) -> bool:
    """Folds Normalize into its only reader if that is a convolution; else the node stays."""
    for node in nodes_of(model, "Normalize", domain=DOMAIN):
        target, source = sole_consumer(node.outputs[0]), node.inputs[0]
        if target is None or source is None or target.domain != DOMAIN or target.op_type not in _CONVOLUTIONS:
            continue
        scale, shift = (np.asarray(node.attributes.get_floats(key), np.float64) for key in ("scale", "shift"))
        weight, bias = constant(target, 1), constant(target, 2)
        assert weight is not None and bias is not None
        if not is_blank(weight):
            weight, more = fold_into(weight, scale, shift, target.attributes.get_int("group", 1))
            bias = bias + more
        target.replace_input_with(1, parameter(model, f"{target.name}.weight", weight))
        target.replace_input_with(2, parameter(model, f"{target.name}.bias", bias))
        target.attributes["pad_values"] = ir.AttrFloat32s("pad_values", (-shift / scale).tolist())
        replace(node.outputs[0], source)
        return True
    return False
