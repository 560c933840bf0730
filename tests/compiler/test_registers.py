"""The inner loops of emitted programs keep their sums in registers, with every compiler that is at hand."""

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from depthwise import compiler, graph, planning
from depthwise.compiler.emit import KERNELS
from depthwise.compiler.isa import flags_for
from disassembly import Loop, loops
from networks import every_tile, family
from quantized import quantized

ZIG = f"{shlex.quote(sys.executable)} -m ziglang cc -Xclang -O3"
CLANG = next(filter(shutil.which, ("clang", *(f"clang-{version}" for version in range(30, 14, -1)))), "clang")
X86, ARM = "objdump", "aarch64-linux-gnu-objdump"
KNOWN = {
    "gcc-neon": pytest.mark.xfail(reason="gcc 12 keeps three of the 24 sums of a full tile in memory", strict=True)
}
BUILDS = [
    pytest.param(isa, command, objdump, id=f"{name}-{isa}", marks=KNOWN.get(f"{name}-{isa}", ()))
    for isa, objdump, commands in (
        ("avx512", X86, {"gcc": "gcc", "clang": CLANG, "zig": f"{ZIG} -target x86_64-linux"}),
        ("avx2", X86, {"gcc": "gcc", "clang": CLANG, "zig": f"{ZIG} -target x86_64-linux"}),
        ("neon", ARM, {"gcc": "aarch64-linux-gnu-gcc", "zig": f"{ZIG} -target aarch64-linux"}),
    )
    for name, command in commands.items()
]


MICROKERNELS = {
    name for header in KERNELS.glob("*.h") for name in re.findall(r"_TILE \w*?(\w+)\(const", header.read_text())
}
"""Tiles out of line: the kernels' text marks them by a macro that ends with _TILE."""


def _compiled(command: str, flags: list[str], file: str, folder: Path, objdump: str) -> list[Loop]:
    words = shlex.split(command)
    module = "ziglang" in words
    if (module and importlib.util.find_spec("ziglang") is None) or shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    if shutil.which(objdump) is None:
        pytest.skip(f"{objdump} is not installed")
    done = subprocess.run(
        [*words, *flags, "-c", file, "-o", "code.o"], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return loops(objdump, folder / "code.o")


@pytest.mark.parametrize(("isa", "command", "objdump"), BUILDS)
def test_inner_loops_do_not_touch_the_stack(tmp_path: Path, isa: str, command: str, objdump: str) -> None:
    """Microkernels not at all; where a driver and its loops are one function, no vector goes there."""
    manifest = compiler.emit(planning.plan(every_tile(), (isa, "c")), tmp_path / "c", weights="pointer")
    found = _compiled(command, manifest.flags, "network.c", tmp_path / "c", objdump)
    tiles = [loop for loop in found if loop.function.split(".")[0] in MICROKERNELS]
    assert {loop.function.split(".")[0] for loop in tiles} == MICROKERNELS
    assert {loop.function: loop.stack for loop in tiles if loop.stack} == {}
    assert {loop.function: loop.spills for loop in found if loop.spills} == {}


@pytest.mark.parametrize(
    ("isa", "command", "objdump"),
    [
        pytest.param("avx512vnni", "gcc", X86, id="gcc-avx512vnni"),
        pytest.param("avx512", "gcc", X86, id="gcc-avx512"),
        pytest.param("avx2", "gcc", X86, id="gcc-avx2"),
    ],
)
def test_products_of_bytes_keep_their_sums_in_registers(tmp_path: Path, isa: str, command: str, objdump: str) -> None:
    """With gcc. clang 19 keeps some sums of unrolled products in memory, gcc for NEON those that it keeps of floats."""
    network = graph.normalize(quantized(family("mobilenet_v2", 0.35, 96)), "uint8")
    manifest = compiler.emit(planning.plan(network, (isa, "c")), tmp_path / "c", weights="pointer")
    found = _compiled(command, manifest.flags, "network.c", tmp_path / "c", objdump)
    tiles = [loop for loop in found if loop.function.startswith("panel_i8_")]
    assert len(tiles) > 3
    assert {loop.function: loop.spills for loop in tiles if loop.spills} == {}


@pytest.mark.parametrize(
    ("isa", "command", "objdump"),
    [pytest.param(*build.values, id=build.id) for build in BUILDS if "gcc" in str(build.id)],
)
def test_a_spill_would_be_seen(tmp_path: Path, isa: str, command: str, objdump: str) -> None:
    source = Path(__file__).parent / "c" / "spilling.c"
    flags = [*flags_for([isa]), f"-DDEPTHWISE_{isa.upper()}", f"-I{KERNELS}"]
    assert any(loop.spills for loop in _compiled(command, flags, str(source), tmp_path, objdump))
