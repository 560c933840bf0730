"""Every kernel on every case that it serves: within its bound, the same bits in bands, never outside its buffers."""

import ctypes
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kernel_calls import Call, build, calls_for, channels_last, run, run_any, run_program, serving, source
from random_cases import random_cases

from depthwise.compiler.isa import INSTRUCTIONS, available
from depthwise.ops import REGISTRY, cases, with_implied
from depthwise.ops.cases import Case
from thorough import THOROUGH, enough

PORTABLE = {"vectors4": "wasm", "vectors8": "avx2", "vectors16": "avx512"}
"""simd.h without any instruction set, its vectors as wide as another set's: serves the cases of that set anywhere."""

COMPILERS_FAILED_ON = [case for case in cases.REGISTRY["Convolution"] if case.weight == (19, 4, 5, 2)]
"""Kept wherever cases are left out; see kernels/convolution_simd.h."""

BORROWED = {"avxvnni": "avx512vnni"}
"""A set whose instructions another one has too, in another encoding."""

HOST_SETS = ("c", "sse2", "avx2", "avxvnni", "avx512", "avx512vnni", "neon", "neondot", *PORTABLE)

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="gcc is not installed")


def _host() -> tuple[str, ...]:
    """The instruction sets of this machine."""
    done = subprocess.run(
        ["gcc", "-march=native", "-dM", "-E", "-x", "c", "-"], input="", capture_output=True, text=True, check=False
    )
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    return available({line[1]: "" for line in lines if line[:1] == ["#define"]})


def _calls(instructions: str) -> list[Call]:
    return calls_for(PORTABLE.get(instructions, instructions))


