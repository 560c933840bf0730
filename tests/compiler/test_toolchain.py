"""Finding a compiler, building with it, the cache, and what is measured."""

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from depthwise import compiler, planning
from depthwise.compiler import measure, toolchain
from depthwise.compiler.isa import INSTRUCTIONS, available, flags_for
from depthwise.engine import Engine
from depthwise.errors import UserError
from networks import by_hand

ZIG = f"{sys.executable} -m ziglang cc"


@pytest.fixture
def folder(tmp_path):
    compiler.emit(planning.plan(by_hand(), ("c",)), tmp_path / "c")
    return tmp_path / "c"


@pytest.fixture
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DEPTHWISE_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "build"


def test_cc_names_the_compiler(monkeypatch):
    monkeypatch.setenv("CC", "gcc -m64")
    assert compiler.find_compiler().command == ("gcc", "-m64")
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(UserError, match="CC is 'no-such-compiler'"):
        compiler.find_compiler()
    monkeypatch.setenv("CC", "true")  # it runs, but it is no compiler
    with pytest.raises(UserError, match="CC is 'true'"):
        compiler.find_compiler()


def test_without_a_compiler_ziglang_is_taken(monkeypatch):
    pytest.importorskip("ziglang")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", "")
    found = compiler.find_compiler()
    assert found.kind == "zig"
    assert found.command == (sys.executable, "-m", "ziglang", "cc")
    assert "-Xclang" in found.flags  # else its -O3 is -O2


def test_without_any_compiler_the_error_names_the_extra_and_emit_only(monkeypatch, tmp_path):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)
    toolchain._find.cache_clear()
    with pytest.raises(UserError, match=r"no C compiler.*pip install 'depthwise\[cc\]'.*--emit-only"):
        compiler.find_compiler()
    assert compiler.native_isa() == ("c",)
    program = planning.plan(by_hand(), compiler.native_isa())
    compiler.emit(program, tmp_path / "c")  # the C can still be written
    with pytest.raises(UserError, match="no C compiler"):
        Engine.load(tmp_path / "c")
    toolchain._find.cache_clear()


def test_instruction_sets_are_data():
    assert list(INSTRUCTIONS)[-1] == "c"
    assert available({}) == ("c",)
    assert available({"__AVX2__": "1", "__FMA__": "1"}) == ("avx2", "c")
    assert flags_for(["avx2", "c"]) == ("-std=c11", "-O3", "-ffp-contract=off", "-mavx2", "-mfma")


def test_the_machines_instruction_sets_are_those_its_system_names():
    text = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    flags = re.search(r"^flags\s*:(.*)$", text, re.MULTILINE)
    if not flags:
        pytest.skip("no x86 Linux")
    assert ("avx2" in compiler.native_isa()) == ({"avx2", "fma"} <= set(flags[1].split()))


@pytest.mark.parametrize("command", ["gcc", "clang", ZIG])
def test_every_compiler_gives_the_same_bits(folder, monkeypatch, command):
    if not shutil.which(command.split()[0]):
        pytest.skip(f"no {command}")
    pixels = np.random.default_rng(0).integers(0, 256, (4, 9, 7, 3), dtype=np.uint8)
    expected = Engine.load(folder)(pixels)
    monkeypatch.setenv("CC", command)
    engine = Engine.load(folder)
    assert np.array_equal(engine(pixels), expected)
    assert 500 < engine.memory.code < 50_000
    assert 16 <= engine.memory.stack < 4096
    assert ("zig" in engine.compiler) == ("zig" in command)


def test_a_build_is_kept_and_keyed_by_what_it_depends_on(folder, empty_cache, monkeypatch):
    monkeypatch.setenv("CC", "gcc")
    first = compiler.build(folder)
    assert first.library.is_relative_to(empty_cache)
    made = first.library.stat().st_mtime_ns
    assert compiler.build(folder) == first
    assert first.library.stat().st_mtime_ns == made
    monkeypatch.setenv("CC", "gcc -g")
    assert compiler.build(folder).library != first.library
    monkeypatch.setenv("CC", "gcc")
    (folder / "network.c").write_text((folder / "network.c").read_text() + "\n")
    assert compiler.build(folder).library != first.library
    assert len(list(empty_cache.iterdir())) == 3
    monkeypatch.setattr(toolchain, "_native_macros", lambda compiler: {"__ANOTHER_CPU__": "1"})
    assert compiler.build(folder).library != first.library


