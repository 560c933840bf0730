"""Every header of kernels/ stands alone, may be included twice, defines its kernel, and asks nothing of a target."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from kernel_calls import KERNELS, WARNINGS

from depthwise.compiler.isa import INSTRUCTIONS
from depthwise.ops import REGISTRY

HEADERS = sorted(path.name for path in KERNELS.glob("*.h"))

needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def _compile(text: str, output: Path, *flags: str) -> None:
    command = ["gcc", *WARNINGS, *flags, f"-I{KERNELS}", "-x", "c", "-c", "-", "-o", str(output)]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@needs_gcc
@pytest.mark.parametrize("header", HEADERS)
def test_header_compiles_alone_and_links_when_two_files_include_it(header: str, tmp_path: Path) -> None:
    include = f'#include "{header}"\n' * 2
    _compile(include + "int main(void) { return 0; }\n", tmp_path / "a.o")
    _compile(include, tmp_path / "b.o")
    done = subprocess.run(
        ["gcc", "a.o", "b.o", "-o", "both"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@needs_gcc
@pytest.mark.parametrize("instructions", ["avx2", "avx512"])
def test_vector_headers_compile_for_sets_that_this_machine_may_lack(instructions: str, tmp_path: Path) -> None:
    headers = [header for header in HEADERS if "simd" in header]
    text = "".join(f'#include "{header}"\n' for header in headers)
    _compile(text, tmp_path / "all.o", *INSTRUCTIONS[instructions].flags)


@needs_gcc
@pytest.mark.parametrize("header", [header for header in HEADERS if "simd" not in header])
def test_plain_kernels_never_compute_in_double(header: str, tmp_path: Path) -> None:
    _compile(f'#include "{header}"\n', tmp_path / "a.o", "-Wdouble-promotion", "-Wunsuffixed-float-constants")


@needs_gcc
def test_plain_kernels_ask_for_nothing_but_memory_functions(tmp_path: Path) -> None:
    kernels = {kernel.name: kernel for operator in REGISTRY.values() for kernel in operator.kernels}
    text = ""
    for name, kernel in kernels.items():
        if kernel.instructions == "c":
            text += f'#include "{name}.h"\nvoid *const take_{name} = (void *){name};\n'
    _compile(text, tmp_path / "plain.o", "-ffreestanding")
    done = subprocess.run(["nm", "-u", tmp_path / "plain.o"], capture_output=True, text=True, check=True)
    asked = set(re.findall(r"U (\w+)", done.stdout)) - {"_GLOBAL_OFFSET_TABLE_"}
    assert asked <= {"memcpy", "memset"}


def test_kernels_name_a_header_that_defines_them_and_all_that_it_includes() -> None:
    for operator in REGISTRY.values():
        for kernel in operator.kernels:
            text = (KERNELS / f"{kernel.name}.h").read_text()
            signature = f" void {kernel.name}(const struct {kernel.struct} *p"
            assert f"static inline{signature}" in text or f"SIMD_INLINE{signature}" in text
            assert set(kernel.includes) == _included(f"{kernel.name}.h")


def _included(header: str) -> set[str]:
    direct = set(re.findall(r'#include "(\S+)"', (KERNELS / header).read_text()))
    return direct.union(*(_included(found) for found in direct)) if direct else set()
