"""Several inputs and outputs: the numbers of ONNX Runtime, through one buffer each, in C and from Python."""

import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import pytest
from PIL import Image

from depthwise import compiler, graph, planning
from depthwise.classification import classify
from depthwise.compiler.isa import flags_for
from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.planning import Choice
from depthwise.planning.explain import explain
from networks import family

C = Path(__file__).parent / "c"
STRICT = ("-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I.")
NAMES = ("logits", "stem", "pool", "flat", "sum")
TEXT = """<ir_version: 8, opset_import: ["": 18]>
network (float[N,3,9,7] image, float[N,6] side, float[N,4,9,7] extra)
  => (float[N,5] logits, float[N,4,9,7] stem, float[N,4,1,1] pool, float[N,4] flat, float[N,4,9,7] sum) {
    before = Conv <pads: ints = [1,1,1,1]> (image, w1, b1)
    stem = Relu(before)
    deep = Conv <group: int = 4, pads: ints = [1,1,1,1]> (stem, w2, b2)
    sum = Add(deep, extra)
    pool = GlobalAveragePool(sum)
    flat = Flatten(pool)
    ours = Gemm <transB: int = 1> (flat, w3, b3)
    theirs = Gemm <transB: int = 1> (side, w4, b4)
    logits = Add(ours, theirs)
}"""
"""Outputs that are read inside, that are fused, that are views of each other; inputs that are maps and vectors."""


def network() -> ir.Model:
    random = np.random.default_rng(0)
    proto = onnx.parser.parse_model(TEXT)
    shapes = {"w1": (4, 3, 3, 3), "b1": (4,), "w2": (4, 1, 3, 3), "b2": (4,)}
    shapes |= {"w3": (5, 4), "b3": (5,), "w4": (5, 6), "b4": (5,)}
    for name, shape in shapes.items():
        proto.graph.initializer.append(onnx.numpy_helper.from_array(random.normal(0, 0.5, shape).astype("f4"), name))
    return ir.from_proto(proto)


def inputs(count: int = 2) -> dict[str, np.ndarray]:
    """By name, NHWC; the image as camera bytes."""
    random = np.random.default_rng(1)
    image = random.integers(0, 256, (count, 9, 7, 3), dtype=np.uint8)
    arrays = {"side": random.normal(size=(count, 6)), "extra": random.normal(size=(count, 9, 7, 4))}
    return {"image": image, **{name: array.astype(np.float32) for name, array in arrays.items()}}


def camera() -> ir.Model:
    """The network with the normalization of its first image in its metadata."""
    model = network()
    model.metadata_props["depthwise.preprocessing"] = (
        '{"size": 9, "channels": 3, "resize": "crop", "mean": [0.4, 0.5, 0.6], "std": [0.2, 0.3, 0.25]}'
    )
    return model


