"""From the normal form back to standard ONNX, with QuantizeLinear and DequantizeLinear round what is of 8 bits (QDQ).

Every runtime opens such a file, and `normalize` makes the same 8-bit network of it again. Activations are uint8,
weights int8 with a scale for each output, biases int32.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.graph.builder import IR_VERSION, OPSET
from depthwise.ops._activation import activation_of, bounds_of
from depthwise.ops._quantized import Quantization, input_quantization, is_integer, output_quantization
from depthwise.ops.base import activations_of, array_of, parameters_of, shape_of

_OPERATORS = {
    "Add": "Add",
    "AveragePool": "AveragePool",
    "Concat": "Concat",
    "Convolution": "Conv",
    "Depthwise": "Conv",
    "Flatten": "Flatten",
    "FullyConnected": "Gemm",
    "GlobalAveragePool": "GlobalAveragePool",
    "MaxPool": "MaxPool",
    "Multiply": "Mul",
    "Pointwise": "Conv",
    "Softmax": "Softmax",
}
"""Operator of the normal form -> ONNX operator; Activation, Quantize and Dequantize are written by themselves."""

_KEPT = ("kernel_shape", "strides", "pads", "dilations", "group", "count_include_pad")

_MORE: Mapping[str, Mapping[str, Any]] = {
    "Concat": {"axis": 1},
    "Flatten": {"axis": 1},
    "FullyConnected": {"transB": 1},
    "Softmax": {"axis": 1},
}


def to_qdq(normal_graph: ir.Model) -> ir.Model:
    """A Graph in normal form in standard ONNX operators; its batch is symbolic again.

    An input of bytes (`normalize` with "int8") stays one: the file has no QuantizeLinear before it.

    Raises:
        UserError: it takes camera pixels, which only a compiled network does.
    """
    return _Writer(normal_graph).model()


class _Writer:
    """Writes nodes one by one; `_floats` and `_bytes` say which new value an old one is, in float and in uint8."""

    def __init__(self, graph: ir.Model) -> None:
        self._graph = graph
        self._nodes: list[ir.Node] = []
        self._initializers: dict[str, ir.Value] = {}
        self._floats: dict[ir.Value, ir.Value] = {}
        self._bytes: dict[ir.Value, ir.Value] = {}

    def model(self) -> ir.Model:
        inputs = []
        for value in self._graph.graph.inputs:
            new = _value(str(value.name), ["N", *shape_of(value)[1:]])
            inputs.append(new)
            if value.dtype == ir.DataType.FLOAT:
                self._floats[value] = new
                continue
            if not all("x_scales" in use.node.attributes for use in value.uses()):
                raise UserError(
                    f"input '{value.name}' is camera pixels: only a network without normalization has a file"
                )
            self._bytes[value], new.type = new, ir.TensorType(ir.DataType.UINT8)
        for node in self._graph.graph:
            self._write(node)
        outputs = []
        for value in self._graph.graph.outputs:
            new = self._floats[value]
            new.name, new.shape = value.name, ir.Shape(["N", *shape_of(value)[1:]])
            new.type = ir.TensorType(ir.DataType.FLOAT)
            outputs.append(new)
        graph = ir.Graph(
            inputs,
            outputs,
            nodes=self._nodes,
            initializers=list(self._initializers.values()),
            opset_imports={"": OPSET},
            name=self._graph.graph.name,
        )
        model = ir.Model(graph, ir_version=IR_VERSION, producer_name="depthwise")
        model.metadata_props.update(self._graph.metadata_props)
        return model

    def _write(self, node: ir.Node) -> None:
        if node.op_type == "Quantize":
            self._bytes[node.outputs[0]] = self._quantize(node, self._floats[activations_of(node)[0]])
            return
        name = str(node.name) if node.op_type == "Dequantize" else ""
        inputs = [self._read(node, index, name) for index in range(len(activations_of(node)))]
        if node.op_type == "Dequantize":
            self._floats[node.outputs[0]] = inputs[0]
            return
        result = self._compute(node, inputs)
        if is_integer(node):
            self._bytes[node.outputs[0]] = self._quantize(node, result)
        else:
            self._floats[node.outputs[0]] = result

    def _compute(self, node: ir.Node, inputs: list[ir.Value]) -> ir.Value:
        """The operator and its activation function, in float."""
        result = inputs[0]
        if node.op_type != "Activation":
            attributes: dict[str, Any] = dict(_MORE.get(node.op_type, {}))
            attributes |= {key: node.attributes[key].value for key in _KEPT if key in node.attributes}
            result = self._node(
                _OPERATORS[node.op_type], [*inputs, *self._parameters(node)], str(node.name), attributes
            )
        name = activation_of(node)
        return result if name == "none" else _FUNCTIONS[name](self, node, result)

    def _parameters(self, node: ir.Node) -> list[ir.Value]:
        if not is_integer(node) or not parameters_of(node):
            return [
                self._constant(f"{node.name}.{kind}", array_of(value))
                for value, kind in zip(parameters_of(node), ("weight", "bias"), strict=False)
            ]
        scales = array_of(node.inputs[3]).astype(np.float32)
        units = np.float32(input_quantization(node).scale) * scales
        values = []
        for kind, value, scale in (("weight", node.inputs[1], scales), ("bias", node.inputs[2], units)):
            array = array_of(value)
            parts = [
                self._constant(f"{node.name}.{kind}.integers", np.array(array)),
                self._constant(f"{node.name}.{kind}.scale", np.array(scale)),
                self._constant(f"{node.name}.{kind}.zero", np.zeros(len(scale), array.dtype)),
            ]
            values.append(self._node("DequantizeLinear", parts, f"{node.name}.{kind}", {"axis": 0}))
        return values

    def _read(self, node: ir.Node, index: int, name: str) -> ir.Value:
        """An input of a node in float: of 8 bits through a DequantizeLinear, one for all readers."""
        value = activations_of(node)[index]
        if value not in self._floats:
            scale = self._scale(str(value.name), input_quantization(node, index))
            self._floats[value] = self._node(
                "DequantizeLinear", [self._bytes[value], *scale], name or f"{value.name}.dequantize"
            )
        return self._floats[value]

    def _quantize(self, node: ir.Node, value: ir.Value) -> ir.Value:
        name = str(node.name) if node.op_type == "Quantize" else f"{node.name}.quantize"
        return self._node("QuantizeLinear", [value, *self._scale(name, output_quantization(node))], name)

    def _scale(self, name: str, scale: Quantization) -> list[ir.Value]:
        return [
            self._constant(f"{name}.scale", np.asarray(scale.scale, np.float32)),
            self._constant(f"{name}.zero", np.asarray(scale.zero, np.uint8)),
        ]

    def _node(
        self, operator: str, inputs: list[ir.Value], name: str, attributes: Mapping[str, Any] | None = None
    ) -> ir.Value:
        output = ir.Value(name=f"{name}.output")
        self._nodes.append(ir.node(operator, inputs, attributes or {}, outputs=[output], name=name))
        return output

    def _constant(self, name: str, array: np.ndarray) -> ir.Value:
        if name not in self._initializers:
            tensor = ir.Tensor(array, name=name)
            self._initializers[name] = ir.Value(
                name=name, shape=tensor.shape, type=ir.TensorType(tensor.dtype), const_value=tensor
            )
        return self._initializers[name]

    def _clip(self, node: ir.Node, value: ir.Value) -> ir.Value:
        low, high = bounds_of(node)
        if (low, high) == (0, np.inf):
            return self._node("Relu", [value], _named(node, "relu"))
        bounds = [
            self._constant(f"{node.name}.{key}", np.asarray(each, np.float32))
            for key, each in (("min", low), ("max", high))
        ]
        return self._node("Clip", [value, *bounds], _named(node, "clip"))

    def _silu(self, node: ir.Node, value: ir.Value) -> ir.Value:
        return self._node("Mul", [value, self._node("Sigmoid", [value], f"{node.name}.sigmoid")], _named(node, "silu"))

    def _sigmoid(self, node: ir.Node, value: ir.Value) -> ir.Value:
        return self._node("Sigmoid", [value], _named(node, "sigmoid"))

    def _hard_sigmoid(self, node: ir.Node, value: ir.Value) -> ir.Value:
        return self._node("HardSigmoid", [value], _named(node, "hard_sigmoid"), {"alpha": 1 / 6, "beta": 0.5})

    def _hard_swish(self, node: ir.Node, value: ir.Value) -> ir.Value:
        return self._node("HardSwish", [value], _named(node, "hard_swish"))


_FUNCTIONS: Mapping[str, Callable[[_Writer, ir.Node, ir.Value], ir.Value]] = {
    "clip": _Writer._clip,
    "hard_sigmoid": _Writer._hard_sigmoid,
    "hard_swish": _Writer._hard_swish,
    "sigmoid": _Writer._sigmoid,
    "silu": _Writer._silu,
}


def _named(node: ir.Node, function: str) -> str:
    """Name of the node for an activation function: of one by itself, or of an epilogue."""
    return str(node.name) if node.op_type == "Activation" else f"{node.name}.{function}"


def _value(name: str, shape: list[Any]) -> ir.Value:
    return ir.Value(name=name, shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.FLOAT))
