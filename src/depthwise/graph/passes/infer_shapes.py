"""Every value gets its static shape, by ONNX's own shape inference from the input's [1, C, H, W]."""

import onnx_ir as ir
from onnx_ir.passes.common import ShapeInferencePass

from depthwise.errors import UserError
from depthwise.graph.passes.fold_constants import quiet


def infer_shapes(model: ir.Model) -> bool:
    """Infers what can be inferred; `check_operators` refuses what could not.

    Raises:
        UserError: a network that cannot be written as ONNX, of which the library leaves half.
    """
    count = len(model.graph.inputs)
    with quiet():
        modified = ShapeInferencePass(check_type=False, strict_mode=False, data_prop=True)(model).modified
    if len(model.graph.inputs) != count:
        raise UserError("the network cannot be written as ONNX, though it could be read: the model is damaged")
    return bool(modified)