def expected(given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What ONNX Runtime computes from camera bytes, normalized as the metadata says; maps as NHWC."""
    session = onnxruntime.InferenceSession(ir.to_proto(network()).SerializeToString())
    feed = {name: array.transpose(0, 3, 1, 2) if array.ndim == 4 else array for name, array in given.items()}
    mean, std = (np.array(row, np.float32).reshape(3, 1, 1) for row in ([0.4, 0.5, 0.6], [0.2, 0.3, 0.25]))
    feed["image"] = (feed["image"].astype(np.float32) / 255 - mean) / std
    found = dict(zip(NAMES, session.run(list(NAMES), feed), strict=True))
    return {name: array.transpose(0, 2, 3, 1) if array.ndim == 4 else array for name, array in found.items()}


def check(found: dict[str, np.ndarray], wanted: dict[str, np.ndarray]) -> None:
    assert list(found) == list(NAMES)
    for name, array in wanted.items():
        assert found[name].shape == array.shape
        np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-5 * np.abs(array).max(), err_msg=name)


@pytest.mark.parametrize("choice", [Choice("layer"), Choice("stream", "ram")], ids=["layer", "stream"])
@pytest.mark.parametrize("isa", compiler.native_isa())
def test_the_numbers_between_guard_words(tmp_path, isa, choice):
    program = planning.plan(graph.normalize(camera(), "uint8"), (isa, "c"), choice)
    manifest = compiler.emit(program, tmp_path / "c", weights="incbin")
    flags = [flag for flag in flags_for([isa]) if flag.startswith("-m")]
    sanitize = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    command = ["cc", *STRICT, *sanitize, *flags, C / "guard.c", "network.c", "network_weights.c", "-o", "guard"]
    subprocess.run(command, cwd=tmp_path / "c", check=True)
    given, engine = inputs(), Engine.load(tmp_path / "c")
    check(engine(given), expected(given))
    rows = np.zeros((2, manifest.input_bytes), np.uint8)
    for part in manifest.inputs:
        rows[:, part.offset : part.offset + part.bytes] = given[part.name].reshape(2, -1).view(np.uint8)
    (tmp_path / "in").write_bytes(rows.tobytes())
    done = subprocess.run([tmp_path / "c/guard", tmp_path / "in", tmp_path / "out"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    written = np.fromfile(tmp_path / "out", np.uint8).reshape(2, -1)
    for part in manifest.outputs:
        bits = written[:, part.offset : part.offset + part.bytes].copy().view(np.float32)
        assert np.array_equal(bits.reshape(2, *part.shape), engine(given)[part.name]), part.name


def test_the_interpreter_gives_the_same(tmp_path):
    given = inputs(1)
    normal = graph.normalize(camera(), "uint8")
    arrays = [array.transpose(0, 3, 1, 2) if array.ndim == 4 else array for array in given.values()]
    found = dict(zip(NAMES, graph.evaluate(normal, arrays), strict=True))
    check({name: x.transpose(0, 2, 3, 1) if x.ndim == 4 else x for name, x in found.items()}, expected(given))


def test_header_manifest_and_example(tmp_path):
    model = camera()
    model.metadata_props["depthwise.classes"] = '["a", "b", "c", "d", "e"]'
    program = planning.plan(graph.normalize(model, "uint8"), ("c",))
    manifest = compiler.emit(program, tmp_path / "c")
    assert [(part.name, part.offset, part.type) for part in manifest.inputs] == [
        *(("image", 0, "uint8"), ("side", 192, "float32"), ("extra", 256, "float32")),
    ]
    offsets = {part.name: part.offset for part in manifest.outputs}
    assert offsets == {"logits": 0, "stem": 64, "pool": 1088, "flat": 1088, "sum": 1152}  # a view takes no room
    assert compiler.read_manifest(tmp_path / "c") == manifest
    header = (tmp_path / "c/network.h").read_text()
    for text in (
        "/* extra: float, 9 rows x 7 columns x 4 channels",
        "#define NETWORK_INPUT_3_OFFSET 256\n",
        "#define NETWORK_INPUT_3_CHANNELS 4\n",
        "#define NETWORK_INPUT_BYTES 1264\n",
        "#define NETWORK_OUTPUT_2_COUNT 252\n",
        "#define NETWORK_OUTPUT_BYTES 2160\n",
    ):
        assert text in header
    assert "1008 bytes, the caller's, from 256: extra" in explain(program)
    (tmp_path / "c/in.raw").write_bytes(bytes(1264))
    subprocess.run(
        ["cc", *STRICT, "network.c", "network_weights.c", "main.c", "-o", "it"], cwd=tmp_path / "c", check=True
    )
    done = subprocess.run(["./it", "in.raw"], cwd=tmp_path / "c", capture_output=True, text=True, check=True)
    blank = {part.name: np.zeros(part.shape, part.type) for part in manifest.inputs}
    scores = Engine.load(tmp_path / "c")(blank)["logits"][0]
    assert done.stdout == f"{'abcde'[scores.argmax()]} {scores.max():.9g}\n"


def test_arrays_are_given_in_order_or_by_name():
    engine = Engine.build(camera())
    given = inputs(3)
    outputs = engine(given)
    check(outputs, expected(given))
    in_order = engine(tuple(given.values()))
    assert all(np.array_equal(in_order[name], outputs[name]) for name in NAMES)
    single = engine.prepared({name: array[1] for name, array in given.items()})
    assert all(np.array_equal(single()[name], outputs[name][1:2]) for name in NAMES)
    assert engine({name: array[:0] for name, array in given.items()})["stem"].shape == (0, 9, 7, 4)
    assert engine.input == "uint8"
    assert (engine.memory.input, engine.memory.output) == (1264, 2160)


def test_wrong_arrays_are_refused():
    engine, given = Engine.build(camera()), inputs(2)
    for wrong, message in (
        (given["image"], "takes 3 inputs, one array for each of image, side, extra; got one array"),
        (list(given.values())[:2], "got 2 arrays"),
        ({"image": given["image"]}, "inputs are image, side, extra, got image"),
        (
            given | {"side": given["side"][:1]},
            "as many images of each input, got 2 of 'image', 1 of 'side', 2 of 'extra'",
        ),
        (given | {"side": given["side"].astype(float)}, "input 'side' takes float32 .*, got float64"),
        (given | {"extra": given["extra"][..., :2]}, r"input 'extra' takes images \[N, 9, 7, 4\]"),
    ):
        with pytest.raises(UserError, match=message):
            engine(wrong)


def test_of_several_outputs_the_first_has_the_classes(tmp_path):
    model = graph.with_outputs(family("mobilenet_v1", 0.1, 16, classes=3), ["stem.conv"])
    manifest = compiler.emit(planning.plan(model, ("c",)), tmp_path / "c")
    assert [part.name for part in manifest.outputs] == ["logits", "stem.conv"]
    Image.fromarray(np.full((16, 16, 3), 90, np.uint8)).save(tmp_path / "grey.png")
    (row,) = classify(str(tmp_path), [tmp_path / "grey.png"], top=3)
    assert sorted(guess["class"] for guess in row["classes"]) == ["class 0", "class 1", "class 2"]


def test_a_view_of_the_input_alone_is_refused():
    model = network()
    model.graph.outputs.append(model.graph.inputs[1])
    with pytest.raises(UserError, match="its output 'side' is its input"):
        graph.normalize(model)
