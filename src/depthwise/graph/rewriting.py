"""Rewriting a network as it was written: in ONNX operators, of its own opset, batch and metadata.

`normalize` and `understand` fix the batch, compute what follows from it, and refuse what cannot be compiled. Here
nothing is computed or refused: a network is read with batch 1 if it takes any, so that shapes are known, is rewritten,
and then takes its own batch again.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress

import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.graph.metadata import PARAMETERS
from depthwise.graph.passes.base import nodes_of
from depthwise.graph.passes.check_wires import check_wires
from depthwise.graph.passes.fold_batchnorm import fold_batchnorm
from depthwise.graph.passes.fold_batchnorm_forward import fold_batchnorm_forward
from depthwise.graph.passes.fold_constants import lift_constants
from depthwise.graph.passes.infer_shapes import infer_shapes
from depthwise.graph.passes.inline_functions import inline_functions
from depthwise.graph.passes.name_nodes import name_nodes
from depthwise.graph.passes.remove_dead import remove_dead


def as_written(graph: ir.Model) -> ir.Model:
    """A copy of a Graph with its own nodes, all named, and with shapes for batch 1 as far as ONNX infers them.

    Raises:
        UserError: it does not hang together.
    """
    check_wires(graph)
    model = graph.clone()
    inline_functions(model)
    lift_constants(model)
    name_nodes(model)
    for value in model.graph.inputs:
        if value.shape is not None and len(value.shape) and not isinstance(value.shape[0], int):
            value.shape = ir.Shape([1, *list(value.shape)[1:]])
    _infer_again(model)
    return model


def rewritten(graph: ir.Model, rules: Mapping[str, Callable[[ir.Model], bool]]) -> tuple[ir.Model, list[str]]:
    """A copy of a Graph to which rules were applied, and the names of those that changed it.

    Args:
        graph: any Graph. rules: each changes a Graph that is `as_written` in place, and returns whether it did.

    Raises:
        UserError: as `as_written`.
    """
    model = as_written(graph)
    done = []
    for name, rule in rules.items():
        if rule(model):
            remove_dead(model)
            done.append(name)
    _restore_batch(model, graph)
    return model, done


def fold_batchnorms(model: ir.Model) -> bool:
    """Folds every BatchNorm that a filter before or behind it takes in; others stay.

    What the passes refuse, as a BatchNorm in training mode, stays with all behind it. They write float32.
    """
    norms = nodes_of(model, "BatchNormalization")
    before = len(norms)
    types = {value.dtype for node in norms for value in node.inputs if value is not None}
    if not before or types - {ir.DataType.FLOAT, None}:
        return False
    for fold in (fold_batchnorm, fold_batchnorm_forward):
        with suppress(UserError):
            fold(model)
    return len(nodes_of(model, "BatchNormalization")) < before


def _restore_batch(model: ir.Model, graph: ir.Model) -> None:
    """Gives inputs and outputs the shapes that they have in another Graph."""
    shapes = {value.name: value.shape for value in (*graph.graph.inputs, *graph.graph.outputs)}
    for value in model.graph.inputs:
        shape = shapes[value.name]
        value.shape = None if shape is None else ir.Shape(list(shape))
    for node in model.graph:
        node.metadata_props.pop(PARAMETERS, None)
    _infer_again(model)
    for value in model.graph.outputs:
        shape = shapes.get(value.name)
        value.shape = value.shape if shape is None else ir.Shape(list(shape))


def _infer_again(model: ir.Model) -> None:
    for node in model.graph:
        for output in node.outputs:
            output.shape = None
    infer_shapes(model)
