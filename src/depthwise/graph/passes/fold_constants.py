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
from depthwise.ops.base import is_constant

_SHAPE_OPERATORS = {"Shape", "Size", "If"}
_NO_LIMIT = 1 << 40


def fold_constants(model: ir.Model) -> bool:
    """Lifts constants, folds what depends on constants and static shapes only, and drops what nobody reads then.

    Raises:
        UserError: a node that computes a constant fails (a file whose constants do not fit together).
    """
    lift = LiftConstantsToInitializersPass(lift_all_constants=True, size_limit=0)
    changed = bool(lift(model).modified)
    if any(_is_foldable(node) for node in model.graph):
        import onnxscript.optimizer  # slow to import, and our own graphs have nothing to fold

        with quiet("onnxscript", "onnx_ir"):
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
        lift(model)
        RemoveUnusedNodesPass()(model)
    return changed


@contextmanager
def quiet(*names: str) -> Iterator[None]:
    """Keeps a library's loggers silent, so that a user sees one error and nothing else."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _is_foldable(node: ir.Node) -> bool:
    inputs = [value for value in node.inputs if value is not None]
    return node.op_type in _SHAPE_OPERATORS or (bool(inputs) and all(is_constant(value) for value in inputs))
