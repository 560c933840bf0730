"""LiteRT files: every operator and family computes in LiteRT's own interpreter what it means here."""

import json
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

import depthwise
import networks
from depthwise import design, graph
from depthwise.errors import UserError
from depthwise.exporters import base, litert
from depthwise.exporters.base import to_layout
from depthwise.ops import cases
from depthwise.ops._quantized import input_quantization, output_quantization
from depthwise.ops.cases import Case
from exporters.formats import CASES, LITERT, graph_of
from quantized import quantized

pytestmark = pytest.mark.skipif(LITERT.missing, reason=LITERT.reason)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_operators(case: Case, tmp_path: Path) -> None:
    model = graph_of(case)
    litert.write(model, tmp_path / "one.tflite")
    (found,) = litert.run(tmp_path / "one.tflite", [to_layout(x, "NHWC") for x in case.activations()])
    (expected,) = graph.evaluate(model, case.activations())
    np.testing.assert_allclose(found, to_layout(expected, "NHWC"), rtol=1e-5, atol=1e-5 * np.abs(expected).max())


@pytest.mark.parametrize("name", list(design.MODELS))
def test_families(name: str, tmp_path: Path) -> None:
    exported = depthwise.export(networks.family(name, 0.25, 32, depth=0.2), "litert", tmp_path / "small.tflite")
    assert exported.difference < 1e-5
    scaled = design.architecture(name, resolution=32)
    assert exported.inputs == [(1, *scaled.sides, scaled.channels)]
    assert exported.bytes == (tmp_path / "small.tflite").stat().st_size


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "efficientnet_lite0"])
def test_families_of_8_bits(name: str, tmp_path: Path) -> None:
    """The file has our integers, so it computes our numbers but for rounding, and what is said of it is so."""
    network = quantized(networks.family(name, 0.25, 32))
    exported = depthwise.export(graph.to_qdq(network), "litert", tmp_path / "small.tflite")
    assert exported.input_type == "int8"
    assert exported.steps is not None
    random, steps, same = np.random.default_rng(0), [], 0
    for _ in range(10):
        x = random.standard_normal((1, 3, 32, 32)).astype(np.float32)
        (found,) = litert.run(exported.path, [to_layout(x, "NHWC")])
        (expected,) = graph.evaluate(network, x)
        steps.append(np.abs(found - expected).max() / input_quantization(network.graph[-1]).scale)
        same += int(found.argmax() == expected.argmax())
    assert np.median(steps) <= 2
    assert same >= 9
    opened = litert.load_schema().ModelT.InitFromPackedBuf(exported.path.read_bytes())
    types = {tensor.type for tensor in opened.subgraphs[0].tensors}
    floats = litert.load_schema().TensorType.FLOAT32 in types
    assert floats == (name == "mobilenet_v3_small"), "only what LiteRT lacks in 8 bits is in float"


def test_8_bits_in_part(tmp_path: Path) -> None:
    """Layers that stay in float are, between DEQUANTIZE and QUANTIZE."""
    network = quantized(networks.by_hand(camera=False), keep=lambda node: node.name != "pointwise")
    assert [node.name for node in graph.float_operators(network)] == ["pointwise"]
    exported = depthwise.export(network, "litert", tmp_path / "small.tflite")
    assert exported.steps is not None and exported.steps <= 2


@pytest.mark.parametrize("op", sorted(set(litert.OPERATORS) - {"Flatten", "Quantize", "Dequantize"}))
def test_operators_of_8_bits(op: str, tmp_path: Path) -> None:
    done = 0
    for case in cases.integer_cases(op):
        if case.integer != "random" or done == 6 or sum(np.prod(shape) for shape in case.inputs) > 3000:
            continue
        model = graph_of(case, kind=ir.DataType.UINT8)
        litert.write(model, tmp_path / "one.tflite")
        scales = [input_quantization(model.graph[0], index) for index in range(len(case.inputs))]
        floats = [scale.dequantize(x) for scale, x in zip(scales, case.activations(), strict=True)]
        (found,) = litert.run(tmp_path / "one.tflite", [to_layout(x, "NHWC") for x in floats])
        (expected,) = graph.evaluate(model, case.activations())
        scale = output_quantization(model.graph[0])
        difference = found - to_layout(scale.dequantize(expected), "NHWC")
        assert np.abs(difference).max() <= 1.01 * scale.scale, case
        done += 1
    assert done


def test_preprocessing_and_classes_travel(tmp_path: Path) -> None:
    depthwise.export(networks.family("mobilenet_v1", 0.25, 32), "litert", tmp_path / "network.tflite")
    schema = litert.load_schema()
    model = schema.ModelT.InitFromPackedBuf((tmp_path / "network.tflite").read_bytes())
    found = {entry.name.decode(): bytes(model.buffers[entry.buffer].data) for entry in model.metadata}
    assert json.loads(found["depthwise.classes"])[0] == "class 0"
    assert json.loads(found["depthwise.preprocessing"])["size"] == 32


def test_weights_are_aligned(tmp_path: Path) -> None:
    depthwise.export(networks.family("mobilenet_v1", 0.25, 32), "litert", tmp_path / "network.tflite")
    content = (tmp_path / "network.tflite").read_bytes()
    model = litert.load_schema().Model.GetRootAs(content, 0)
    vectors = [model.Buffers(i)._tab for i in range(model.BuffersLength())]
    starts = [table.Vector(table.Offset(4)) for table in vectors if table.Offset(4)]
    assert len(starts) > 50
    assert {start % 16 for start in starts} == {0}


def test_not_a_number_is_refused(tmp_path: Path) -> None:
    """A difference that is no number is none below the bound."""

    def run(_: Path, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [np.full((1, 3), np.nan, np.float32)]

    exporter = base.Exporter(".bin", "Nothing", "NCHW", lambda _, path: path.write_bytes(b"x") and None, run)
    with pytest.raises(UserError, match="differ by nan"):
        base.write(networks.by_hand(camera=False), exporter, tmp_path / "x.bin")
