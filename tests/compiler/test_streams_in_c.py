"""Streamed segments in the emitted C: the bits of the whole maps, inside their buffers, and nothing new to link."""

import ctypes
import subprocess

import numpy as np
import onnx_ir as ir
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import depthwise
from chains import chains, cuts, program, repeats, stages_of_model
from depthwise import compiler, graph, planning
from depthwise.cli import main
from depthwise.compiler.isa import flags_for
from depthwise.errors import UserError
from depthwise.planning import Choice
from depthwise.planning.storage import Cut
from networks import by_hand, family

GUARD = 64
NATIVE = compiler.native_isa()


def library(folder, isa, *flags):
    machine = [flag for flag in flags_for(isa) if flag.startswith("-m")]
    strict = ("-std=c11", "-O1", "-Wall", "-Wextra", "-Werror", "-pedantic", "-fPIC", "-shared", "-ffp-contract=off")
    command = ["cc", *strict, *machine, *flags, "network.c", "-o", "network.so"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(folder / "network.so"))["network_run_with_weights"]


def guarded(size, alignment=64):
    """An aligned buffer of rubbish between guard bytes, and its address."""
    memory = np.full(size + 2 * GUARD + alignment, 0xA5, np.uint8)
    begin = -memory.ctypes.data % alignment + GUARD
    memory[begin : begin + size] = 0xFF
    return memory, begin, ctypes.c_void_p(memory.ctypes.data + begin)


def run(made, folder, isa, image):
    """The output bytes of a Program, with guard words round arena and output."""
    manifest = compiler.emit(made, folder, weights="pointer")
    function = library(folder, isa)
    weights, begin, weights_at = guarded(manifest.weights)
    weights[begin : begin + manifest.weights] = np.fromfile(folder / "network_weights.bin", np.uint8)
    arena, arena_begin, arena_at = guarded(manifest.arena)
    output, output_begin, output_at = guarded(manifest.output_bytes)
    assert function(weights_at, ctypes.c_void_p(image.ctypes.data), output_at, arena_at) == 0
    for memory, start, size in ((arena, arena_begin, manifest.arena), (output, output_begin, manifest.output_bytes)):
        assert (memory[:start] == 0xA5).all()
        assert (memory[start + size :] == 0xA5).all()
    return output[output_begin : output_begin + manifest.output_bytes].tobytes()


def image_for(model, seed=0):
    value = model.graph.inputs[0]
    _, channels, height, width = value.shape.numpy()
    random = np.random.default_rng(seed)
    if value.dtype.name == "UINT8":
        return random.integers(0, 256, (height, width, channels), dtype=np.uint8)
    return random.normal(size=(height, width, channels)).astype(np.float32)


@settings(max_examples=5)
@given(st.data())
def test_streamed_equals_whole_bit_for_bit(tmp_path_factory, data):
    model = data.draw(chains())
    isa = (data.draw(st.sampled_from(NATIVE)), "c")
    stages = stages_of_model(model)
    whole = program(model, [Cut(number, number + 1) for number in range(len(stages.calls))], isa)
    image = image_for(model)
    expected = run(whole, tmp_path_factory.mktemp("whole") / "c", isa, image)
    for again in (model, data.draw(repeats(model))):
        made = program(again, data.draw(cuts(stages_of_model(again))), isa)
        assert run(made, tmp_path_factory.mktemp("stream") / "c", isa, image) == expected


@pytest.mark.parametrize(
    ("name", "choice"),
    [
        ("mobilenet_v1", Choice("stream")),
        ("mobilenet_v2", Choice("auto", "ram")),
        ("mobilenet_v3_small", Choice("auto", "ram")),
    ],
)
def test_whole_networks_streamed_equal_whole(tmp_path, name, choice):
    normal = graph.normalize(family(name, 0.35, 61), input="uint8")
    whole = planning.plan(normal, NATIVE, Choice("layer"))
    streamed = planning.plan(normal, NATIVE, choice)
    assert any(segment.schedule == "stream" for segment in streamed.segments)
    image = image_for(normal)
    assert run(streamed, tmp_path / "b", NATIVE, image) == run(whole, tmp_path / "a", NATIVE, image)


def test_the_schedule_is_an_option_of_the_command_and_of_python(tmp_path, capsys):
    model = family("mobilenet_v2", 0.1, 32)
    ir.save(model, tmp_path / "model.onnx")
    options = ["--schedule", "stream", "--optimize", "ram", "--emit-only", "--explain"]
    main(["compile", str(tmp_path / "model.onnx"), "-o", str(tmp_path / "c"), *options])
    assert "stream, 1 rows a step" in capsys.readouterr().out
    image = image_for(graph.normalize(model, input="uint8"))
    whole, streamed = (depthwise.compile(model, schedule=schedule) for schedule in ("layer", "stream"))
    assert np.array_equal(whole(image), streamed(image))
    assert streamed.memory.arena != whole.memory.arena
    with pytest.raises(UserError, match="unknown schedule 'rows'"):
        depthwise.compile(model, schedule="rows")


def test_golden(tmp_path, golden):
    compiler.emit(planning.plan(by_hand(), ("c",), Choice("stream", "ram")), tmp_path / "c", name="rows")
    golden("rows/rows.c", (tmp_path / "c/rows.c").read_text())
