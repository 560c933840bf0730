"""The 8-bit form of each operator against ONNX Runtime, fed the same bytes, and the rule of rounding by itself."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest

from depthwise.ops import REGISTRY, cases
from depthwise.ops._quantized import Quantization, input_quantization, output_quantization, requantize, round_to_byte
from depthwise.ops.base import array_of
from depthwise.ops.cases import Case

SMALL = 5000
"""Elements of an input above which a case is left out here."""


def chosen(*ops: str, plain: bool = True) -> list[Case]:
    """Random cases in 8 bits; `plain`: without a fused clip."""
    return [
        case
        for op in ops
        for case in cases.integer_cases(op)
        if case.integer == "random" and np.prod(case.inputs[0]) < SMALL
        if not plain or "activation" not in case.attributes
    ]


def run(
    nodes: list[onnx.NodeProto], arrays: Mapping[str, np.ndarray], feeds: list[str], domain: str = ""
) -> np.ndarray:
    """The value "y" of some ONNX nodes; all arrays but `feeds` are initializers."""
    inputs = [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(arrays[name].dtype), arrays[name].shape
        )
        for name in feeds
    ]
    output = onnx.helper.make_tensor_value_info("y", onnx.TensorProto.UINT8, None)
    constants = [onnx.numpy_helper.from_array(array, name) for name, array in arrays.items() if name not in feeds]
    graph = onnx.helper.make_graph(nodes, "one", inputs, [output], constants)
    opsets = [onnx.helper.make_opsetid("", 18), onnx.helper.make_opsetid("com.microsoft", 1)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return session.run(None, {name: arrays[name] for name in feeds})[0]


def scales(prefix: str, scale: Quantization) -> dict[str, np.ndarray]:
    return {f"{prefix}_s": np.float32(scale.scale), f"{prefix}_z": np.uint8(scale.zero)}


def arrays_of(scalars: Mapping[str, Any]) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in scalars.items()}


@pytest.mark.parametrize("op", ["Convolution", "Depthwise", "Pointwise", "FullyConnected"])
def test_products_equal_those_of_onnx_runtime(op: str) -> None:
    for case in chosen(op):
        node, (x,) = case.node(), case.activations()
        weight, bias, weight_scales = (array_of(value) for value in node.inputs[1:])
        shape = (*weight.shape, *[1] * (4 - weight.ndim))
        arrays = arrays_of({"x": x.reshape(*x.shape, *[1] * (4 - x.ndim)), "w": weight.reshape(shape), "b": bias})
        arrays |= arrays_of({"w_s": weight_scales, "w_z": np.zeros(len(weight), np.int8)})
        arrays |= arrays_of(scales("x", input_quantization(node)) | scales("y", output_quantization(node)))
        kept = ("kernel_shape", "strides", "pads", "dilations", "group")
        attributes = {key: value for key, value in case.attributes.items() if key in kept}
        names = ["x", "x_s", "x_z", "w", "w_s", "w_z", "y_s", "y_z", "b"]
        expected = run([onnx.helper.make_node("QLinearConv", names, ["y"], **attributes)], arrays, ["x"])
        y = REGISTRY[op].compute(node, x)
        assert y.dtype == np.uint8
        np.testing.assert_array_equal(y, expected.reshape(y.shape), err_msg=str(case))


@pytest.mark.parametrize(
    "op", ["Add", "Multiply", "GlobalAveragePool", "AveragePool", "MaxPool", "Activation", "Concat"]
)
def test_other_operators_are_within_a_step_of_onnx_runtime(op: str) -> None:
    found = chosen(op, plain=op != "Activation")
    assert found
    for case in found:
        node, inputs = case.node(), case.activations()
        arrays = {f"q{index}": x for index, x in enumerate(inputs)}
        nodes = []
        for index in range(len(inputs)):
            arrays |= arrays_of(scales(f"x{index}", input_quantization(node, index)))
            names = [f"q{index}", f"x{index}_s", f"x{index}_z"]
            nodes.append(onnx.helper.make_node("DequantizeLinear", names, [f"f{index}"]))
        nodes += computed(case, [f"f{index}" for index in range(len(inputs))])
        arrays |= arrays_of(scales("y", output_quantization(node)))
        nodes.append(onnx.helper.make_node("QuantizeLinear", ["f", "y_s", "y_z"], ["y"]))
        expected = run(nodes, arrays, [f"q{index}" for index in range(len(inputs))])
        y = REGISTRY[op].compute(node, *inputs)
        off = np.abs(y.astype(int) - expected)
        assert off.max() <= 1 and np.mean(off) < 0.02, f"{case}: {off.max()} off, {np.mean(off > 0):.3f} of all"


def computed(case: Case, inputs: list[str]) -> list[onnx.NodeProto]:
    """The ONNX nodes of an operator in float, from `inputs` to "f"."""
    make = onnx.helper.make_node
    attributes = {key: value for key, value in case.attributes.items() if key not in ("activation", "dilations")}
    if case.op != "Activation":
        names = {"Multiply": "Mul"}
        return [
            make(
                names.get(case.op, case.op), inputs, ["f"], **attributes, **({"axis": 1} if case.op == "Concat" else {})
            )
        ]
    match case.attributes.get("activation", "none"):
        case "clip":
            low = make("Constant", [], ["low"], value_float=float(case.attributes["minimum"]))
            high = make("Constant", [], ["high"], value_float=float(case.attributes.get("maximum", np.inf)))
            return [low, high, make("Clip", [*inputs, "low", "high"], ["f"])]
        case "silu":
            return [make("Sigmoid", inputs, ["s"]), make("Mul", [*inputs, "s"], ["f"])]
        case "hard_sigmoid":
            return [make("HardSigmoid", inputs, ["f"], alpha=1 / 6, beta=0.5)]
        case name:
            return [make({"hard_swish": "HardSwish", "sigmoid": "Sigmoid", "none": "Identity"}[name], inputs, ["f"])]


def test_softmax_is_within_a_step_of_the_exact_one() -> None:
    for case in chosen("Softmax"):
        node, (x,) = case.node(), case.activations()
        floats = input_quantization(node).dequantize(x).astype(np.float64)
        powers = np.exp(floats - floats.max())
        exact = output_quantization(node).quantize((powers / powers.sum()).astype(np.float32))
        assert np.abs(REGISTRY["Softmax"].compute(node, x).astype(int) - exact).max() <= 1, str(case)


def test_rounding_is_half_to_even_after_the_clamp_and_before_the_zero_point() -> None:
    f = np.array([-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 3.4999998, 1e30, -1e30, np.nan], np.float32)
    assert round_to_byte(f, 100).tolist() == [98, 98, 100, 100, 102, 102, 103, 255, 0, 0]
    assert round_to_byte(f, 101).tolist() == [
        99,
        99,
        101,
        101,
        103,
        103,
        104,
        255,
        0,
        0,
    ]  # of the value, not of the sum
    assert round_to_byte(f, 100, 99, 102).tolist() == [99, 99, 100, 100, 102, 102, 102, 102, 99, 99]


def test_accumulators_wrap_and_are_rounded_to_float_before_the_product() -> None:
    case = replace(chosen("FullyConnected")[0])
    node = case.node()
    zero = output_quantization(node).zero
    sums = np.array([2**31, -(2**31) - 1, 2**24 + 1])
    scale = np.float32(2.0**-24)
    wrapped = np.array([-(2**31), 2**31 - 1, 2**24 + 1], np.int32)
    expected = np.clip(np.rint(wrapped.astype(np.float32) * scale) + zero, 0, 255)
    assert requantize(node, sums, scale).tolist() == expected.tolist()
