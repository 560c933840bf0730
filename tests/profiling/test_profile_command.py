"""`depthwise profile`: a small network with all that can be asked for, and each thing that it refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

import depthwise
from depthwise import graph
from depthwise.cli import main
from depthwise.device import Device
from depthwise.errors import UserError
from depthwise.graph import LayerList
from depthwise.graph.separable import separables
from depthwise.profiling import probe
from depthwise.profiling import profile as module
from depthwise.profiling.comparison import OURS
from depthwise.profiling.layers import operator_profiles
from depthwise.profiling.lines import profile_lines
from depthwise.profiling.network import with_random_weights
from depthwise.profiling.records import LayerProfile, Profile
from depthwise.profiling.standard import Sides, why
from depthwise.profiling.unfused import FORMS
from networks import family
from quantized import quantized

HOST = Device(
    "host",
    "",
    clock_mhz=3000,
    peak_macs={"float32": 4e10, "int8": 1.6e11},
    caches={"l1": 32 * 1024, "l2": 1024**2},
    bandwidth={"l1": 2e11, "l2": 1e11, "memory": 2e10},
)


def layer(**changes: object) -> LayerProfile:
    values = {
        "name": "x",
        "op": "Depthwise",
        "kernel": "k",
        "shape": [1],
        "bound": "l2",
        "steps": 1,
        "seconds": 1e-3,
        "macs": 1000,
        "bytes": 500,
        "macs_per_cycle": 4.0,
        "intensity": 2.0,
        "roof_seconds": 5e-4,
        "reached": 0.5,
    }
    return LayerProfile.model_validate({**values, **changes})


def tiny() -> graph.Graph:
    layers = LayerList(channels=3, resolution=16)
    x = "input"
    for name, channels, groups in (("stem", 8, 1), ("depthwise", 8, 8), ("pointwise", 12, 1)):
        x = layers.conv(f"{name}.conv", x, channels, 1 if name == "pointwise" else 3, 1, groups)
        x = layers.activation(f"{name}.relu", layers.norm(f"{name}.norm", x), "relu6")
    layers.linear("classifier", layers.flatten("flatten", layers.pool("pool", x)), 5)
    return with_random_weights(layers.layers)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("profile") / "tiny.onnx"
    graph.save(tiny(), found)
    return found


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "measured_host", lambda progress: HOST)


@pytest.fixture(scope="module")
def found(path: Path) -> Profile:
    """All that can be asked for, once."""
    pytest.importorskip("onnxruntime")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "measured_host", lambda progress: HOST)
        return depthwise.profile(path, quick=True, against="onnxruntime", standard=True, unfused=True)


def test_layers(found: Profile) -> None:
    assert [(row.name, row.op, row.shape) for row in found.layers] == [
        ("stem.conv", "Convolution", [8, 16, 16]),
        ("depthwise.conv", "Depthwise", [8, 16, 16]),
        ("pointwise.conv", "Pointwise", [12, 16, 16]),
        ("pool", "GlobalAveragePool", [12, 1, 1]),
        ("classifier", "FullyConnected", [5]),
    ]
    assert (found.input, found.input_shape) == ("uint8", [16, 16, 3])
    assert found.macs == sum(row.macs for row in found.layers) == 256 * (8 * 27 + 8 * 9 + 8 * 12) + 60
    assert found.seconds == pytest.approx(sum(row.seconds for row in found.layers))
    assert found.floor_seconds == found.macs / 4e10
    for row in found.layers:
        assert row.seconds > 0 and row.bytes > 0
        assert row.macs_per_cycle == pytest.approx(row.macs / (row.seconds * 3e9))
        assert row.reached == pytest.approx(row.roof_seconds / row.seconds)
    assert {row.op: row.layers for row in found.operators} == dict.fromkeys([row.op for row in found.layers], 1)


def test_beside_other_runtimes(found: Profile) -> None:
    assert {(row.runtime, row.input_type) for row in found.against} == {
        (runtime, kind) for runtime in ("depthwise", "depthwise-python", "onnxruntime") for kind in ("float32", "uint8")
    }
    medians = [row.median_ms for row in found.against]
    assert medians == sorted(medians)
    assert all(row.floor_ms > 0 for row in found.against)


def test_beside_the_standard_convolution(found: Profile) -> None:
    (row,) = found.standard
    assert (row.names, row.shape, row.kernel, row.outputs) == (["depthwise.conv"], [8, 16, 16], [3, 3], 12)
    assert row.mac_ratio == pytest.approx(1 / 12 + 1 / 9)
    assert row.standard_macs == 256 * 12 * 8 * 9
    assert row.time_ratio == pytest.approx(row.seconds / row.standard_seconds)
    assert row.why


def test_unfused(found: Profile) -> None:
    assert [(row.form, row.calls) for row in found.unfused] == list(zip(FORMS, (5, 8, 11), strict=True))
    assert found.unfused[0].ratio == 1.0


def test_lines(found: Profile) -> None:
    text = "\n".join(profile_lines(found))
    for part in (
        "16x16x3 camera bytes, float32, one thread, schedule auto for speed",
        "layer           operator           output",
        "form of the network",
        "separable layer",
        "from camera bytes, 1 thread, floor",
    ):
        assert part in text, part
    bare = found.model_copy(update={"against": [], "standard": [], "unfused": []})
    assert len(profile_lines(bare)) == 3 + 1 + 6 + 1 + 6 + 1


def test_command(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["profile", str(path), "--quick", "--json", "--quiet", "--input", "float", "--schedule", "layer"])
    output = capsys.readouterr()
    assert output.err == ""
    profile = Profile.model_validate_json(output.out)
    assert (profile.network, profile.input, profile.schedule) == (str(path), "float", "layer")
    assert profile.against == [] and len(profile.layers) == 5
    assert set(json.loads(output.out)) == set(Profile.model_fields)


def test_a_float_network_in_8_bits(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    profile = depthwise.profile(path, precision="int8", quick=True)
    assert profile.precision == "int8"
    assert profile.floats == []
    assert {layer.op for layer in profile.layers} >= {"Normalize", "Depthwise", "Dequantize"}
    (stem,) = (row for row in profile.layers if row.name == "stem.conv")
    assert stem.bytes == 3 * 16 * 16 + 8 * 16 * 16 + 8 * 27 + 8 * 8
    assert ", int8, one thread" in profile_lines(profile)[0]
    with pytest.raises(UserError, match="take networks of float32"):
        depthwise.profile(path, precision="int8", standard=True, quick=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["mobilenet_v9"], "unknown model 'mobilenet_v9'"),
        (["mobilenet_v1", "--against", "openvin"], "unknown runtime 'openvin'. Did you mean 'openvino'"),
        (["mobilenet_v1", "--time", "soon"], "--time 'soon' is not a time"),
        (["PATH", "--width", "0.5"], "--width apply to model names"),
    ],
)
def test_what_is_refused(path: Path, options: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as error:
        main(["profile", *[str(path) if option == "PATH" else option for option in options]])
    assert error.value.code == 2
    assert message in capsys.readouterr().err


def test_no_compiler(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(UserError, match="no-such-compiler"):
        depthwise.profile(path, quick=True)


def test_no_weights() -> None:
    bare = graph.build(depthwise.design.architecture("mobilenet_v1", width=0.25, resolution=32).layers())
    with pytest.raises(UserError, match="shapes only, no weights"):
        depthwise.profile(bare, quick=True)


def test_8_bits(tmp_path: Path) -> None:
    """Every layer beside the roof of its own precision; the other runtimes get the same file."""
    pytest.importorskip("onnxruntime")
    graph.save(graph.to_qdq(quantized(tiny())), tmp_path / "tiny.int8.onnx")
    found = depthwise.profile(tmp_path / "tiny.int8.onnx", quick=True, against="onnxruntime", input="int8")
    assert (found.precision, found.input, found.peak_macs) == ("int8", "int8", 1.6e11)
    assert found.floor_seconds == pytest.approx(found.macs / 1.6e11)
    rows = {row.name: row for row in found.layers}
    assert rows["depthwise.conv"].bytes == 2 * 8 * 256 + 8 * 9 + 4 * 8 + 4 * 8
    assert {row.precision for row in found.against} == {"int8"}
    assert {(row.runtime, row.input_type) for row in found.against} >= {(OURS, "int8"), ("onnxruntime", "int8")}
    text = "\n".join(profile_lines(found))
    assert "16x16x3 8-bit values, int8, one thread" in text
    assert "from 8-bit values, 1 thread, floor" in text
    with pytest.raises(UserError, match="take networks of float32"):
        depthwise.profile(tmp_path / "tiny.int8.onnx", quick=True, unfused=True)


def test_several_outputs_are_refused_before_anything_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "measured_host", lambda progress: pytest.fail("measured"))
    network = tiny()
    network.graph.outputs.append(next(node for node in network.graph if node.name == "pool").outputs[0])
    with pytest.raises(UserError, match=r"has 2 outputs: other runtimes are measured on networks with one"):
        depthwise.profile(network, quick=True, against="all")


def test_why_the_times_differ() -> None:
    def sides(depthwise: float, pointwise: float, standard: float) -> Sides:
        return Sides(
            layer(seconds=depthwise, macs=100, macs_per_cycle=2.0, bound="l2", intensity=1.1),
            layer(seconds=pointwise, macs=900, macs_per_cycle=9.0, bound="compute", intensity=4.0),
            layer(seconds=standard, macs=10_000, macs_per_cycle=10.0, bound="compute", intensity=8.0),
        )

    assert why(sides(0.1, 0.9, 10.0)) == "as the MACs say"
    assert why(sides(0.1, 0.8, 20.0)) == "the standard one reaches only 10.0 MAC/cycle (8.0 MAC/byte, compute-bound)"
    assert why(sides(0.6, 0.9, 10.0)) == (
        "depthwise 40 % of the time for 10 % of the MACs: 2.0 MAC/cycle (1.1 MAC/byte, bound by l2); "
        "the standard one 10.0"
    )
    assert why(sides(0.1, 1.9, 10.0)).startswith("pointwise 95 % of the time for 90 % of the MACs: 9.0 MAC/cycle")


def test_operators_add_up_their_layers() -> None:
    rows = [layer(), layer(name="y", bound="compute", seconds=3e-3), layer(name="z", op="Pointwise", seconds=1.0)]
    first, second = operator_profiles(rows, HOST)
    assert (first.op, first.layers, first.bounds) == ("Pointwise", 1, {"l2": 1})
    assert (second.op, second.layers, second.bounds) == ("Depthwise", 2, {"l2": 1, "compute": 1})
    assert (second.seconds, second.macs, second.bytes) == (4e-3, 2000, 1000)
    assert second.reached == pytest.approx(0.25)
    assert second.macs_per_cycle == pytest.approx(2000 / (4e-3 * 3e9))


def test_separable_layers_compute_what_they_did() -> None:
    """The pair alone gives the network's own numbers; its standard convolution has the same window and output."""
    normal = graph.normalize(family("mobilenet_v2", 0.35, 32))
    layers = list(separables(normal))
    assert len(layers) == 17
    for found in (layers[0], layers[1]):
        pair, standard = found.alone(), found.standard()
        for model in (pair, standard):
            graph.verify(model)
        shape = pair.graph.inputs[0].shape.numpy()
        image = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        reference = graph.evaluate(pair, image)[0]
        middle = depthwise.ops.REGISTRY["Depthwise"].reference(found.depthwise, image)
        np.testing.assert_array_equal(reference, depthwise.ops.REGISTRY["Pointwise"].reference(found.pointwise, middle))
        assert graph.evaluate(standard, image)[0].shape == reference.shape
    assert len({found.key for found in layers}) < len(layers)


