"""What does not depend on the image is computed now: f(c1, c2) -> c.

`Constant` nodes become initializers; shape arithmetic (Shape, Gather, Concat before a Reshape) disappears, as every
shape is static once the batch is fixed. The folding itself is onnxscript's.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import onnx_ir as ir
from onnx_ir.passes.common import LiftConstantsToInitializersPass, RemoveUnusedNodesPass

from depthwise.errors import UserError
from depthwise.graph.passes.base import nodes_of
from depthwise.ops.base import is_constant

_SHAPE_OPERATORS = {"Shape", "Size", "If"}
_NO_LIMIT = 1 << 40


def fold_constants(model: ir.Model) -> bool:
    """Lifts constants, folds what depends on constants and static shapes only, and drops what nobody reads then.

    Raises:
        UserError: a node that computes a constant fails (a file whose constants do not fit together).
    """
    changed = lift_constants(model)
    if any(_is_foldable(node) for node in model.graph):
        import onnxscript.optimizer  # slow to import, and our own graphs have nothing to fold

        with quiet():
            try:
                folded = onnxscript.optimizer.fold_constants(
                    model,
                    onnx_shape_inference=True,
                    input_size_limit=_NO_LIMIT,
                    output_size_limit=_NO_LIMIT,
                    should_fold=lambda _: True,
                )
            except RuntimeError as error:
                raise UserError(f"the network's constants cannot be computed: {error}") from None
        changed |= bool(folded.modified)
        lift_constants(model)
        RemoveUnusedNodesPass()(model)
    return changed


def lift_constants(model: ir.Model) -> bool:
    """Makes initializers of Constant nodes."""
    for node in nodes_of(model, "Constant"):
        _own_tensor(node)
    return bool(LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)(model).modified)


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps the libraries' loggers silent, so that a user sees one error and nothing else."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _own_tensor(node: ir.Node) -> None:
    """A tensor that is lifted gets a name, and the one of a cloned graph is still its original's."""
    if "value" in node.attributes:
        tensor = node.attributes["value"].as_tensor()
        node.attributes["value"] = ir.AttrTensor("value", ir.Tensor(tensor.numpy(), dtype=tensor.dtype))


def _is_foldable(node: ir.Node) -> bool:
    inputs = [value for value in node.inputs if value is not None]
    return node.op_type in _SHAPE_OPERATORS or (bool(inputs) and all(is_constant(value) for value in inputs))