def test_a_cache_may_be_moved(folder, empty_cache, monkeypatch):
    compiler.build(folder)
    empty_cache.parent.rename(empty_cache.parent.with_name("moved"))
    monkeypatch.setenv("DEPTHWISE_CACHE", str(empty_cache.parent.with_name("moved")))
    assert compiler.build(folder).library.is_file()


def test_concurrent_builds_of_one_network_agree(folder, empty_cache):
    results = []
    threads = [threading.Thread(target=lambda: results.append(compiler.build(folder))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 4
    assert len(set(results)) == 1
    assert [path.name for path in empty_cache.iterdir()] == [results[0].library.parent.name]


def test_old_builds_are_forgotten(folder, empty_cache, monkeypatch):
    monkeypatch.setattr(toolchain, "KEPT_BUILDS", 3)
    for i in range(4):
        (empty_cache / f"old{i}").mkdir(parents=True)
        os.utime(empty_cache / f"old{i}", (i, i))
    (empty_cache / ".building-killed").mkdir()
    os.utime(empty_cache / ".building-killed", (9, 9))
    built = compiler.build(folder)
    assert {path.name for path in empty_cache.iterdir()} == {built.library.parent.name, "old3"}
    (empty_cache / ".building-now").mkdir()
    (folder / "network.c").write_text((folder / "network.c").read_text() + "\n")
    compiler.build(folder)
    assert (empty_cache / ".building-now").exists()


def test_a_compiler_error_is_one_line(folder, empty_cache):
    (folder / "network.c").write_text("nonsense")
    with pytest.raises(UserError, match=r"could not build the C in .*network\.c:1:.*error") as caught:
        compiler.build(folder)
    assert "\n" not in str(caught.value)
    assert list(empty_cache.iterdir()) == []


def test_another_machines_network_is_refused(folder):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace('"variants": [\n  "c"\n ]', '"variants": ["neon"]'))
    if "neon" in compiler.native_isa():
        pytest.skip("this machine has NEON")
    with pytest.raises(UserError, match="was compiled for neon, which this machine lacks"):
        compiler.build(folder)


def test_a_folder_that_is_no_network_or_damaged(tmp_path, folder):
    with pytest.raises(UserError, match=r"not a compiled network \(no manifest.json"):
        compiler.build(tmp_path)
    (folder / "manifest.json").write_text('{"name": 3}')
    with pytest.raises(UserError, match="damaged"):
        compiler.build(folder)


def test_code_bytes_are_those_that_size_counts(folder):
    subprocess.run(
        ["gcc", "-c", "-O2", "-fno-asynchronous-unwind-tables", "network.c", "-o", "network.o"], cwd=folder, check=True
    )
    table = subprocess.run(["size", "-A", folder / "network.o"], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in table.splitlines() if line.startswith((".text", ".rodata"))]
    assert measure.code_bytes(folder / "network.o") == sum(int(row[1]) for row in rows)
    (folder / "other").write_bytes(b"\xcf\xfa\xed\xfe" + bytes(96))
    assert measure.code_bytes(folder / "other") == 100  # not ELF: the whole file


def test_stack_is_summed_along_the_deepest_chain():
    text = """graph: { title: "net.c"
node: { title: "net.c:leaf" label: "leaf\\nnet.c:2:38\\n696 bytes (static)" }
node: { title: "net.c:side" label: "side\\nnet.c:2:38\\n100 bytes (static)" }
node: { title: "net_run_with_weights" label: "net_run_with_weights\\nnet.c:3:5\\n16 bytes (static)" }
node: { title: "net.c:unused" label: "unused\\nnet.c:3:5\\n5000 bytes (static)" }
node: { title: "memcpy" label: "memcpy\\n<built-in>" shape : ellipse }
edge: { sourcename: "net_run_with_weights" targetname: "net.c:side" label: "net.c:3:35" }
edge: { sourcename: "net_run_with_weights" targetname: "memcpy" label: "net.c:3:35" }
edge: { sourcename: "net.c:side" targetname: "net.c:leaf" label: "net.c:3:42" }
}"""
    assert measure.gcc_stack_bytes(text, "net_run_with_weights") == 812
    warnings = "a.c:1:5: warning: stack frame size ({}) exceeds limit (1) in 'f' [-Wframe-larger-than]\n"
    assert measure.clang_stack_bytes("".join(warnings.format(size) for size in (8, 40, 840, 16, 3, 100))) == 1004