def _every_kernel(calls: list[Call], most: int) -> list[Call]:
    """About so many calls of each kernel, from all over the table: all would take minutes to build."""
    names = dict.fromkeys(call.kernel.name for call in calls)
    groups = [[call for call in calls if call.kernel.name == name] for name in names]
    return [
        call
        for group in groups
        for index, call in enumerate(group)
        if index % max(1, len(group) // most) == 0 or call.case in COMPILERS_FAILED_ON
    ]


def _macros(instructions: str) -> list[str]:
    """What the emitted program would define before it includes a kernel."""
    if instructions in PORTABLE:
        return [f"SIMD_WIDTH {instructions.removeprefix('vectors')}"]
    return [] if instructions == "c" else [f"DEPTHWISE_{each.upper()}" for each in with_implied(instructions)]


def _flags(instructions: str) -> tuple[str, ...]:
    if instructions in PORTABLE:
        return ()
    return INSTRUCTIONS[instructions if instructions in _host() else BORROWED.get(instructions, instructions)].flags


@pytest.fixture(scope="module", params=HOST_SETS)
def instructions(request: pytest.FixtureRequest) -> str:
    name = str(request.param)
    if BORROWED.get(name, name) not in (*_host(), *PORTABLE) and name not in _host():
        pytest.skip(f"this machine has no {name}")
    if not calls_for(PORTABLE.get(name, name)):
        pytest.skip(f"no kernel needs {name}")
    if PORTABLE.get(name) in _host():
        pytest.skip(f"{PORTABLE[name]} itself is tested")
    return name


@pytest.fixture(scope="module")
def calls(instructions: str) -> list[Call]:
    return _calls(instructions)


def _library(instructions: str, calls: list[Call], folder: Path, *flags: str) -> ctypes.CDLL:
    command = ["gcc", "-shared", "-fPIC", "-Wno-psabi", *_flags(instructions), *flags]
    return ctypes.CDLL(str(build(command, source(calls, _macros(instructions)), folder / "kernels.so")))


@pytest.fixture(scope="module")
def library(instructions: str, calls: list[Call], tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return _library(instructions, calls, tmp_path_factory.mktemp(instructions))


def _check(call: Call, y: np.ndarray) -> None:
    wrong = ~(np.abs(y - call.expected.astype(np.float64)) <= call.tolerance)  # so that not-a-number is wrong
    assert not wrong.any(), f"{call}: {y[wrong][0]} for {call.expected[wrong][0]}, {wrong.sum()} of {wrong.size} wrong"


def test_kernel_agrees_with_reference(library: ctypes.CDLL, calls: list[Call]) -> None:
    for index, call in enumerate(calls):
        _check(call, run(library, index, call))


def test_kernel_agrees_with_reference_when_sizes_are_constants(
    instructions: str, calls: list[Call], tmp_path: Path
) -> None:
    if instructions in PORTABLE:
        pytest.skip("no program has its vectors, and building it takes long")
    some = _every_kernel(calls, 5)
    library = _library(instructions, some, tmp_path, "-O3", "-DSPECIALIZED")
    for index, call in enumerate(some):
        _check(call, run(library, index, call))


def test_bands_of_rows_equal_the_whole_bit_for_bit(library: ctypes.CDLL, calls: list[Call]) -> None:
    banded = [(index, call) for index, call in enumerate(calls) if call.rows > 1]
    assert banded
    for index, call in banded:
        whole = run(library, index, call)
        for cuts in ((1,), (call.rows // 2, call.rows - 1), tuple(range(1, call.rows))):
            assert run(library, index, call, sorted(cuts)).tobytes() == whole.tobytes(), f"{call} cut at {cuts}"


def test_ranges_of_channels_equal_the_whole_bit_for_bit_and_leave_the_others(
    library: ctypes.CDLL, calls: list[Call]
) -> None:
    divided = [(index, call) for index, call in enumerate(calls) if call.kernel.channels]
    assert any(call.channels >= 2 * call.kernel.channels for _, call in divided)
    for index, call in divided:
        whole, step = run(library, index, call), call.kernel.channels
        for start in range(0, call.channels // step * step, step):
            stop = call.channels if call.channels - start < 2 * step else start + step
            part = run(library, index, call, channels=(start, stop))
            assert part[:, start:stop].tobytes() == whole[:, start:stop].tobytes(), f"{call} {start}..{stop}"
            beside = np.delete(part, np.s_[start:stop], axis=1)
            untouched = (beside == 0xFF) if call.output_type == np.uint8 else np.isnan(beside)
            assert untouched.all(), f"{call} writes beside {start}..{stop}"


def test_vectors_give_the_bits_of_plain_c(
    instructions: str, library: ctypes.CDLL, calls: list[Call], tmp_path: Path
) -> None:
    """Where no multiply-add can be fused, and each output has its own order of summation."""
    same = ("Add", "Multiply", "Activation", "MaxPool", "AveragePool", "GlobalAveragePool")
    plain = {str(call.case): call for call in calls_for("c") if call.case.op in same and not call.case.integer}
    if with_implied(instructions) != (instructions,):
        pytest.skip(
            "its kernels beside those of the set that it adds to are of 8 bits, which the oracle holds to the bit"
        )
    expected = _library("c", list(plain.values()), tmp_path)
    where = {case: index for index, case in enumerate(plain)}
    served = [(i, call) for i, call in enumerate(calls) if call.case.op in same and not call.case.integer]
    if all(call.case.integer for call in calls):
        pytest.skip(f"{instructions} adds kernels of 8 bits only")
    assert {str(call.case) for _, call in served} == set(plain)
    for index, call in served:
        y = run(expected, where[str(call.case)], plain[str(call.case)])
        assert run(library, index, call).tobytes() == y.tobytes(), str(call)


@settings(max_examples=enough(40, 100), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=random_cases(), data=st.data())
def test_kernels_serve_any_shape(
    instructions: str, library: ctypes.CDLL, calls: list[Call], case: Case, data: st.DataObject
) -> None:
    """Guard words stand and the reference agrees; in bands of rows that are cut anywhere, the bits are the same."""
    wanted = PORTABLE.get(instructions, instructions)
    for call in [Call(case, kernel) for kernel in serving(case, wanted)]:
        whole = run_any(library, call)
        _check(call, whole)
        cuts = sorted(data.draw(st.sets(st.integers(1, call.rows - 1)))) if call.rows > 1 else []
        assert run_any(library, call, cuts).tobytes() == whole.tobytes(), f"{call} cut at {cuts}"


def test_elementwise_operators_may_write_over_their_input(library: ctypes.CDLL, calls: list[Call]) -> None:
    for index, call in enumerate(calls):
        if not REGISTRY[call.case.op].in_place:
            continue
        x, x2, constants = (array.copy() for array in call.operands)
        pointers = [ctypes.c_void_p(array.ctypes.data) for array in (x, x2, constants, x)]
        getattr(library, f"run_{index}")(*pointers, None, *map(ctypes.c_int, (0, 0, call.rows, 0, call.channels)))
        expected = run(library, index, call)
        assert x.tobytes() == channels_last(expected).tobytes(), str(call)


def test_every_kernel_has_a_case() -> None:
    served = {call.kernel.name for name in INSTRUCTIONS for call in calls_for(name)}
    assert served == {kernel.name for operator in REGISTRY.values() for kernel in operator.kernels}


def test_every_operator_has_cases_and_a_plain_kernel_for_each() -> None:
    assert {op for op, operator in REGISTRY.items() if not operator.view} == set(cases.REGISTRY)
    plain = {str(call.case) for call in calls_for("c")}
    assert plain == {str(case) for op, table in cases.REGISTRY.items() for case in (*table, *cases.integer_cases(op))}


@pytest.mark.parametrize("instructions", ["c", "avx2", "avx512", "avx512vnni", "vectors4"])
def test_sanitizers_find_nothing(instructions: str, tmp_path: Path) -> None:
    vectors = [name for name in _host() if name != "c"] or ["vectors4"]
    if instructions not in ("c", *vectors):
        pytest.skip(f"this machine has no {instructions}" if instructions not in PORTABLE else "its own are tested")
    calls = _calls(instructions)
    if not calls:
        pytest.skip(f"no kernel needs {instructions}")
    flags = [
        "-O1",
        "-g",
        "-fsanitize=address,undefined",
        "-fno-sanitize-recover=all",
        "-DWITH_MAIN",
        "-Wno-psabi",
        *_flags(instructions),
    ]
    some = calls if THOROUGH else _every_kernel(calls, 3)
    program = build(["gcc", *flags], source(some, _macros(instructions)), tmp_path / "sanitized")
    for call, y in zip(some, run_program([str(program)], some, tmp_path), strict=True):
        _check(call, y)


@pytest.mark.parametrize("instructions", ["c", "neon", "neondot"])
def test_aarch64(instructions: str, tmp_path: Path) -> None:
    for tool in ("aarch64-linux-gnu-gcc", "qemu-aarch64"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    calls = calls_for(instructions)
    if not calls:
        pytest.skip(f"no kernel needs {instructions}")
    flags = ["-static", "-DWITH_MAIN", *INSTRUCTIONS[instructions].flags]
    program = build(["aarch64-linux-gnu-gcc", *flags], source(calls, _macros(instructions)), tmp_path / "program")
    for call, y in zip(calls, run_program(["qemu-aarch64", str(program)], calls, tmp_path), strict=True):
        _check(call, y)
