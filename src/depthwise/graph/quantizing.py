"""From a float network and its scales to a network of 8 bits; which scales, `quantization/` decides."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from depthwise.device import Precision
from depthwise.errors import UserError
from depthwise.graph.passes.base import is_blank
from depthwise.graph.pipeline import finish, normalize
from depthwise.ops._quantized import Quantization, is_integer
from depthwise.ops.base import DOMAIN, array_of, parameters_of, shape_of

MOVERS = ("Flatten", "MaxPool")
"""Operators whose output has the scale of their input."""

ASSUMED = Quantization(2.0**-4, 128)
"""Scale and zero point where only bytes and time matter."""


@dataclass(frozen=True)
class WeightScales:
    """How the weights of a node are rounded.

    Attributes:
        scales: float32 [O], one for each output.
        integers: int8 of the weight's shape; None: to the nearest.
    """

    scales: np.ndarray
    integers: np.ndarray | None = None

    def of(self, weight: np.ndarray) -> np.ndarray:
        """The rounded weights, as floats."""
        scales = self.scales.astype(np.float32).reshape(-1, *[1] * (weight.ndim - 1))
        if is_blank(weight):
            return weight
        integers = self.integers
        if integers is None:
            integers = np.clip(np.rint(weight / scales), -127, 127)
        return np.asarray(integers.astype(np.float32) * scales, np.float32)


def separate_functions(normal_graph: ir.Model) -> ir.Model:
    """A copy in which every activation function but a clip is an operator of its own, named NAME.function.

    Between the two there is an activation, which needs a scale.
    """
    model = normal_graph.clone()
    for node in list(model.graph):
        name = node.attributes.get_string("activation", "none")
        if node.op_type == "Activation" or name in ("none", "clip"):
            continue
        old = node.outputs[0]
        middle = ir.Value(name=f"{node.name}.linear", shape=ir.Shape(shape_of(old)), type=old.type)
        function = ir.node(
            "Activation", [old], {"activation": name}, domain=DOMAIN, outputs=[middle], name=f"{node.name}.function"
        )
        node.attributes["activation"] = ir.AttrString("activation", "none")
        _insert_after(node, old, function)
    return model


def quantize_graph(
    normal_graph: ir.Model, encodings: Mapping[str, Quantization], weights: Mapping[str, WeightScales]
) -> ir.Model:
    """The network of 8 bits of a float network.

    Args:
        normal_graph: in normal form, of floats, after `separate_functions`.
        encodings: scale and zero point of activations, by the name of the value; one without stays in float, and so
            does what computes it. Those of MOVERS are their inputs'.
        weights: by the name of the node; a node that is not there stays in float.

    Raises:
        UserError: a scale that is no positive number, or scales of another number than the node's outputs.
    """
    model = normal_graph.clone()
    for node in list(model.graph):
        rounding = weights.get(str(node.name))
        if rounding and parameters_of(node):
            _round(model, node, rounding)
    values = [*model.graph.inputs, *(node.outputs[0] for node in model.graph if node.op_type not in MOVERS)]
    for value in values:
        scale = encodings.get(str(value.name))
        if scale:
            _surround(model, value, scale)
    finish(model)
    return model


def precision_of(normal_graph: ir.Model) -> Precision:
    """In what most of a Graph in normal form is computed."""
    return "int8" if any(is_integer(node) and node.op_type != "Quantize" for node in normal_graph.graph) else "float32"


def to_be_quantized(own: Precision, wanted: Precision | None) -> bool:
    """Whether a network is asked for in 8 bits that is not yet; None: it is wanted in its own precision.

    Raises:
        UserError: it is in 8 bits, and float32 is asked for.
    """
    if own == "int8" and wanted == "float32":
        raise UserError("the network is in int8 already: leave --precision out, or give the float one")
    return wanted not in (None, own)


def in_precision(network: ir.Model, precision: Precision | None) -> ir.Model:
    """The normal form of a network in a precision, a float one's in 8 bits by `assumed_int8`; None: in its own.

    Raises:
        UserError: it is in 8 bits, and float32 is asked for.
    """
    normal = normalize(network)
    return assumed_int8(network, "int8") if to_be_quantized(precision_of(normal), precision) else normal


def assumed_int8(network: ir.Model, input: str = "float") -> ir.Model:
    """A float network as one of 8 bits with scales that mean nothing: its bytes and its time are those of a real one.

    Args:
        network: any float Graph; one of shapes only will do.
        input: as in `normalize`.

    Returns:
        In normal form; all that can be in 8 bits is.
    """
    normal = separate_functions(normalize(network, "float"))
    values = [*normal.graph.inputs, *(node.outputs[0] for node in normal.graph)]
    encodings = {str(value.name): ASSUMED for value in values if value.dtype == ir.DataType.FLOAT}
    weights = {
        str(node.name): WeightScales(np.full(len(array_of(node.inputs[1])), ASSUMED.scale, np.float32))
        for node in normal.graph
        if parameters_of(node)
    }
    return normalize(quantize_graph(normal, encodings, weights), input)


def _round(model: ir.Model, node: ir.Node, rounding: WeightScales) -> None:
    weight = array_of(node.inputs[1])
    scales = rounding.scales
    if scales.shape != (len(weight),) or not (np.isfinite(scales) & (scales > 0)).all():
        raise UserError(f"{node.name}: {scales.size} scales for {len(weight)} outputs, or one that is not above 0")
    value = ir.Value(
        name=f"{node.name}.rounded",
        shape=ir.Shape(weight.shape),
        type=ir.TensorType(ir.DataType.FLOAT),
        const_value=ir.tensor(rounding.of(weight)),
    )
    model.graph.register_initializer(value)
    node.replace_input_with(1, value)
    node.attributes["w_scales"] = ir.AttrFloat32s("w_scales", scales.astype(np.float32).tolist())


def _surround(model: ir.Model, value: ir.Value, scale: Quantization) -> None:
    """Lets all that reads a value read its bytes, as floats."""
    if not (np.isfinite(scale.scale) and np.float32(scale.scale) > 0 and 0 <= scale.zero <= 255):
        raise UserError(f"{value.name}: scale {scale.scale:g} and zero point {scale.zero}: calibrate again")
    number = float(np.float32(scale.scale))
    shape = ir.Shape(shape_of(value))
    q = ir.Value(name=f"{value.name}.bytes", shape=shape, type=ir.TensorType(ir.DataType.UINT8))
    back = ir.Value(name=f"{value.name}.floats", shape=shape, type=ir.TensorType(ir.DataType.FLOAT))
    quantize = ir.node(
        "Quantize",
        [value],
        {"y_scale": number, "y_zero": scale.zero},
        domain=DOMAIN,
        outputs=[q],
        name=f"{value.name}.quantize",
    )
    dequantize = ir.node(
        "Dequantize",
        [q],
        {"x_scales": [number], "x_zeros": [scale.zero]},
        domain=DOMAIN,
        outputs=[back],
        name=f"{value.name}.dequantize",
    )
    producer = value.producer()
    if producer is None:
        model.graph.insert_before(model.graph[0], [quantize])
        _reread(value, quantize, back)
        model.graph.insert_after(quantize, [dequantize])
    else:
        model.graph.insert_after(producer, [quantize, dequantize])
        _reread(value, quantize, back)


def _insert_after(node: ir.Node, old: ir.Value, reader: ir.Node) -> None:
    """Puts a reader of a node's output between it and all that read it before."""
    assert node.graph is not None
    node.graph.insert_after(node, [reader])
    _reread(old, reader, reader.outputs[0])


def _reread(old: ir.Value, reader: ir.Node, new: ir.Value) -> None:
    """Lets all but `reader` read `new` instead of `old`; an output of the network keeps its name."""
    for use in list(old.uses()):
        if use.node is not reader:
            use.node.replace_input_with(use.idx, new)
    graph = reader.graph
    assert graph is not None
    for index, output in enumerate(graph.outputs):
        if output is old:
            graph.outputs[index] = new
            old.name, new.name = f"{old.name}.exact", old.name
