"""A user's own torch module -> Graph, by torch's exporter."""

import contextlib
import io
import json
import warnings
from ast import literal_eval
from typing import Any

import onnx_ir as ir
import torch
from torch import nn

from depthwise.errors import UserError, missing_extra
from depthwise.graph.passes.base import constant, nodes_of
from depthwise.graph.passes.fold_constants import fold_constants, quiet
from depthwise.graph.passes.remove_dead import remove_dead

_SCOPES = "pkg.torch.onnx.name_scopes"
"""Node metadata in which torch's exporter keeps the names of the modules that a node stands in."""


def from_torch(module: nn.Module, shape: tuple[int, int, int] | None) -> ir.Model:
    """Exports a module in evaluation mode; its own mode, and that of its parts, is as before afterwards.

    Nodes are named like the submodules that they come from, where there is one node to a submodule.

    Args:
        module: takes float32 images [N, C, H, W], returns one tensor.
        shape: (channels, height, width) of its input.

    Raises:
        UserError: no shape given, or the module cannot be exported.
    """
    if shape is None or len(shape) != 3:
        raise UserError(
            f"the input size of {type(module).__name__} is unknown: "
            "pass shape=(channels, height, width), for example shape=(3, 224, 224)"
        )
    try:
        import onnxscript  # noqa: F401 - torch's exporter needs it
    except ImportError:
        raise missing_extra("exporting a torch module", "onnxscript", "train") from None
    parameter = next(iter(module.parameters()), None)
    example = torch.zeros(1, *shape, device=None if parameter is None else parameter.device)
    modes = {part: part.training for part in module.modules()}
    module.eval()
    try:
        program = _export(module, example)
    except Exception as error:  # whatever a user's forward raises, or torch's exporter
        reason = _reason(error)
        raise UserError(
            f"{type(module).__name__} cannot be exported for an input {list(example.shape)}: {reason}"
        ) from None
    finally:
        for part, mode in modes.items():
            part.training = mode
    model: ir.Model = program.model
    fold_constants(model)
    _drop_invented_biases(model, set(module.state_dict()))
    _rename_nodes(model)
    model.graph.name = type(module).__name__
    return model


def _export(module: nn.Module, example: torch.Tensor) -> Any:
    silence = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with (
        warnings.catch_warnings(),
        quiet(),
        silence[0],
        silence[1],
    ):
        warnings.simplefilter("ignore")
        # Not optimized: the exporter would fold BatchNorms, whose parameters are still to be counted.
        program = torch.onnx.export(
            module,
            (example,),
            dynamo=True,
            optimize=False,
            verbose=False,
            input_names=["input"],
            output_names=["logits"],
        )
    assert program is not None
    return program


def _drop_invented_biases(model: ir.Model, trained: set[str]) -> None:
    """Takes away the zeros which the exporter adds to a Conv without bias: nobody trained them."""
    for node in nodes_of(model, "Conv"):
        bias = constant(node, 2)
        if bias is not None and not bias.any() and str(node.inputs[2].name) not in trained:  # type: ignore[union-attr]
            node.resize_inputs(2)
    remove_dead(model)


def _rename_nodes(model: ir.Model) -> None:
    scopes = {node: _scope(node) for node in model.graph}
    names = list(scopes.values())
    for node, name in scopes.items():
        if name and names.count(name) == 1:
            node.name = name


def _scope(node: ir.Node) -> str:
    """The innermost submodule of a node: the last but one of its scopes, the last being torch's operator."""
    text = node.metadata_props.get(_SCOPES, "")
    try:
        names = json.loads(text) if text.startswith('["') else literal_eval(text or "[]")
    except (ValueError, SyntaxError):
        return ""
    return str(names[-2]) if len(names) > 1 else ""


def _reason(error: BaseException) -> str:
    """The innermost cause in one line: torch wraps it several times."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return (lines or [type(error).__name__])[0][:200]
