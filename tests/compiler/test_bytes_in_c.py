"""Whole networks of 8 bits as C: the oracle's bits, whatever the instruction set, schedule, compiler and threads."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from depthwise import compiler, graph, planning
from depthwise.device import HOST, Device, load_device
from depthwise.engine import Engine
from networks import family
from quantized import quantized

C = Path(__file__).parent / "c"
ZIG = (sys.executable, "-m", "ziglang", "cc")
COMPILERS = [(name,) for name in ("gcc", "clang", "clang-19") if shutil.which(name)] + [ZIG]
NATIVE = compiler.native_isa()
FAMILIES = ["mobilenet_v1", "mobilenet_v3_small"]
"""Beside MobileNetV2, which is everywhere below: without residuals; with squeeze-excite and functions by tables."""


@pytest.fixture(scope="module")
def network() -> ir.Model:
    return quantized(family("mobilenet_v2", 0.35, 32))


def pixels(count: int, size: int = 32) -> np.ndarray:
    return np.random.default_rng(5).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def oracle(model: ir.Model, images: np.ndarray) -> np.ndarray:
    normal = graph.normalize(model, "uint8")
    return np.concatenate([graph.evaluate(normal, image[None].transpose(0, 3, 1, 2))[0] for image in images])


def digest(outputs: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(outputs, "<f4").tobytes()).hexdigest()


def for_set(name: str) -> Device:
    return Device("here", "one instruction set").with_isa((name,))


def test_every_instruction_set_gives_one_hash_over_a_thousand_images(tmp_path):
    network, images = quantized(family("mobilenet_v1", 0.1, 32)), pixels(1000)
    expected = digest(oracle(network, images))
    for name in NATIVE:
        engine = Engine.build(network, device=for_set(name))
        assert digest(engine(images)) == expected, name
    for name, flags in {"neon": [], "neondot": ["-march=armv8.2-a+dotprod"]}.items():
        if shutil.which("aarch64-linux-gnu-gcc") and shutil.which("qemu-aarch64"):
            folder = tmp_path / name
            compiler.emit(planning.plan(graph.normalize(network, "uint8"), (name,)), folder, weights="array")
            sources = ["network.c", "network_weights.c", str(C / "many.c")]
            build(["aarch64-linux-gnu-gcc", "-static", "-O2", *flags], sources, folder)
            assert digest(run(["qemu-aarch64", "./many"], images, folder)) == expected, name


@pytest.mark.parametrize("name", FAMILIES)
def test_every_family_equals_the_oracle(name):
    model = quantized(family(name, 0.35, 32))
    images = pixels(8)
    engine = Engine.build(model)
    assert np.array_equal(engine(images), oracle(model, images))
    assert np.array_equal(engine(images, threads=2), oracle(model, images))


@pytest.mark.parametrize(("schedule", "optimize"), [("layer", "speed"), ("stream", "ram")])
def test_schedules_change_no_bit(network, schedule, optimize):
    images = pixels(5)
    engine = Engine.build(network, choice=planning.Choice(schedule, optimize))
    assert np.array_equal(engine(images), oracle(network, images))
    assert np.array_equal(engine(images[0], threads=3), oracle(network, images[:1]))


@pytest.mark.parametrize("command", COMPILERS, ids=lambda command: command[-1])
def test_bare_compilers_build_the_same_network(network, command, tmp_path):
    images = pixels(20)
    folder = tmp_path / "c"
    normal = graph.normalize(network, "uint8")
    compiler.emit(planning.plan(normal, NATIVE[:1]), folder, device=load_device(HOST))
    strict = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    build([*command, *strict], ["network.c", "network_weights.c", str(C / "many.c")], folder)
    assert np.array_equal(run(["./many"], images, folder), oracle(network, images))


@pytest.mark.parametrize("isa", [NATIVE[0], "c"])
def test_sanitizers_find_nothing_in_a_network(network, isa, tmp_path):
    images = pixels(2)
    folder = tmp_path / "c"
    compiler.emit(planning.plan(graph.normalize(network, "uint8"), (isa,)), folder, weights="array")
    flags = ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]
    build(["gcc", *flags], ["network.c", "network_weights.c", str(C / "many.c")], folder)
    assert np.array_equal(run(["./many"], images, folder), oracle(network, images))


def build(command: list[str], sources: list[str], folder: Path) -> None:
    done = subprocess.run(
        [*command, "-I.", *sources, "-o", "many"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr


def run(command: list[str], images: np.ndarray, folder: Path) -> np.ndarray:
    (folder / "images").write_bytes(images.tobytes())
    environment = {"ASAN_OPTIONS": "detect_leaks=0", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [*command, "images", "outputs"], cwd=folder, capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return np.fromfile(folder / "outputs", np.float32).reshape(len(images), -1)
