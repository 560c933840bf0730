"""Networks of 8 bits from files (QDQ), in normal form, and back to files."""

from collections.abc import Sequence

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from graph_models import model_of
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from depthwise import graph
from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.ops.base import parameters_of
from networks import family
from quantized import images, quantized

FAMILIES = [("mobilenet_v1", 0.25, 32), ("mobilenet_v2", 0.35, 32), ("mobilenet_v3_large", 0.35, 32)]


class _Images(CalibrationDataReader):
    """A few random images for ONNX Runtime's quantizer."""

    def __init__(self, shape: Sequence[int]) -> None:
        random = np.random.default_rng(0)
        self._images = [images((1, *shape), random) for _ in range(3)]

    def get_next(self) -> dict[str, np.ndarray] | None:
        return {"input": self._images.pop()} if self._images else None


def _runtime(model: ir.Model, x: np.ndarray, *, optimized: bool = False) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString(), options)
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def _image(size: int, seed: int = 7) -> np.ndarray:
    return images((1, 3, size, size), np.random.default_rng(seed))


def _nhwc(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


@pytest.mark.parametrize("activations", [QuantType.QUInt8, QuantType.QInt8])
@pytest.mark.parametrize("per_channel", [True, False])
@pytest.mark.parametrize(("name", "width", "size"), FAMILIES)
def test_files_of_onnx_runtime_quantizer(name, width, size, per_channel, activations, tmp_path):
    paths = [str(tmp_path / file) for file in ("float.onnx", "prepared.onnx", "int8.onnx")]
    graph.save(family(name, width, size), paths[0])
    quant_pre_process(paths[0], paths[1])
    quantize_static(paths[1], paths[2], _Images((3, size, size)), per_channel=per_channel, activation_type=activations)
    model = graph.load(paths[2])
    normal = graph.normalize(model)
    assert not graph.float_operators(normal)
    x = _image(size)
    (y,) = graph.evaluate(normal, x)
    expected = _runtime(model, x, optimized=True)
    assert y.argmax() == expected.argmax()
    assert np.abs(y - expected).max() <= 0.05 * np.abs(expected).max()
    assert np.array_equal(Engine.build(model, input="float")(_nhwc(x)), y)


@pytest.mark.parametrize(("name", "width", "size"), FAMILIES)
def test_our_files_are_read_as_what_was_written_and_open_in_onnx_runtime(name, width, size, tmp_path):
    integer = quantized(family(name, width, size))
    graph.save(graph.to_qdq(integer), tmp_path / "int8.onnx")
    onnx.checker.check_model(str(tmp_path / "int8.onnx"), full_check=True)
    model = graph.load(tmp_path / "int8.onnx")
    again = graph.normalize(model, "float")
    assert [(node.name, node.op_type) for node in again.graph] == [(n.name, n.op_type) for n in integer.graph]
    for one, other in zip(integer.graph, again.graph, strict=True):
        assert {key: value.value for key, value in one.attributes.items()} == {
            key: value.value for key, value in other.attributes.items()
        }
        for left, right in zip(parameters_of(one), parameters_of(other), strict=True):
            assert np.array_equal(left.const_value.numpy(), right.const_value.numpy()), left.name
    x = _image(size)
    y = graph.evaluate(again, x)[0]
    assert np.array_equal(graph.evaluate(integer, x)[0], y)
    scale = np.abs(y).max()
    assert np.abs(_runtime(model, x) - y).max() <= 0.15 * scale
    assert graph.classes_of(again) == graph.classes_of(integer) and graph.preprocessing_of(again) is not None


def test_what_has_no_integers_stays_in_float_between_quantize_and_dequantize(tmp_path):
    integer = quantized(family("mobilenet_v2", 0.35, 32), keep=lambda node: "blocks.1" not in str(node.name))
    kept = graph.float_operators(integer)
    assert kept and all("blocks.1" in str(node.name) for node in kept if parameters_of(node))
    graph.save(graph.to_qdq(integer), tmp_path / "int8.onnx")
    again = graph.normalize(graph.load(tmp_path / "int8.onnx"), "float")
    assert [node.name for node in graph.float_operators(again)] == [node.name for node in kept]
    x = _image(32)
    (y,) = graph.evaluate(again, x)
    assert np.array_equal(Engine.build(again, input="float")(_nhwc(x)), y)


def test_camera_pixels_become_bytes_by_a_table():
    integer = quantized(family("mobilenet_v1", 0.25, 32))
    pixels = np.random.default_rng(3).integers(0, 256, (1, 3, 32, 32), np.uint8)
    camera = graph.normalize(integer, "uint8")
    assert [node.op_type for node in camera.graph][:2] == ["Normalize", "Convolution"]
    (y,) = graph.evaluate(camera, pixels)
    normalized = graph.preprocessing_of(integer).normalize(_nhwc(pixels))
    assert np.array_equal(graph.evaluate(integer, normalized)[0], y)
    assert np.array_equal(Engine.build(integer)(_nhwc(pixels)), y)


QUANTIZED = "q = QuantizeLinear(x, s, z) d = DequantizeLinear(q, s, z)"
SCALES = {"s": np.float32(0.05), "z": np.uint8(120), "t": np.float32(0.1), "u": np.uint8(100)}


def _ops(body: str, **constants: np.ndarray) -> list[str]:
    model = model_of(body, **{key: value for key, value in {**SCALES, **constants}.items() if key in body})
    normal = graph.normalize(model)
    x = (3 * np.random.default_rng(0).standard_normal((1, 4, 6, 6))).astype(np.float32)
    off = np.abs(graph.evaluate(normal, x)[0] - _runtime(model, x))
    assert off.max() < 1.01 * SCALES["t"] and np.mean(off > 1e-6) < 0.02  # a half that floats miss is rounded apart
    return [node.op_type for node in normal.graph]


def test_scales_are_moved_behind_what_only_moves_values():
    window = "<kernel_shape=[2, 2], strides=[2, 2]>"
    body = f"{QUANTIZED} m = MaxPool{window}(d) q2 = QuantizeLinear(m, s, z) y = DequantizeLinear(q2, s, z)"
    assert _ops(body) == ["Quantize", "MaxPool", "Dequantize"]
    assert _ops(body.replace("y = Deq", "y0 = Deq") + "y = Identity(y0)") == ["Quantize", "MaxPool", "Dequantize"]


def test_another_scale_is_a_table():
    body = f"{QUANTIZED} q2 = QuantizeLinear(d, t, u) y = DequantizeLinear(q2, t, u)"
    assert _ops(body) == ["Quantize", "Activation", "Dequantize"]


def test_padding_with_zeros_is_padding_with_the_zero_point():
    body = (
        f"{QUANTIZED} p = Pad(d, pads) q2 = QuantizeLinear(p, s, z) d2 = DequantizeLinear(q2, s, z) "
        "w = DequantizeLinear<axis=0>(wq, ws, wz) c = Conv(d2, w) "
        "q3 = QuantizeLinear(c, t, u) y = DequantizeLinear(q3, t, u)"
    )
    weights = np.random.default_rng(1).integers(-127, 128, (5, 4, 3, 3)).astype(np.int8)
    constants = {
        "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]),
        "wq": weights,
        "ws": np.full(5, 0.002, np.float32),
        "wz": np.zeros(5, np.int8),
    }
    assert _ops(body, **constants) == ["Quantize", "Convolution", "Dequantize"]


def test_three_maps_of_different_scales_side_by_side():
    body = (
        f"{QUANTIZED} r = Relu(d) q2 = QuantizeLinear(r, t, u) d2 = DequantizeLinear(q2, t, u) "
        "c = Concat<axis=1>(d, d2, d) q3 = QuantizeLinear(c, t, u) y = DequantizeLinear(q3, t, u)"
    )
    assert _ops(body) == ["Quantize", "Activation", "Concat", "Concat", "Dequantize"]


def test_weights_that_are_quantized_in_the_file_and_weights_with_a_zero_point():
    conv = f"{QUANTIZED} w = {{}} c = Conv(d, w) q3 = QuantizeLinear(c, t, u) y = DequantizeLinear(q3, t, u)"
    random = np.random.default_rng(1)
    floats = {
        "wf": (random.integers(-127, 128, (5, 4, 1, 1)) * 0.01).astype(np.float32),
        "ws": np.float32(0.01),
        "wz": np.int8(0),
    }
    two = "DequantizeLinear(wq, ws, wz)"
    body = conv.replace("w = {}", f"wq = QuantizeLinear(wf, ws, wz) w = {two}")
    assert _ops(body, **floats) == ["Quantize", "Pointwise", "Dequantize"]
    middle = {
        "wq": np.array([[1, 128], [255, 100]], np.uint8).reshape(2, 2, 1, 1)[:, [0, 1, 0, 1]],
        "ws": np.float32(0.01),
    }
    middle["wz"] = np.uint8(128)  # the middle of uint8 is the zero of int8
    assert _ops(conv.format(two), **middle) == ["Quantize", "Pointwise", "Dequantize"]


@pytest.mark.parametrize(
    ("body", "constants", "words"),
    [
        ("q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)", {"s": np.float32(-1)}, "has the scale -1"),
        ("q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)", {"s": np.float32(np.nan)}, "NaN or infinite"),
        (
            "q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)",
            {"s": np.float32([0.1, 0.2, 0.3, 0.4]), "z": np.zeros(4, np.uint8)},
            "has 4 scales: an activation has one",
        ),
        ("q = QuantizeLinear(x, s, z) y = DequantizeLinear(q, s, z)", {"z": np.int16(3)}, "INT16: int8 and uint8"),
    ],
)
def test_scales_that_cannot_be_are_refused_in_one_line(body, constants, words):
    model = model_of(body, opset=21, **{k: v for k, v in {**SCALES, **constants}.items() if f" {k}" in body})
    with pytest.raises(UserError, match=words) as caught:
        graph.normalize(model)
    assert "\n" not in str(caught.value)
