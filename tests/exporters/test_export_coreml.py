"""Core ML packages, read again: each operator and family means what it does here; numbers, labels and image too."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

import depthwise
import networks
from depthwise import design, graph
from depthwise.errors import UserError
from depthwise.exporters import _coreml_program, coreml
from depthwise.exporters._coreml_reading import RULES, Package
from depthwise.exporters._coreml_weights import stored
from depthwise.ops._quantized import is_integer
from depthwise.ops.base import array_of, parameters_of
from exporters.formats import CASES, COREML, graph_of
from quantized import quantized

pytestmark = pytest.mark.skipif(COREML.missing, reason=COREML.reason)


def operations(path: Path) -> list[str]:
    """Kinds of the program's operations, constants left out."""
    return [each.kind for each in Package(path).operations if each.kind != "const"]


@pytest.mark.parametrize("op", sorted(coreml.OPERATORS.keys() - {"Flatten"}))
def test_operators(op: str, tmp_path: Path) -> None:
    """All cases of an operator in one package, which is the stored network but for 1/6 in float16."""
    some = [case for case in CASES if case.op == op]
    model, path = stored(graph_of(*some), None), tmp_path / "all.mlpackage"
    coreml.write(model, path)
    inputs = [x for case in some for x in case.activations()]
    for case, found, expected in zip(some, coreml.run(path, inputs), graph.evaluate(model, inputs), strict=True):
        np.testing.assert_allclose(found, expected, rtol=5e-4, atol=5e-4 * np.abs(expected).max(), err_msg=str(case))


@pytest.mark.parametrize("name", list(design.MODELS))
def test_families(name: str, tmp_path: Path) -> None:
    """float16: an image of the right size and colour, the labels, every weight to half precision, all operators."""
    network = networks.family(name, 0.25, 32, depth=0.2)
    exported = depthwise.export(network, "coreml", tmp_path / "small.mlpackage")
    assert exported.input_type == "image" and exported.difference < 0.05
    package = Package(exported.path)
    (image,) = package.description.input
    scaled = design.architecture(name, resolution=32)
    kind = image.type.imageType
    assert (image.name, kind.height, kind.width) == ("image", *scaled.sides)
    assert kind.ColorSpace.Name(kind.colorSpace) == {1: "GRAYSCALE", 3: "RGB"}[scaled.channels]
    assert package.classes() == [f"class {index}" for index in range(10)]
    assert package.description.predictedFeatureName == "classLabel"
    assert package.description.predictedProbabilitiesName == "classLabel_probs"
    normal = graph.normalize(network)
    names = _coreml_program.names_of(normal)
    for node in normal.graph:
        if parameters_of(node):
            constant = package.constant(f"{names[node.outputs[0]]}_weight")["val"]
            assert constant.dtype == np.float16
            np.testing.assert_array_equal(constant, array_of(node.inputs[1]).astype(np.float16))
    found = operations(exported.path)
    kinds = [node.op_type for node in normal.graph]
    assert found.count("conv") == sum(kinds.count(op) for op in ("Convolution", "Depthwise", "Pointwise"))
    assert found.count("linear") == kinds.count("FullyConnected")
    assert found.count("add") == kinds.count("Add")
    assert found[-1] == "classify"


@pytest.mark.parametrize("name", ["mobilenet_v2", "mobilenet_v3_small"])
@pytest.mark.parametrize("quantize", [False, True], ids=["asked for", "of 8 bits"])
def test_int8_weights(name: str, quantize: bool, tmp_path: Path) -> None:
    """An 8-bit network's own integers, or the nearest ones by channel where they are asked for."""
    network = networks.family(name, 0.25, 32)
    if quantize:
        network = quantized(network)
    exported = depthwise.export(network, "coreml", tmp_path / "small.mlpackage", None if quantize else "int8")
    assert exported.input_type == "image"
    package, normal = Package(exported.path), graph.normalize(network)
    names = _coreml_program.names_of(normal)
    for node in normal.graph:
        if not parameters_of(node):
            continue
        constant = package.constant(f"{names[node.outputs[0]]}_weight")
        values, scales, weight = constant["quantized_data"], constant["scale"], array_of(node.inputs[1])
        assert (values.dtype, scales.dtype) == (np.int8, np.float16)
        if quantize:
            assert is_integer(node)
            np.testing.assert_array_equal(values, weight)
            np.testing.assert_allclose(scales, array_of(node.inputs[3]), rtol=2**-11, atol=2**-25)
        else:
            column = scales.astype(np.float32).reshape(-1, *[1] * (weight.ndim - 1))
            assert (np.abs(values * column - weight) <= 0.6 * column).all()
    assert "constexpr_affine_dequantize" in operations(exported.path)
    half = depthwise.export(networks.family(name, 0.25, 32), "coreml", tmp_path / "half.mlpackage")
    assert exported.bytes < half.bytes