def test_a_gate_between_the_parts_is_passed_by() -> None:
    """MobileNetV3-Large: 15 blocks, of which 8 have squeeze-excite."""
    normal = graph.normalize(graph.build(depthwise.design.architecture("mobilenet_v3_large", resolution=32).layers()))
    assert sum(node.op_type == "Multiply" for node in normal.graph) == 8
    assert len(list(separables(normal))) == 15


def test_without_fusing_the_numbers_stay() -> None:
    network = tiny()
    image = np.random.default_rng(0).standard_normal((1, 3, 16, 16)).astype(np.float32)
    fused, *others = (graph.normalize(network, without=passes) for passes in FORMS.values())
    (expected,) = graph.evaluate(fused, image)
    for other in others:
        np.testing.assert_allclose(graph.evaluate(other, image)[0], expected, rtol=1e-4, atol=1e-5)
    assert "Activation" not in {node.op_type for node in fused.graph}
    with pytest.raises(UserError, match="unknown fusing pass 'lower'"):
        graph.normalize(network, without=("lower",))


def test_the_part_of_a_cache_that_a_thread_has() -> None:
    assert probe._usable({2: 10.0, 4: 9.0, 8: 3.0}, 16) == 4
    assert probe._usable({2: 10.0, 4: 5.0, 8: 9.0}, 16) == 16
    assert probe._usable({8: 1.0}, 16) == 16
    assert probe._buffers({"l1": 32, "l2": 512}) == {
        "l1": [16],
        "l2": [64, 76, 90, 107, 128, 152, 181, 215, 256],
        "memory": [32 * 1024**2],
    }
