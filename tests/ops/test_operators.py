"""The references of the operators against ONNX's own evaluator, their shapes and MACs, and the packing of weights."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator

from depthwise.ops import REGISTRY, cases
from depthwise.ops._packing import Layout
from depthwise.ops.base import array_of
from depthwise.ops.cases import Case
from depthwise.ops.cases.base import window

_ACTIVATIONS = {
    "sigmoid": [("Sigmoid", {})],
    "hard_sigmoid": [("HardSigmoid", {"alpha": 1 / 6, "beta": 0.5})],
    "hard_swish": [("HardSwish", {})],
}
_ALL = [case for table in cases.REGISTRY.values() for case in table if np.prod(case.inputs[0]) < 5000]


def _onnx(op: str, arrays: list[np.ndarray], **attributes: object) -> np.ndarray:
    names = [f"x{i}" for i in range(len(arrays))]
    node = onnx.helper.make_node(op, names, ["y"], **attributes)
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.DOUBLE, None) for name in (*names, "y")]
    graph = onnx.helper.make_graph([node], "one", values[:-1], values[-1:])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 20)])
    feeds = {name: array.astype(np.float64) for name, array in zip(names, arrays, strict=True)}
    return ReferenceEvaluator(model).run(None, feeds)[0]


def _activated(case: Case, y: np.ndarray) -> np.ndarray:
    name = str(case.attributes.get("activation", "none"))
    if name == "clip":
        return np.clip(y, case.attributes["minimum"], case.attributes.get("maximum", np.inf))
    if name == "silu":
        return y * _onnx("Sigmoid", [y])
    for op, attributes in _ACTIVATIONS.get(name, []):
        y = _onnx(op, [y], **attributes)
    return y


def _expected(case: Case, inputs: list[np.ndarray]) -> np.ndarray:
    node, x = case.node(), inputs[0].astype(np.float64)
    attributes = {
        name: value for name, value in case.attributes.items() if name not in ("activation", "minimum", "maximum")
    }
    if case.op == "FullyConnected":
        return _onnx("Gemm", [x, *map(array_of, node.inputs[1:])], transB=1)
    if case.weight:
        pads = dict(attributes).get("pads", (0, 0, 0, 0))
        top, left, bottom, right = pads
        values = np.reshape(attributes.pop("pad_values", (0.0,) * x.shape[1]), (1, -1, 1, 1))
        padded = np.pad(x - values, ((0, 0), (0, 0), (top, bottom), (left, right))) + values
        return _onnx("Conv", [padded, *map(array_of, node.inputs[1:])], **{**attributes, "pads": (0, 0, 0, 0)})
    if case.op == "Normalize":
        return x * np.reshape(attributes["scale"], (1, -1, 1, 1)) + np.reshape(attributes["shift"], (1, -1, 1, 1))
    if case.op == "Multiply":
        return _onnx("Mul", inputs)
    if case.op == "Activation":
        return x
    if case.op == "Softmax":
        return _onnx("Softmax", [x], axis=1)
    if case.op == "Concat":
        attributes["axis"] = 1
    if case.op in ("MaxPool", "AveragePool"):
        attributes.pop("dilations")
    return _onnx(case.op, inputs, **attributes)


@pytest.mark.parametrize("op", sorted(set(cases.REGISTRY) - {"Quantize", "Dequantize"}))
def test_reference_agrees_with_onnx(op: str) -> None:
    chosen = [case for case in _ALL if case.op == op]
    assert chosen
    for case in chosen:
        inputs = case.activations()
        y = REGISTRY[op].reference(case.node(), *inputs)
        assert y.dtype == np.float32
        assert y.shape == REGISTRY[op].shape(case.node()), str(case)
        np.testing.assert_allclose(
            y, _activated(case, _expected(case, inputs)), rtol=2e-6, atol=2e-6, err_msg=str(case)
        )


def test_flatten_is_a_view_of_a_map_of_one_pixel() -> None:
    def flatten(*shape: int) -> ir.Node:
        return ir.node("Flatten", [ir.Value(name="x", shape=ir.Shape(shape))], domain="depthwise", name="flat")

    assert REGISTRY["Flatten"].view
    assert REGISTRY["Flatten"].shape(flatten(1, 5, 1, 1)) == (1, 5)
    with pytest.raises(ValueError, match="flat: flattens"):
        REGISTRY["Flatten"].shape(flatten(1, 5, 2, 1))


@pytest.mark.parametrize(
    ("case", "message"),
    [
        (Case("Pointwise", ((1, 3, 4, 4),), (8, 5, 1, 1), window(1)), "cannot read 3 channels"),
        (Case("Convolution", ((1, 3, 2, 2),), (8, 3, 5, 5), window(5, 1, 1)), "does not fit"),
        (Case("FullyConnected", ((1, 3),), (8, 5)), "cannot read 3 features"),
        (Case("Add", ((1, 3, 4, 4), (1, 3, 4, 5))), "cannot add"),
        (Case("Multiply", ((1, 3, 4, 4), (1, 2, 1, 1))), "cannot multiply"),
        (Case("Softmax", ((1, 3, 4, 4),)), "serves vectors only"),
        (
            Case("Normalize", ((1, 3, 4, 4),), attributes={"scale": (1.0,), "shift": (0.0,)}),
            "one value for each of the 3",
        ),
    ],
    ids=lambda value: value.op if isinstance(value, Case) else "",
)
def test_shape_rules_refuse_what_does_not_fit(case: Case, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        REGISTRY[case.op].shape(case.node())


def test_unknown_activation_is_refused() -> None:
    case = Case("Activation", ((1, 3),), attributes={"activation": "gelu"})
    with pytest.raises(ValueError, match="unknown activation 'gelu'"):
        REGISTRY["Activation"].reference(case.node(), *case.activations())


@pytest.mark.parametrize(
    ("case", "macs"),
    [
        (Case("Convolution", ((1, 3, 224, 224),), (32, 3, 3, 3), window(3, 2)), 112 * 112 * 32 * 27),
        (Case("Depthwise", ((1, 32, 112, 112),), (32, 1, 3, 3), window(3, group=32)), 112 * 112 * 32 * 9),
        (Case("Pointwise", ((1, 32, 112, 112),), (64, 32, 1, 1), window(1)), 112 * 112 * 32 * 64),
        (Case("FullyConnected", ((1, 1024),), (1000, 1024)), 1024 * 1000),
        (Case("Add", ((1, 8, 4, 4),) * 2), 0),
    ],
    ids=lambda value: value.op if isinstance(value, Case) else "",
)
def test_macs_of_known_layers(case: Case, macs: int) -> None:
    assert REGISTRY[case.op].macs(case.node()) == macs


def test_panels_hold_every_weight_once_and_zeros() -> None:
    case = Case("Pointwise", ((1, 5, 2, 2),), (19, 5, 1, 1), window(1))
    weight, bias = (array_of(value) for value in case.node().inputs[1:])
    packed = Layout("HWIO", panel=8, multiple=4)(case.node())
    assert packed.dtype == np.float32
    assert packed.size == 5 * 20 + 20
    np.testing.assert_array_equal(packed[: 5 * 8].reshape(5, 8), weight[:8, :, 0, 0].T)
    last = packed[2 * 5 * 8 : 5 * 20].reshape(5, 4)  # the last panel is one vector of four wide
    np.testing.assert_array_equal(last, np.pad(weight[16:, :, 0, 0].T, ((0, 0), (0, 1))))
    np.testing.assert_array_equal(packed[5 * 20 :], np.pad(bias, (0, 1)))


def test_camera_constants_end_with_the_pad_values() -> None:
    case = Case("Convolution", ((1, 2, 4, 4),), (3, 2, 3, 3), window(3, pad_values=(7.0, 9.0)), camera=True)
    packed = Layout("OHWI", camera=True)(case.node())
    weight, bias = (array_of(value) for value in case.node().inputs[1:])
    np.testing.assert_array_equal(packed, [*weight.transpose(0, 2, 3, 1).reshape(-1), *bias, 7, 9])
