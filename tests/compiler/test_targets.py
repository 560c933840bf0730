"""Targets: one folder for several processors, programs for other machines, and the forms of the constants."""

import ctypes
import platform
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import depthwise
from depthwise import compiler, graph, planning
from depthwise.cli import main
from depthwise.compiler import toolchain
from depthwise.compiler.isa import INSTRUCTIONS
from depthwise.compiler.measure import code_bytes
from depthwise.device import HOST, Device, load_device
from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.target import load_target, target_names
from networks import by_hand, family
from quantized import quantized

C = Path(__file__).parent / "c"
ZIG = (sys.executable, "-m", "ziglang", "cc")
AARCH64 = ("aarch64-linux-gnu-gcc",)
COMPILERS = [(name,) for name in ("gcc", "clang", "clang-19") if shutil.which(name)] + [ZIG]
STRICT = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic")
NATIVE = compiler.native_isa()
LEVELS = {"avx512": 3, "avx2": 2, "sse2": 1}
"""What levels.c returns for each variant of the target x86-64."""

by_compiler = pytest.mark.parametrize("command", COMPILERS, ids=lambda command: command[-1])
x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="runs x86-64 code")


def cc(*arguments, folder, command=("cc",)):
    done = subprocess.run([*command, *map(str, arguments)], cwd=folder, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def here(target: str) -> Device:
    return load_device(HOST, measured=False).for_target(target)


def emitted(folder, target, model=None, **options):
    programs = [planning.plan(model or by_hand(), (name,)) for name in load_target(target).sets]
    return compiler.emit(programs, folder, device=here(target), **options)


def pixels(manifest, count=1):
    return np.random.default_rng(0).integers(0, 256, (count, *manifest.input.shape), dtype=np.uint8)


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """A folder for any x86-64, its variants compiled by plain cc."""
    folder = tmp_path_factory.mktemp("x86-64") / "c"
    manifest = emitted(folder, "x86-64")
    cc(*STRICT, "-fPIC", "-c", *manifest.sources[1:], "network_weights.c", folder=folder)
    return folder


def test_targets_are_complete_and_name_known_instruction_sets():
    assert {"native", "x86-64", "x86-64-v3", "x86-64-v4", "aarch64", "c"} <= set(target_names())
    for name in target_names():
        target = load_target(name)
        assert (target.name, set(target.sets) - set(INSTRUCTIONS)) == (name, set())
        assert (target.sets == ()) == (name == "native")
        assert target.description


def test_the_device_names_its_target_and_only_this_machine_takes_another():
    board = load_device("nrf52840")
    assert board.for_target(None) == board.for_target(board.target.name) == board
    assert here("aarch64").isa == ("neon",)
    with pytest.raises(UserError, match=r"--target aarch64 contradicts the device nrf52840, whose target is cortex-m"):
        board.for_target("aarch64")
    with pytest.raises(UserError, match=r"unknown target 'x86-64-v5'. Did you mean 'x86-64"):
        here("x86-64-v5")


def test_the_command_line_takes_a_target(tmp_path, capsys):
    graph.save(family("mobilenet_v2", 0.1, 32), tmp_path / "model.onnx")
    command = ["compile", str(tmp_path / "model.onnx"), "-o", str(tmp_path / "c"), "--target", "aarch64"]
    main(command)
    assert "for aarch64" in capsys.readouterr().out
    manifest = compiler.read_manifest(tmp_path / "c")
    assert (manifest.device, manifest.target, manifest.variants) == ("host", "aarch64", ["neon"])
    assert "target aarch64 (aarch64-linux-gnu)" in (tmp_path / "c/README.md").read_text()
    with pytest.raises(SystemExit):
        main([*command, "--device", "rp2040"])
    assert capsys.readouterr().err.startswith("depthwise: --target aarch64 contradicts the device rp2040")
    if "neon" not in NATIVE:
        with pytest.raises(UserError, match="compiled for neon, which this machine lacks"):
            depthwise.compile(tmp_path / "model.onnx", target="aarch64")


def pretend(name: str) -> str:
    """A flag by which the processor's table says that it has an instruction set and no better one."""
    features = ("sse2", *filter(None, INSTRUCTIONS[name].features.split(",")))
    known = " || ".join('!__builtin_strcmp(name, "' + feature + '")' for feature in features)
    return f"-D__builtin_cpu_supports(name)=({known})"


@x86
@by_compiler
def test_the_processor_is_given_the_best_variant_that_it_has(objects, tmp_path, command):
    best = next(LEVELS[name] for name in NATIVE if name in LEVELS)
    asked = {"": best, "-D__builtin_cpu_supports(name)=0": best}  # the table; the processor, as where there is no table
    asked |= {pretend(name): level for name, level in LEVELS.items()}
    for number, (flag, level) in enumerate(asked.items()):
        library = tmp_path / f"{number}.so"
        files = ("network.c", C / "levels.c", "-o", library)
        cc("-O2", *filter(None, [flag]), "-shared", "-fPIC", "-I.", *files, folder=objects, command=command)
        chosen = ctypes.CDLL(str(library))
        assert chosen.network_run_with_weights(None, None, None, None) == level
        assert chosen.network_run_parallel(None, None, None, None, 2, None, None) == 10 * level


@x86
def test_every_variant_computes_the_network_from_the_same_constants(objects, tmp_path):
    manifest = compiler.read_manifest(objects)
    assert manifest.variants == list(LEVELS)
    (image,) = pixels(manifest)
    others = [*(f"network_{name}.o" for name in LEVELS), "network_weights.o"]
    for name in (name for name in LEVELS if name in NATIVE):
        library = tmp_path / f"{name}.so"
        cc("-O2", pretend(name), "-shared", "-fPIC", "network.c", *others, "-o", library, folder=objects)
        output = np.full(manifest.output.shape, np.nan, np.float32)
        memory = np.full(manifest.arena + 64, 0xFF, np.uint8)
        arena = memory[-memory.ctypes.data % 64 :]
        run = ctypes.CDLL(str(library)).network_run
        run.argtypes = [ctypes.c_void_p] * 3
        assert run(image.ctypes.data, output.ctypes.data, arena.ctypes.data) == 0
        expected = graph.evaluate(by_hand(), [image[None].transpose(0, 3, 1, 2)])[0]
        assert np.abs(output - expected).max() <= 2e-5 * np.abs(expected).max()


@x86
def test_variants_share_their_constants_and_the_engine_runs_them(objects):
    manifest = compiler.read_manifest(objects)
    alone = planning.pack(planning.plan(by_hand(), ("avx2",))).data.nbytes
    assert manifest.weights == alone  # of a network without a layer that only one set serves with vectors
    image = pixels(manifest)
    engine = Engine.load(objects)
    assert engine.memory.code > 3000
    expected = graph.evaluate(by_hand(), [image.transpose(0, 3, 1, 2)])[0]
    assert np.abs(engine(image) - expected).max() <= 2e-5 * np.abs(expected).max()


@x86
def test_nothing_is_exported_without_the_prefix_and_no_global_changes(objects):
    cc(*STRICT, "-fPIC", "-c", "network.c", folder=objects)
    asked = {"memcpy", "memmove", "memset", "__cpu_model", "__cpu_indicator_init", "_GLOBAL_OFFSET_TABLE_"}
    for path in sorted(objects.glob("*.o")):
        rows = [line.split() for line in subprocess.check_output(["nm", path], text=True).splitlines()]
        kinds = {row[-1]: row[-2] for row in rows}
        undefined = {name for name, kind in kinds.items() if kind == "U"}
        exported = {name for name, kind in kinds.items() if kind.isupper() and kind != "U"}
        assert {name for name in undefined if not name.startswith("network_")} <= asked
        assert exported
        assert all(name.startswith("network_") for name in exported)
        kinds.pop("network_classes", "")  # addresses, which the linker makes read-only
        assert not set("bBdDC") & set(kinds.values()), path


@x86
def test_two_networks_of_variants_link_together(tmp_path):
    for seed, name in enumerate(("first", "second")):
        sources = emitted(tmp_path / name, "x86-64", by_hand(seed=seed), name=name).sources
        cc("-O2", "-c", *sources, f"{name}_weights.c", folder=tmp_path / name)
    made = [str(path) for name in ("first", "second") for path in (tmp_path / name).glob("*.o")]
    cc("-Ifirst", "-Isecond", C / "both.cpp", *made, "-o", "both", folder=tmp_path, command=("c++",))
    lines = subprocess.check_output([tmp_path / "both"], text=True).splitlines()
    for seed, line in enumerate(lines[:2]):
        zeros = np.zeros((1, 3, 9, 7), np.uint8)
        assert float(line) == pytest.approx(graph.evaluate(by_hand(seed=seed), [zeros])[0][0, 0], rel=1e-4)


def test_what_looks_inside_wants_one_variant(tmp_path):
    with pytest.raises(UserError, match="the target x86-64 has several variants: give one with --target"):
        emitted(tmp_path / "c", "x86-64", profile=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not shutil.which(AARCH64[0]), reason="no compiler for another machine")
def test_another_machines_compiler_is_refused_by_the_source(tmp_path):
    emitted(tmp_path / "c", "x86-64")
    for file in ("network.c", "network_sse2.c"):
        done = subprocess.run([*AARCH64, "-c", file], cwd=tmp_path / "c", capture_output=True, text=True)
        assert done.returncode
        assert re.search(r'#error "network was compiled for (x86-64|sse2), which this compiler does not', done.stderr)


@pytest.mark.parametrize("triple", ["x86_64-windows-gnu", "x86_64-macos", "aarch64-macos", "aarch64-linux-gnu"])
def test_constants_are_taken_in_on_every_object_format(tmp_path, triple):
    pytest.importorskip("ziglang")
    manifest = emitted(tmp_path / "c", "aarch64", weights="incbin")
    cc("-target", triple, "-c", "network_weights.c", "-o", "weights.o", folder=tmp_path / "c", command=ZIG)
    constants = (tmp_path / "c/network_weights.bin").read_bytes()
    assert len(constants) == manifest.weights
    assert constants in (tmp_path / "c/weights.o").read_bytes()


@by_compiler
@pytest.mark.parametrize("weights", ["array", "incbin"])
def test_constants_are_found_from_another_folder(tmp_path, command, weights):
    manifest = emitted(tmp_path / "c", "c", weights=weights)
    cc(*STRICT, "-Ic", "-c", "c/network_weights.c", "-o", "weights.o", folder=tmp_path, command=command)
    assert code_bytes(tmp_path / "weights.o") >= manifest.weights


def test_small_constants_are_an_array_and_others_what_the_target_names(tmp_path):
    large = graph.normalize(family("mobilenet_v1", 0.25, 32), input="uint8")
    assert emitted(tmp_path / "c", "aarch64").weights_form == "array"
    assert emitted(tmp_path / "c", "aarch64", large).weights_form == "incbin"
    assert emitted(tmp_path / "c", "cortex-m", large).weights_form == "array"


@pytest.mark.parametrize(("model", "width", "size"), [("mobilenet_v1", 0.25, 128), ("mobilenet_v2", 0.35, 96)])
def test_aarch64_agrees_with_the_interpreter_and_across_compilers(tmp_path, model, width, size):
    for tool in (AARCH64[0], "qemu-aarch64"):
        if not shutil.which(tool):
            pytest.skip(f"no {tool}")
    folder, network = tmp_path / "c", graph.normalize(family(model, width, size), input="uint8")
    manifest = emitted(folder, "aarch64", network)
    assert (manifest.variants, manifest.weights_form) == (["neon"], "incbin")
    image = pixels(manifest)
    (folder / "in").write_bytes(image.tobytes())
    compilers = {"gcc": AARCH64, "zig": (*ZIG, "-target", "aarch64-linux-gnu")}
    outputs = []
    for name, command in compilers.items():
        cc("-O2", "-fno-sanitize=all", "-c", "network.c", "-o", f"{name}.o", folder=folder, command=command)
        assert code_bytes(folder / f"{name}.o") < 200_000
        files = (C / "guard.c", f"{name}.o", "network_weights.c")
        cc("-O2", "-static", "-I.", *files, "-o", name, folder=folder, command=AARCH64)
        subprocess.run(["qemu-aarch64", folder / name, folder / "in", folder / f"{name}.out"], check=True)
        outputs.append(np.fromfile(folder / f"{name}.out", np.float32))
    expected = graph.evaluate(network, [image.transpose(0, 3, 1, 2)])[0].reshape(-1)
    assert np.abs(outputs[0] - expected).max() <= 2e-5 * np.abs(expected).max()
    assert np.array_equal(outputs[0], outputs[1])


@pytest.mark.skipif(not shutil.which("node"), reason="nothing here runs WebAssembly")
@pytest.mark.parametrize("bytes_", [False, True], ids=["float32", "int8"])
def test_wasm32_agrees_with_the_interpreter(bytes_, tmp_path):
    pytest.importorskip("ziglang")
    model = family("mobilenet_v2", 0.1, 32)
    folder, network = tmp_path / "c", graph.normalize(quantized(model) if bytes_ else model, input="uint8")
    manifest = emitted(folder, "wasm32", network)
    image = pixels(manifest)
    (folder / "in").write_bytes(image.tobytes())
    exports = ("-Wl,--no-entry", "-Wl,--export=network_run", "-Wl,--export=__heap_base")
    flags = ("-target", "wasm32-freestanding", *manifest.flags, "-mbulk-memory", "-nostdlib", *exports)
    cc(*flags, "network.c", "network_weights.c", "-o", "network.wasm", folder=folder, command=ZIG)
    sizes = (str(manifest.arena), str(manifest.output_bytes))
    subprocess.run(["node", C / "run.mjs", "network.wasm", "in", "out", *sizes], cwd=folder, check=True)
    expected = graph.evaluate(network, [image.transpose(0, 3, 1, 2)])[0].reshape(-1)
    off = np.abs(np.fromfile(folder / "out", np.float32) - expected).max()
    assert off <= (0 if bytes_ else 2e-5 * np.abs(expected).max())


@x86
def test_a_build_is_keyed_by_the_source_of_every_variant(tmp_path, monkeypatch):
    def pretended(folder, manifest, compiler, place):
        place.mkdir(parents=True)
        built = toolchain.Built(library=place / "network.so", compiler=compiler.version, code=1, stack=1)
        (place / "built.json").write_text(built.model_dump_json())

    monkeypatch.setenv("DEPTHWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(toolchain, "_build_aside", pretended)
    manifest = emitted(tmp_path / "c", "x86-64")
    found = [compiler.build(tmp_path / "c").library]
    for source in (*manifest.sources, "kernels/processor.h"):
        path = tmp_path / "c" / source
        path.write_text(path.read_text() + "\n")
        found += [compiler.build(tmp_path / "c").library] * 2
    assert len(manifest.sources) == 4
    assert len(set(found)) == 1 + 5
