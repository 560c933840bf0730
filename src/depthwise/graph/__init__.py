"""Graphs: built from Layers, loaded from ONNX files or torch modules, and brought to one normal form.

`Graph` is `onnx_ir.Model`. Everything here is imported at first use, so that importing this package costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onnx_ir import Model as Graph

    from depthwise.graph.builder import build, initialize
    from depthwise.graph.debugging import with_outputs
    from depthwise.graph.interpreter import evaluate
    from depthwise.graph.layers import Layer, LayerList
    from depthwise.graph.loader import load, save
    from depthwise.graph.metadata import classes_of, preprocessing_of, with_normalization
    from depthwise.graph.passes.check_wires import check_wires
    from depthwise.graph.passes.to_integers import float_operators
    from depthwise.graph.pipeline import normalize, understand
    from depthwise.graph.qdq import to_qdq
    from depthwise.graph.quantizing import assumed_int8, in_precision, precision_of, to_be_quantized
    from depthwise.graph.rewriting import as_written, fold_batchnorms, rewritten
    from depthwise.graph.spelling import spelled_out, write_functions
    from depthwise.graph.transposes import remove_detours
    from depthwise.graph.verifier import verify

__all__ = [
    "Graph",
    "Layer",
    "LayerList",
    "as_written",
    "assumed_int8",
    "build",
    "check_wires",
    "classes_of",
    "evaluate",
    "float_operators",
    "fold_batchnorms",
    "in_precision",
    "initialize",
    "load",
    "normalize",
    "precision_of",
    "preprocessing_of",
    "remove_detours",
    "rewritten",
    "save",
    "spelled_out",
    "to_be_quantized",
    "to_qdq",
    "understand",
    "verify",
    "with_normalization",
    "with_outputs",
    "write_functions",
]

_HOMES = {
    "Layer": "layers",
    "LayerList": "layers",
    "as_written": "rewriting",
    "fold_batchnorms": "rewriting",
    "remove_detours": "transposes",
    "rewritten": "rewriting",
    "spelled_out": "spelling",
    "write_functions": "spelling",
    "assumed_int8": "quantizing",
    "in_precision": "quantizing",
    "build": "builder",
    "check_wires": "passes.check_wires",
    "classes_of": "metadata",
    "evaluate": "interpreter",
    "float_operators": "passes.to_integers",
    "initialize": "builder",
    "load": "loader",
    "normalize": "pipeline",
    "precision_of": "quantizing",
    "preprocessing_of": "metadata",
    "save": "loader",
    "to_be_quantized": "quantizing",
    "to_qdq": "qdq",
    "understand": "pipeline",
    "verify": "verifier",
    "with_normalization": "metadata",
    "with_outputs": "debugging",
}


def __getattr__(name: str) -> Any:
    """Imports a public name where it lives."""
    if name == "Graph":
        value: Any = importlib.import_module("onnx_ir").Model
    elif name in _HOMES:
        value = getattr(importlib.import_module(f"depthwise.graph.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return value
