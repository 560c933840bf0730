"""The emitted folder as a C programmer meets it: built by hand with warnings as errors, linked, cross-compiled."""

import ctypes
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from depthwise import compiler, graph, planning
from depthwise.compiler.isa import flags_for
from depthwise.compiler.measure import code_bytes
from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.ops import with_implied
from networks import CLASSES, by_hand, every_tile, family, inverted_block
from thorough import enough

C = Path(__file__).parent / "c"
STRICT = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic")
CORTEX_M4 = (
    *(sys.executable, "-m", "ziglang", "cc", "-target", "thumb-freestanding-eabihf"),
    *("-mcpu=cortex_m4+vfp4d16sp", "-fno-unwind-tables", "-ffreestanding"),
)
NATIVE = compiler.native_isa()


def cc(*arguments, folder, command=("cc",)):
    done = subprocess.run([*command, *map(str, arguments)], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


ROW_BY_ROW = planning.Choice("stream", "ram")


def emitted(folder, model=None, isa=("c",), choice=planning.DEFAULT, **options):
    program = planning.plan(model or by_hand(), isa, choice)
    return compiler.emit(program, folder, **options)


def small():
    """A whole MobileNetV2, narrow, in normal form."""
    return graph.normalize(family("mobilenet_v2", 0.1, 32, classes=3), input="uint8")


def library(folder, name, *flags, command=("cc",)):
    """NAME_run of a folder built to a shared object by plain cc."""
    sources = (f"{name}.c", f"{name}_weights.c")
    cc(*STRICT, *flags, "-fPIC", "-shared", *sources, "-o", "plain.so", folder=folder, command=command)
    function = ctypes.CDLL(str(folder / "plain.so"))[f"{name}_run"]
    function.argtypes = [ctypes.c_void_p] * 3
    return function


def run(function, manifest, image):
    """One run on an image [H, W, C], with an arena filled with rubbish."""
    memory = np.full(manifest.arena + 64, 0xFF, np.uint8)
    arena = memory[-memory.ctypes.data % 64 :]
    output = np.full(manifest.output.shape, np.nan, np.float32)
    assert function(image.ctypes.data, output.ctypes.data, arena.ctypes.data) == 0
    return output


def images(manifest, count=1, seed=0):
    shape = (count, *manifest.input.shape)
    if manifest.input.type == "uint8":
        return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def symbols(path, *, undefined):
    """Names of an ELF object's global symbols that are undefined, or defined."""
    text = subprocess.run(["nm", "-g", str(path)], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in text.splitlines()]
    return {row[-1] for row in rows if (row[-2] == "U") == undefined}


def test_the_folder_and_its_manifest(tmp_path):
    manifest = emitted(tmp_path / "c", name="net")
    files = sorted(str(path.relative_to(tmp_path / "c")) for path in (tmp_path / "c").rglob("*") if path.is_file())
    assert [file for file in files if "kernels" not in file] == [
        *("README.md", "flags.txt", "main.c", "manifest.json", "net.c", "net.h", "net_weights.bin", "net_weights.c"),
    ]
    assert "kernels/depthwise_f32.h" in files
    assert "kernels/parameters.h" in files
    assert not any("softmax" in file for file in files)  # only what this network needs
    assert compiler.read_manifest(tmp_path / "c") == manifest
    raw = json.loads((tmp_path / "c/manifest.json").read_text())
    assert raw["input"] == {"type": "uint8", "shape": [9, 7, 3], "bytes": 189}
    assert raw["output"] == {"type": "float32", "shape": [3], "bytes": 12}
    assert raw["arena"] == raw["lower_bound"] == 960
    assert raw["preprocessing"]["mean"] == [0.486, 0.455, 0.408]
    assert raw["classes"] == list(CLASSES)
    header = (tmp_path / "c/net.h").read_text()
    for text in (
        "#define NET_ARENA_BYTES 960",
        "#define NET_INPUT_CHANNELS 3",
        "0.486, 0.455, 0.408",
        "red, green, blue",
    ):
        assert text in header


def test_emitting_twice_gives_the_same_bytes(tmp_path):
    emitted(tmp_path / "a")
    emitted(tmp_path / "b")
    for path in (tmp_path / "a").rglob("*"):
        if path.is_file():
            assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_golden(tmp_path, golden):
    emitted(tmp_path / "c", name="tiny")
    for file in ("tiny.c", "tiny.h", "tiny_weights.c", "main.c", "README.md", "flags.txt", "manifest.json"):
        golden(f"tiny/{file}", (tmp_path / "c" / file).read_text())


def test_golden_of_vector_kernels(tmp_path, golden):
    emitted(tmp_path / "c", inverted_block(), ("avx2",), name="block")
    for file in ("block.c", "flags.txt"):
        golden(f"block/{file}", (tmp_path / "c" / file).read_text())


@pytest.mark.parametrize("isa", NATIVE)
@pytest.mark.parametrize("camera", [True, False])
def test_plain_cc_gives_the_engines_bits(tmp_path, isa, camera):
    manifest = emitted(tmp_path / "c", by_hand(camera), (isa,))
    plain = library(tmp_path / "c", "network", *(flag for flag in flags_for([isa]) if flag.startswith("-m")))
    batch = images(manifest, 3)
    fast = Engine.load(tmp_path / "c")(batch)
    assert np.array_equal(fast, np.stack([run(plain, manifest, image) for image in batch]))


@pytest.mark.parametrize("flags", [("-O0",), ("-O3", "-march=native", "-std=gnu11", "-ffp-contract=fast")])
def test_plain_c_gives_the_same_bits_under_any_flags(tmp_path, flags):
    manifest = emitted(tmp_path / "c", small(), weights="incbin")
    (image,) = images(manifest)
    expected = run(library(tmp_path / "c", "network"), manifest, image)
    other = tmp_path / "other"
    shutil.copytree(tmp_path / "c", other)
    assert np.array_equal(run(library(other, "network", *flags), manifest, image), expected)


@pytest.mark.skipif("avx2" not in NATIVE or not shutil.which("objdump"), reason="looks for x86's fused instructions")
@pytest.mark.parametrize("command", [("cc",), (sys.executable, "-m", "ziglang", "cc")], ids=["cc", "zig"])
def test_no_product_and_sum_are_contracted(tmp_path, command):
    emitted(tmp_path / "c", small())
    flags = ["-O3", "-mavx2", "-mfma", "-c", "network.c", "-o", "network.o"]
    cc(*flags, folder=tmp_path / "c", command=command)
    listing = subprocess.run(["objdump", "-d", tmp_path / "c/network.o"], capture_output=True, text=True, check=True)
    assert "vmulss" in listing.stdout or "vmulps" in listing.stdout
    assert "vfmadd" not in listing.stdout
    assert "vfnmadd" not in listing.stdout


COMPILERS = [[name] for name in ("gcc", "clang", "clang-19") if shutil.which(name)] + [
    [sys.executable, "-m", "ziglang", "cc"]
]


@pytest.mark.skipif("avx2" not in NATIVE, reason="needs AVX2 kernels")
@pytest.mark.parametrize("command", COMPILERS, ids=lambda command: command[-1])
def test_without_flags_the_source_asks_for_its_instructions_itself(tmp_path, command):
    manifest = emitted(tmp_path / "c", small(), ("avx2", "c"))
    batch = images(manifest)
    fast = Engine.load(tmp_path / "c")(batch)[0]
    plain = library(tmp_path / "c", "network", command=command)
    assert np.array_equal(run(plain, manifest, batch[0]), fast)


@pytest.mark.skipif(not shutil.which("aarch64-linux-gnu-gcc"), reason="no compiler for another machine")
def test_another_machine_is_refused_by_the_source(tmp_path):
    emitted(tmp_path / "c", isa=("avx2", "c"))
    command = ["aarch64-linux-gnu-gcc", "-c", "network.c"]
    done = subprocess.run(command, cwd=tmp_path / "c", capture_output=True, text=True)
    assert done.returncode
    assert '#error "network was compiled for avx2' in done.stderr
    assert "-mavx2 -mfma" in (tmp_path / "c/flags.txt").read_text()


def test_two_networks_in_one_cpp_program(tmp_path):
    manifests = {}
    for seed, name in enumerate(("first", "second")):
        manifests[name] = emitted(tmp_path / name, by_hand(seed=seed), name=name)
        cc(*STRICT, "-c", f"{name}.c", f"{name}_weights.c", folder=tmp_path / name)
    objects = [tmp_path / name / f"{name}{part}.o" for name in manifests for part in ("", "_weights")]
    includes = [f"-I{tmp_path / name}" for name in manifests]
    flags = ("-std=c++11", "-Wall", "-Wextra", "-Werror", "-pedantic")
    cc(*flags, *includes, C / "both.cpp", *objects, "-o", "both", folder=tmp_path, command=("c++",))
    lines = subprocess.run([tmp_path / "both"], capture_output=True, text=True, check=True).stdout.splitlines()
    for name, line in zip(manifests, lines, strict=False):
        zeros = np.zeros(manifests[name].input.shape, np.uint8)
        assert np.float32(line) == Engine.load(tmp_path / name)(zeros)[0, 0]
    assert lines[0] != lines[1]
    assert lines[2:] == ["1 1 1 2", CLASSES[1]]


@pytest.mark.parametrize("isa", [isa for isa in NATIVE if with_implied(isa) == (isa,)])  # others add products of bytes
@pytest.mark.parametrize(
    ("model", "choice"),
    [
        ("by_hand", planning.DEFAULT),
        ("mobilenet_v1", planning.DEFAULT),
        ("mobilenet_v2", ROW_BY_ROW),
        ("every_tile", ROW_BY_ROW),
        *enough([], [("mobilenet_v2", planning.DEFAULT)]),
    ],
)
def test_sanitizers_and_guard_words(tmp_path, model, choice, isa):
    networks = {"by_hand": by_hand, "every_tile": lambda: every_tile(37)}
    made = networks.get(model, lambda: graph.normalize(family(model, 0.35, 37, classes=5), input="uint8"))()
    manifest = emitted(tmp_path / "c", made, (isa,), choice, weights="incbin")
    flags = [flag for flag in flags_for([isa]) if flag.startswith("-m")]
    sanitize = ("-std=c11", "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-I.")
    cc(*sanitize, *flags, C / "guard.c", "network.c", "network_weights.c", "-o", "guard", folder=tmp_path / "c")
    batch = images(manifest, 2)
    (tmp_path / "in").write_bytes(batch.tobytes())
    done = subprocess.run([tmp_path / "c/guard", tmp_path / "in", tmp_path / "out"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    outputs = np.fromfile(tmp_path / "out", np.float32).reshape(2, -1)
    assert np.array_equal(outputs, Engine.load(tmp_path / "c")(batch))


@pytest.mark.parametrize("weights", ["array", "incbin", "pointer"])
def test_the_example_prints_class_and_score(tmp_path, weights):
    manifest = emitted(tmp_path / "c", weights=weights)
    (image,) = images(manifest)
    (tmp_path / "c/in.raw").write_bytes(image.tobytes())
    sources = ["network.c", "main.c"] + (["network_weights.c"] if weights != "pointer" else [])
    cc(*STRICT, *sources, "-o", "example", folder=tmp_path / "c")
    extra = ["network_weights.bin"] if weights == "pointer" else []
    done = subprocess.run(
        ["./example", "in.raw", *extra], cwd=tmp_path / "c", capture_output=True, text=True, check=True
    )
    emitted(tmp_path / "other")
    (scores,) = Engine.load(tmp_path / "other")(image)
    name, _, score = done.stdout.rstrip("\n").rpartition(" ")
    assert name == CLASSES[int(scores.argmax())]
    assert np.float32(score) == scores.max()
    for wrong in ("main.c", "flags.txt"):  # too long, too short
        done = subprocess.run(["./example", wrong, *extra], cwd=tmp_path / "c", capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (1, f"{wrong} does not hold exactly 189 bytes\n")


@pytest.mark.parametrize("choice", [planning.DEFAULT, ROW_BY_ROW], ids=["whole", "row_by_row"])
def test_nothing_but_memcpy_and_memset_is_needed_and_every_symbol_is_prefixed(tmp_path, choice):
    emitted(tmp_path / "c", small(), choice=choice, name="net")
    cc(*STRICT, "-c", "net.c", "net_weights.c", folder=tmp_path / "c")
    assert symbols(tmp_path / "c/net.o", undefined=True) <= {"memcpy", "memset"}
    assert symbols(tmp_path / "c/net.o", undefined=False) == {"net_run_with_weights", "net_classes"}
    assert symbols(tmp_path / "c/net_weights.o", undefined=False) == {"net_run"}


@pytest.mark.parametrize("level", ["-O0", "-Os", "-O3"])
def test_cortex_m4(tmp_path, level):
    pytest.importorskip("ziglang")
    manifest = emitted(tmp_path / "c", small(), choice=ROW_BY_ROW if level == "-Os" else planning.DEFAULT, name="net")
    flags = ("-std=c11", level, "-Wall", "-Wextra", "-Werror", "-fno-sanitize=all", "-c")
    for file in ("net", "net_weights"):
        cc(*flags, f"{file}.c", "-o", f"{file}.o", folder=tmp_path / "c", command=CORTEX_M4)
    # Arm's run-time ABI has a memcpy of its own for words; every toolchain brings it.
    assert symbols(tmp_path / "c/net.o", undefined=True) <= {"memcpy", "memset", "__aeabi_memcpy", "__aeabi_memcpy4"}
    assert 2000 < code_bytes(tmp_path / "c/net.o") < 100_000
    assert code_bytes(tmp_path / "c/net_weights.o") >= manifest.weights


def test_a_network_without_weights_or_with_bad_ones_is_refused_before_a_file_is_written(tmp_path):
    model = by_hand()
    model.metadata_props["depthwise.weights"] = "none"
    with pytest.raises(UserError, match="no trained weights"):
        emitted(tmp_path / "c", model)
    for bad in (np.nan, np.inf):
        model = by_hand()
        value = next(one for one in model.graph if one.name == "depthwise").inputs[1]
        array = value.const_value.numpy().copy()
        array[2, 0, 1, 1] = bad
        value.const_value = ir.tensor(array, name=value.name)
        with pytest.raises(UserError, match=r"depthwise: 1 of 36 weights of depthwise.weight \[4, 1, 3, 3\] are NaN"):
            emitted(tmp_path / "c", model)
    assert list(tmp_path.iterdir()) == []


def test_class_names_must_fit_the_outputs(tmp_path):
    model = by_hand()
    model.metadata_props["depthwise.classes"] = '["one", "two"]'
    with pytest.raises(UserError, match="3 outputs but 2 class names"):
        emitted(tmp_path / "c", model)


@pytest.mark.parametrize("name", ["", "9lives", "my-net", "a b", "ä", "_x", "x" * 64, "main", "string", "../up"])
def test_names_that_are_no_c_identifiers_are_refused(tmp_path, name):
    with pytest.raises(UserError, match="name"):
        emitted(tmp_path / "c", name=name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years")
    with pytest.raises(UserError, match="give another folder with -o"):
        emitted(tmp_path / "mine")
    assert (tmp_path / "mine/thesis.txt").read_text() == "years"
    emitted(tmp_path / "c", name="old")
    emitted(tmp_path / "c", name="new")  # an earlier emitted folder is replaced whole
    assert not (tmp_path / "c/old.h").exists()
