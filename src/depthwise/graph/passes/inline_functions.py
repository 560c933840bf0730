"""Model-local functions become the nodes they stand for; constants that are also listed as inputs are constants.

f(x) with f(a) = Sigmoid(a) * a   ->   Sigmoid(x) * x
"""

import onnx_ir as ir
from onnx_ir.passes.common import InlinePass, RemoveInitializersFromInputsPass


def inline_functions(model: ir.Model) -> bool:
    """Inlines functions and takes initializers from the inputs (files before IR version 4 list them there)."""
    changed = bool(RemoveInitializersFromInputsPass()(model).modified)
    if model.functions:
        changed |= bool(InlinePass()(model).modified)
    return changed
