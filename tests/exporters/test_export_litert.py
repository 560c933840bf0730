"""LiteRT files: every operator and family computes in LiteRT's own interpreter what it means here."""

import json
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

import depthwise
import networks
from depthwise import design, graph
from depthwise.cli import main
from depthwise.errors import UserError
from depthwise.exporters import base, litert
from depthwise.exporters.base import to_layout
from depthwise.ops import DOMAIN, REGISTRY, cases
from depthwise.ops._quantized import input_quantization, output_quantization
from depthwise.ops.base import activations_of, parameters_of
from depthwise.ops.cases import Case
from quantized import quantized

pytest.importorskip("ai_edge_litert", reason="ai-edge-litert is not installed: pip install 'depthwise[export]'")

CASES = [
    case
    for table in cases.REGISTRY.values()
    for case in table
    if not case.camera and not case.integer and sum(np.prod(shape) for shape in case.inputs) < 5000
]


def graph_of(case: Case, kind: ir.DataType = ir.DataType.FLOAT) -> ir.Model:
    """One node of the normal form as a Graph."""
    node = case.node()
    (out,) = node.outputs
    out.name, out.shape, out.type = "out", ir.Shape(REGISTRY[case.op].shape(node)), ir.TensorType(kind)
    inside = ir.Graph(
        activations_of(node), [out], nodes=[node], initializers=parameters_of(node), opset_imports={DOMAIN: 1}
    )
    return ir.Model(inside, ir_version=8)


def test_the_cases_cover_the_operators() -> None:
    assert {case.op for case in CASES} >= set(litert.OPERATORS) - {"Flatten", "Quantize", "Dequantize"}


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
        model = graph_of(case, ir.DataType.UINT8)
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


def test_a_wrong_file_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison sees one wrong operator, and what stood there before stays."""
    path = tmp_path / "network.tflite"
    path.write_bytes(b"before")
    right = litert.OPERATORS["Add"]
    wrong = {**litert.OPERATORS, "Add": litert.OPERATORS["Multiply"]}
    monkeypatch.setattr(litert, "OPERATORS", wrong)
    with pytest.raises(UserError, match=r"computes other outputs .* nothing was written"):
        depthwise.export(networks.by_hand(camera=False), "litert", path)
    assert path.read_bytes() == b"before"
    assert [*tmp_path.iterdir()] == [path]
    monkeypatch.setattr(litert, "OPERATORS", {**wrong, "Add": right})
    assert depthwise.export(networks.by_hand(camera=False), "litert", path).difference < 1e-5


def test_a_node_that_cannot_be_expressed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(litert, "OPERATORS", {k: v for k, v in litert.OPERATORS.items() if k != "Depthwise"})
    with pytest.raises(UserError, match=r"node 'depthwise' \(Depthwise\) cannot be exported to LiteRT"):
        depthwise.export(networks.by_hand(camera=False), "litert", tmp_path / "network.tflite")
    assert not [*tmp_path.iterdir()]


def test_dilated_pooling_is_refused(tmp_path: Path) -> None:
    attributes = {"kernel_shape": (3, 3), "dilations": (2, 2), "pads": (0, 0, 0, 0), "strides": (1, 1)}
    case = Case("MaxPool", ((1, 4, 8, 8),), attributes=attributes)
    with pytest.raises(UserError, match=r"\(MaxPool\) has dilation \[2, 2\], which LiteRT's pooling lacks"):
        litert.write(graph_of(case), tmp_path / "one.tflite")


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


def test_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph.save(networks.family("mobilenet_v2", 0.25, 32), tmp_path / "network.onnx")
    main(["export", str(tmp_path / "network.onnx"), "--to", "litert", "-o", str(tmp_path / "network.tflite")])
    wrote, takes, checked = capsys.readouterr().out.splitlines()
    assert wrote.startswith(f"wrote {tmp_path / 'network.tflite'} (")
    assert takes == "takes float32 [1, 32, 32, 3] (NHWC), normalized as in training"
    assert checked.startswith("checked: LiteRT differs from the network by ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mobilenet_v1", "--to", "litert", "-o", "x.tflite"], "shapes only, no trained weights"),
        (
            ["network.onnx", "--to", "litter", "-o", "x.tflite"],
            "unknown export format 'litter'. Did you mean 'litert'?",
        ),
        (["network.onnx", "--to", "litert", "-o", "x.lite"], "LiteRT files end in .tflite: name it x.tflite"),
    ],
)
def test_bad_input(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    graph.save(networks.family("mobilenet_v1", 0.25, 32), tmp_path / "network.onnx")
    with pytest.raises(SystemExit):
        main(["export", *arguments])
    assert message in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]


def test_a_missing_library_names_its_extra(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    with pytest.raises(UserError, match=r"pip install 'depthwise\[export\]'"):
        depthwise.export(networks.by_hand(camera=False), "litert", tmp_path / "network.tflite")


def test_not_a_number_is_refused(tmp_path: Path) -> None:
    """A difference that is no number is none below the bound."""

    def run(_: Path, inputs: list[np.ndarray]) -> list[np.ndarray]:
        return [np.full((1, 3), np.nan, np.float32)]

    exporter = base.Exporter(".bin", "Nothing", "NCHW", lambda _, path: path.write_bytes(b"x") and None, run)
    with pytest.raises(UserError, match="differ by nan"):
        base.write(networks.by_hand(camera=False), exporter, tmp_path / "x.bin")
