import os
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx_ir as ir
import pytest

from depthwise import compiler, graph, planning
from depthwise.device import Device, load_device
from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.ops import with_implied
from depthwise.planning.explain import explain
from depthwise.target import load_target
from networks import CLASSES, by_hand, family, node
from quantized import quantized

SMALL = {"mobilenet_v1": (0.25, 64), "mobilenet_v2": (0.35, 96)}


@pytest.fixture(scope="module")
def engine():
    return Engine.build(family("mobilenet_v2", 0.1, 32))


def pixels(count, size, channels=3, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, channels), dtype=np.uint8)


def interpreted(model, input, batch):
    """The NumPy interpreter on images [N, H, W, C]."""
    normal = graph.normalize(model, input=input)
    return np.concatenate([graph.evaluate(normal, [image[None].transpose(0, 3, 1, 2)])[0] for image in batch])


@pytest.mark.parametrize("isa", compiler.native_isa())
@pytest.mark.parametrize("input", ["uint8", "float"])
@pytest.mark.parametrize("name", SMALL)
def test_engine_agrees_with_the_interpreter(name, input, isa):
    width, size = SMALL[name]
    model = family(name, width, size)
    batch = pixels(3, size)
    if input == "float":
        batch = graph.preprocessing_of(model).normalize(batch).transpose(0, 2, 3, 1)
    engine = Engine.build(model, input, device=Device("here", "one instruction set").with_isa((isa,)))
    expected = interpreted(model, input, batch)
    assert np.abs(engine(batch) - expected).max() <= 2e-5 * np.abs(expected).max()
    assert set(engine.manifest.variants) <= {*with_implied(isa), "c"}


def test_camera_bytes_and_floats_mean_the_same_image():
    model = family("mobilenet_v1", 0.25, 37, channels=1)
    batch = pixels(2, 37, 1)
    normalized = graph.preprocessing_of(model).normalize(batch).transpose(0, 2, 3, 1)
    camera, floats = Engine.build(model, "uint8")(batch), Engine.build(model, "float")(normalized)
    assert np.abs(camera - floats).max() <= 2e-5 * np.abs(floats).max()


def test_8_bit_values_and_floats_mean_the_same_image():
    """Quantized by the caller or by the network: the same bits; the scale is where a caller finds it."""
    model = graph.to_qdq(quantized(family("mobilenet_v2", 0.1, 32)))
    floats, values = Engine.build(model, "float"), Engine.build(model, "int8")
    batch = pixels(3, 32)
    assert values.input == "int8"
    assert values.of_pixels(batch).dtype == np.uint8
    np.testing.assert_array_equal(values(values.of_pixels(batch)), floats(floats.of_pixels(batch)))
    first = graph.normalize(model).graph[0]
    assert (values.manifest.input.scale, values.manifest.input.zero) == (
        first.attributes.get_float("y_scale"),
        first.attributes.get_int("y_zero"),
    )
    assert floats.manifest.input.scale is None
    with pytest.raises(UserError, match=r"takes uint8 values round\(x / .*\) \+ .*, got float32"):
        values(floats.of_pixels(batch))
    with pytest.raises(UserError, match="does not quantize its input"):
        Engine.build(family("mobilenet_v2", 0.1, 32), "int8")


def test_the_header_states_the_scale_of_8_bit_values(tmp_path):
    engine = Engine.build(graph.to_qdq(quantized(by_hand(camera=False))), "int8", folder=tmp_path / "c")
    header, part = (tmp_path / "c" / "network.h").read_text(), engine.manifest.input
    assert f"#define NETWORK_INPUT_SCALE {part.scale}f" in header
    assert f"#define NETWORK_INPUT_ZERO {part.zero}" in header
    assert f"Give 8-bit values q = round(x / {part.scale}) + {part.zero}" in header


def test_what_an_engine_knows(engine):
    assert engine.input == "uint8"
    assert engine.classes == tuple(f"class {i}" for i in range(10))
    assert engine.preprocessing.size == 32
    memory = engine.memory
    assert memory.input == 32 * 32 * 3
    assert memory.output == 40
    assert memory.arena == max(buffer.offset + buffer.bytes for buffer in memory.buffers)
    assert memory.weights % 64 == 0
    assert memory.code > 1000
    assert memory.stack > 0
    assert len(memory.calls) > 50
    assert engine.compiler


def test_batches_single_images_and_views_of_larger_arrays(engine):
    batch = pixels(5, 32)
    outputs = engine(batch)
    assert outputs.shape == (5, 10)
    assert outputs.dtype == np.float32
    assert np.array_equal(engine(batch[3]), outputs[3:4])
    assert np.array_equal(engine(np.asfortranarray(batch)), outputs)
    assert np.array_equal(engine(batch[::2]), outputs[::2])
    assert engine(batch[:0]).shape == (0, 10)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (np.zeros((1, 32, 32, 3), np.float32), "takes uint8 pixels 0 to 255, got float32"),
        (np.zeros((1, 32, 32, 1), np.uint8), r"\[N, 32, 32, 3\] or one \[32, 32, 3\] \(NHWC\), got \[1, 32, 32, 1\]"),
        (np.zeros((1, 3, 32, 32), np.uint8), r"NHWC.*got \[1, 3, 32, 32\]"),
        (np.zeros((32, 32), np.uint8), r"got \[32, 32\]"),
        (np.zeros((2, 1, 32, 32, 3), np.uint8), r"got \[2, 1, 32, 32, 3\]"),
    ],
)
def test_wrong_input_is_refused(engine, batch, message):
    with pytest.raises(UserError, match=message):
        engine(batch)
    with pytest.raises(UserError, match=message):
        engine.prepared(batch)


