"""Layers -> Graph, without torch and without an exporter: one ONNX node per Layer, named like it."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import onnx_ir as ir

from depthwise.data.preprocessing import Preprocessing
from depthwise.errors import UserError
from depthwise.graph.layers import Layer
from depthwise.graph.metadata import WEIGHTS, annotate

OPSET = 18
"""ONNX operator set of the Graphs that are built here."""

IR_VERSION = 8
"""ONNX file format version that belongs to OPSET."""

_TENSOR_ATTRIBUTES: Mapping[str, Sequence[str]] = {"Clip": ("min", "max"), "Dropout": ("ratio",)}
"""Attributes of a Layer which ONNX spells as scalar inputs, in their order."""

_DROPPED = "num_batches_tracked"
"""A buffer of torch's BatchNorm that inference does not need."""


def build(
    layers: Sequence[Layer],
    weights: Mapping[str, np.ndarray] | None = None,
    *,
    name: str = "network",
    preprocessing: Preprocessing | None = None,
    classes: Sequence[str] = (),
) -> ir.Model:
    """The Graph of a list of Layers in standard ONNX operators.

    Its input is "input" [N, C, H, W] float32 with a symbolic N, its output "logits" [N, classes]; a node is named like
    its Layer, an initializer like torch's state_dict key (LAYER.PARAMETER).

    Args:
        layers: in topological order; the first is the input, the last one's output is the network's.
        weights: arrays by state_dict key; None: shapes only, zeros that take no memory.
        name: of the graph.
        preprocessing, classes: written into the metadata.

    Raises:
        UserError: weights that lack a parameter, have one too many, or one of another shape.
    """
    values: dict[str, ir.Value] = {layers[0].name: _value("input", layers[0].shape)}
    nodes: list[ir.Node] = []
    initializers: list[ir.Value] = []
    arrays = _arrays(layers, weights)
    for layer in layers[1:]:
        constants = [
            _constant(f"{layer.name}.{parameter}", arrays[f"{layer.name}.{parameter}"])
            for parameter in layer.parameters
        ]
        scalars = _TENSOR_ATTRIBUTES.get(layer.op, ())
        constants += [_constant(f"{layer.name}.{key}", np.float32(layer.attributes[key])) for key in scalars]
        initializers += constants
        values[layer.name] = _value("logits" if layer is layers[-1] else layer.name, layer.shape)
        attributes = {key: value for key, value in layer.attributes.items() if key not in scalars}
        if layer.op == "Gemm":
            attributes["transB"] = 1
        inputs = [values[source] for source in layer.inputs] + constants
        nodes.append(ir.node(layer.op, inputs, attributes, outputs=[values[layer.name]], name=layer.name))
    graph = ir.Graph(
        [values[layers[0].name]],
        [values[layers[-1].name]],
        nodes=nodes,
        initializers=initializers,
        opset_imports={"": OPSET},
        name=name,
    )
    model = ir.Model(graph, ir_version=IR_VERSION, producer_name="depthwise")
    annotate(model, preprocessing, classes)
    if weights is None:
        model.metadata_props[WEIGHTS] = "none"
    return model


def initialize(layers: Sequence[Layer], seed: int = 0) -> dict[str, np.ndarray]:
    """Random float32 weights by state_dict key, for tests, timing and planning without training.

    Convolutions and fully connected layers: normal with variance 2 / fan-in (He et al. 2015), so that activations keep
    their size through ReLUs, and 1 / fan-in where none stands before; BatchNorm: scale and variance in 0.5..1.5, shift
    and mean normal with deviation 0.1, so that folding them changes every number.
    """
    random = np.random.default_rng(seed)
    weights: dict[str, np.ndarray] = {}
    linear = {layer.name for layer in layers if layer.op in ("BatchNormalization", "Add")}
    for layer in layers:
        gain = 1 if linear.intersection(layer.inputs) else 2
        for parameter, shape in layer.parameters.items():
            if parameter == "running_var" or (layer.op == "BatchNormalization" and parameter == "weight"):
                array = random.uniform(0.5, 1.5, shape)
            elif len(shape) > 1:
                array = random.normal(0, math.sqrt(gain / math.prod(shape[1:])), shape)
            else:
                array = random.normal(0, 0.1, shape)
            weights[f"{layer.name}.{parameter}"] = array.astype(np.float32)
    return weights


def _arrays(layers: Sequence[Layer], weights: Mapping[str, np.ndarray] | None) -> Mapping[str, np.ndarray]:
    shapes = {f"{layer.name}.{parameter}": shape for layer in layers for parameter, shape in layer.parameters.items()}
    if weights is None:
        return {key: np.broadcast_to(np.float32(0), shape) for key, shape in shapes.items()}
    for key, shape in shapes.items():
        if key not in weights:
            raise UserError(
                f"the weights have no '{key}' {list(shape)}, which the network needs: another architecture?"
            )
        if weights[key].shape != tuple(shape):
            raise UserError(
                f"weight '{key}' is {list(weights[key].shape)}, not {list(shape)}: another width or data set?"
            )
    for key in weights:
        if key not in shapes and not key.endswith(_DROPPED):
            raise UserError(f"the weights have '{key}', which the network does not: another architecture?")
    return weights


def _value(name: str, shape: Sequence[int]) -> ir.Value:
    return ir.Value(name=name, shape=ir.Shape(["N", *shape]), type=ir.TensorType(ir.DataType.FLOAT))


def _constant(name: str, array: np.ndarray | np.float32) -> ir.Value:
    tensor = ir.Tensor(np.asarray(array), dtype=ir.DataType.FLOAT, name=name)
    return ir.Value(name=name, shape=tensor.shape, type=ir.TensorType(ir.DataType.FLOAT), const_value=tensor)