def test_the_end_of_bytes_is_kept(tmp_path: Path) -> None:
    """Where the range of an 8-bit value is all that is left of a ReLU, the package has a bound."""
    network = quantized(networks.by_hand(camera=False))
    add = next(node for node in network.graph if node.op_type == "Add")
    add.attributes["y_zero"] = ir.AttrInt64("y_zero", 0)
    for use in add.outputs[0].uses():
        use.node.attributes["x_zeros"] = ir.AttrInt64s("x_zeros", [0])
    model = stored(network, None)
    bounded = next(node for node in model.graph if node.op_type == "Add")
    assert bounded.attributes.get_float("minimum") == 0
    coreml.write(model, tmp_path / "small.mlpackage")
    x = np.random.default_rng(0).standard_normal((1, 3, 9, 7)).astype(np.float32)
    (found,), (expected,) = coreml.run(tmp_path / "small.mlpackage", [x]), graph.evaluate(network, x)
    assert np.abs(found - expected).max() < 0.05 * np.abs(expected).max()


def test_pixels_are_normalized_inside(tmp_path: Path) -> None:
    """The scale of an image type is one number, so each channel's is an operation; a grey image has one channel."""
    form = np.asarray((0.485, 0.456, 0.406)), np.asarray((0.229, 0.224, 0.225))
    for channels, colour in ((3, "RGB"), (1, "GRAYSCALE")):
        path = tmp_path / f"{colour}.mlpackage"
        depthwise.export(networks.family("mobilenet_v1", 0.25, 32, channels=channels), "coreml", path)
        package = Package(path)
        (image,) = package.description.input
        assert image.type.imageType.ColorSpace.Name(image.type.imageType.colorSpace) == colour
        pixels = np.random.default_rng(0).integers(0, 256, (1, channels, 32, 32)).astype(np.float64)
        mean, std = (each[:channels].reshape(1, -1, 1, 1) for each in form)
        found = package.evaluate({"image": pixels})["image_half"]
        np.testing.assert_allclose(found, (pixels / 255 - mean) / std, atol=1e-5)


def test_a_network_without_preprocessing_or_classes(tmp_path: Path) -> None:
    """Takes and gives arrays."""
    network = networks.by_hand(camera=False)
    network.metadata_props.clear()
    exported = depthwise.export(network, "coreml", tmp_path / "plain.mlpackage")
    assert (exported.input_type, exported.inputs) == ("float32", [(1, 3, 9, 7)])
    package = Package(exported.path)
    assert [feature.type.WhichOneof("Type") for feature in package.description.input] == ["multiArrayType"]
    assert [feature.type.WhichOneof("Type") for feature in package.description.output] == ["multiArrayType"]
    assert package.classes() == []


def test_a_wrong_package_is_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison sees a lost weight and a lost label, and what stood there before stays."""
    path = tmp_path / "network.mlpackage"
    network = networks.by_hand(camera=False)
    depthwise.export(network, "coreml", path)
    before = sorted(path.rglob("*"))
    with monkeypatch.context() as patch:
        patch.setattr(Package, "classes", lambda _: ["cat"])
        with pytest.raises(UserError, match=r"its list of classes is \['cat'\], not .* nothing was written"):
            depthwise.export(network, "coreml", path)
    with monkeypatch.context() as patch:
        right = Package.constant
        patch.setattr(Package, "constant", lambda self, name: {k: v + 1 for k, v in right(self, name).items()})
        with pytest.raises(UserError, match=r"has other numbers in 'stem_weight'"):
            depthwise.export(network, "coreml", path)
    assert sorted(path.rglob("*")) == before
    assert [*tmp_path.iterdir()] == [path]


def test_numbers_beyond_float16_are_refused(tmp_path: Path) -> None:
    network = networks.by_hand(camera=False)
    network.graph[0].inputs[2].const_value = ir.tensor(np.full(4, 1e6, np.float32))
    with pytest.raises(UserError, match=r"node 'stem' has a parameter of 1e\+06, and float16 ends at 65504"):
        depthwise.export(network, "coreml", tmp_path / "network.mlpackage")


def test_every_operation_has_a_meaning(tmp_path: Path) -> None:
    """What may be written can be read."""
    written = set()
    for name in ("mobilenet_v2", "mobilenet_v3_small"):
        depthwise.export(networks.family(name, 0.25, 32), "coreml", tmp_path / "small.mlpackage", "int8")
        written |= set(operations(tmp_path / "small.mlpackage"))
    assert written - {"classify"} <= set(RULES)


def test_float16_of_an_8_bit_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="weights are int8 already: leave --precision out"):
        depthwise.export(quantized(networks.by_hand(camera=False)), "coreml", tmp_path / "network.mlpackage", "float16")