def test_a_prepared_call_gives_the_same_and_takes_one_image(engine):
    batch = pixels(2, 32)
    call = engine.prepared(batch[1])
    assert np.array_equal(call(), engine(batch[1]))
    assert call() is call()
    with pytest.raises(UserError, match="one image"):
        engine.prepared(batch)


def test_threads_share_nothing(engine):
    batches = [pixels(20, 32, seed=seed) for seed in range(4)]
    expected = [engine(batch) for batch in batches]
    results = {}
    threads = [
        threading.Thread(target=lambda i=i: results.update({i: [engine(batches[i]) for _ in range(5)]}))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(4):
        assert all(np.array_equal(outputs, expected[i]) for outputs in results[i])


def test_a_folder_and_a_run_folder_load(tmp_path):
    model = by_hand()
    compiler.emit(planning.plan(model, ("c",)), tmp_path / "run" / "c", name="tiny")
    batch = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), dtype=np.uint8)
    outputs = Engine.load(tmp_path / "run" / "c")(batch)
    assert np.array_equal(Engine.load(tmp_path / "run")(batch), outputs)
    assert Engine.load(tmp_path / "run").classes == CLASSES
    expected = np.concatenate([graph.evaluate(model, [image[None].transpose(0, 3, 1, 2)])[0] for image in batch])
    assert np.abs(outputs - expected).max() <= 1e-5 * np.abs(expected).max()
    with pytest.raises(UserError, match="not a compiled network"):
        Engine.load(tmp_path)
    compiler.emit(planning.plan(model, ("c",)), tmp_path / "pointer", weights="pointer")
    assert np.array_equal(Engine.load(tmp_path / "pointer")(batch), outputs)
    (tmp_path / "pointer/network_weights.bin").write_bytes(b"short")
    with pytest.raises(UserError, match=r"network_weights.bin does not hold the network's \d+ bytes"):
        Engine.load(tmp_path / "pointer")


def test_build_can_leave_its_folder(tmp_path):
    engine = Engine.build(
        family("mobilenet_v2", 0.1, 32), device=load_device("host"), folder=tmp_path / "c", name="net"
    )
    batch = pixels(2, 32)
    assert np.array_equal(Engine.load(tmp_path / "c")(batch), engine(batch))
    assert (tmp_path / "c" / "net.h").is_file()


def test_a_network_that_ends_in_a_map_is_nhwc():
    x = ir.Value(name="input", shape=ir.Shape([1, 2, 3, 4]), type=ir.TensorType(ir.DataType.FLOAT))
    only = node("Activation", "only", [x], (1, 2, 3, 4), activation="clip", minimum=0.0, maximum=1.0)
    inside = ir.Graph([x], list(only.outputs), nodes=[only], opset_imports={"depthwise": 1})
    program = planning.plan(ir.Model(inside, ir_version=8), ("c",))
    assert [call.output.region for call in program.calls()] == ["output"]


def test_compile_folder_builds_here_and_only_writes_for_elsewhere(tmp_path):
    model = family("mobilenet_v2", 0.1, 32)
    here = compiler.compile_folder(model, tmp_path / "here", name="net")
    assert here.memory.code > 0
    assert here.manifest.input.type == "uint8"  # "auto", as the model carries its preprocessing
    assert any("net_run(" in line for line in here.usage)
    assert "calls in" in explain(here.programs[0])
    board = Device("board", "a board", target=load_target("cortex-m"), flags=("-mcpu=cortex-m4",))
    there = compiler.compile_folder(model, tmp_path / "there", device=board, input="float")
    assert (there.memory.code, there.memory.stack) == (0, 0)
    assert there.manifest.input.type == "float32"
    assert "-mcpu=cortex-m4" in (tmp_path / "there/flags.txt").read_text()
    normalized = np.zeros((1, 32, 32, 3), np.float32)
    assert Engine.load(tmp_path / "there")(normalized).shape == (1, 10)  # plain C runs here too


def test_any_number_of_threads_gives_the_same_bits_for_one_image_and_for_many():
    engine = Engine.build(family("mobilenet_v2", 0.35, 96))
    images = np.random.default_rng(0).integers(0, 256, (7, 96, 96, 3), dtype=np.uint8)
    expected = engine(images)
    for threads in (2, 3, 5):
        assert np.array_equal(engine(images, threads=threads), expected)
        assert np.array_equal(engine(images[0], threads=threads), expected[:1])
        assert np.array_equal(engine.prepared(images[1], threads=threads)(), expected[1:2])
    with pytest.raises(UserError, match="0 threads cannot run a network"):
        engine(images, threads=0)


def test_engines_that_run_at_once_share_the_process_s_threads(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2}, raising=False)
    engines = [Engine.build(family("mobilenet_v1", 0.25, 96, seed=seed)) for seed in range(2)]
    image = np.random.default_rng(1).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    expected = [engine(image) for engine in engines]

    def run(index):
        return all(np.array_equal(engines[index](image, threads=4), expected[index]) for _ in range(20))

    with ThreadPoolExecutor(2) as callers:
        assert list(callers.map(run, range(2))) == [True, True]
    assert compiler.pool(4).threads == 3  # as many as there are cores, whatever was asked for
