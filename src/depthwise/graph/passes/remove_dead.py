"""What nobody reads is removed: nodes, then constants."""

import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass


def remove_dead(model: ir.Model) -> bool:
    """Removes unread nodes and initializers."""
    return bool(RemoveUnusedNodesPass()(model).modified)
