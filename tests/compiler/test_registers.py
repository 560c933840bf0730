"""The inner loops of emitted programs keep their sums in registers, with every compiler that is at hand."""

import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from depthwise import compiler, planning
from depthwise.compiler.emit import KERNELS
from depthwise.compiler.isa import flags_for
from depthwise.ops import DOMAIN
from disassembly import Loop, loops
from networks import node, tensor

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


def _window(kernel: int, stride: int = 1, dilation: int = 1) -> dict[str, list[int]]:
    pad = (kernel - 1) * dilation // 2
    return {
        "kernel_shape": [kernel, kernel],
        "strides": [stride, stride],
        "pads": [pad] * 4,
        "dilations": [dilation, dilation],
    }


def every_tile() -> ir.Model:
    """A chain of the operators with a weight, whose kernels' tiles all occur."""
    random = np.random.default_rng(0)
    x = ir.Value(name="input", shape=ir.Shape([1, 3, 96, 96]), type=ir.TensorType(ir.DataType.UINT8))
    nodes: list[ir.Node] = []

    def add(op: str, outputs: int, window: dict[str, list[int]], group: int = 1) -> None:
        before = nodes[-1].outputs[0] if nodes else x
        _, channels, height, _ = before.shape.numpy()
        kernel, size = window["kernel_shape"][0], -(-height // window["strides"][0])
        weight = random.normal(0, 0.1, (outputs, channels // group, kernel, kernel))
        values = [before, tensor(f"w{len(nodes)}", weight), tensor(f"b{len(nodes)}", np.zeros(outputs))]
        nodes.append(node(op, f"n{len(nodes)}", values, (1, outputs, size, size), group=group, **window))

    add("Convolution", 3, _window(3, 2))
    add("Depthwise", 3, _window(3), 3)
    add("Convolution", 40, _window(3))
    for kernel in (3, 5, 7):
        for stride in (1, 2):
            add("Depthwise", 40, _window(kernel, stride), 40)
            add("Pointwise", 40, _window(1))
    add("Convolution", 80, _window(3), 2)
    add("Depthwise", 160, _window(3), 80)
    add("Pointwise", 80, _window(1))
    add("Convolution", 80, _window(3, 1, 2))
    constants = [value for one in nodes for value in one.inputs if value.const_value is not None]
    outputs = list(nodes[-1].outputs)
    return ir.Model(
        ir.Graph([x], outputs, nodes=nodes, initializers=constants, opset_imports={DOMAIN: 1}), ir_version=8
    )


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
    [pytest.param(*build.values, id=build.id) for build in BUILDS if "gcc" in str(build.id)],
)
def test_a_spill_would_be_seen(tmp_path: Path, isa: str, command: str, objdump: str) -> None:
    source = Path(__file__).parent / "c" / "spilling.c"
    flags = [*flags_for([isa]), f"-DDEPTHWISE_{isa.upper()}", f"-I{KERNELS}"]
    assert any(loop.spills for loop in _compiled(command, flags, str(source), tmp_path, objdump))
