"""The C compiler: found, asked what the machine can do, and run, with a cache of what was built."""

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from depthwise.compiler.isa import available, flags_for
from depthwise.compiler.manifest import Manifest, read_manifest
from depthwise.compiler.measure import clang_stack_bytes, code_bytes, gcc_stack_bytes
from depthwise.config import Record
from depthwise.errors import UserError
from depthwise.files import cache_folder, file_fingerprint, fingerprint
from depthwise.machine import COMPILERS
from depthwise.target import Target

KEPT_BUILDS = 100
"""The build cache keeps this many, the most recently used ones."""

_BUILDING = ".building-"
"""Prefix of a build that is not done; one that was killed is removed an hour later."""


@dataclass(frozen=True)
class Compiler:
    """A C compiler that answered.

    Attributes:
        command: how it is started. kind: whose flags it takes. version: first line of its --version.
    """

    command: tuple[str, ...]
    kind: Literal["gcc", "clang", "zig"]
    version: str

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags without which it is slow: zig's -O3 is -O2 for C unless clang is told again."""
        return ("-Xclang", "-O3") if self.kind == "zig" else ()


class Built(Record):
    """A network built for this machine.

    Attributes:
        library: the shared object with NAME_run_with_weights. compiler: its version line.
        code: bytes of code and read-only data without the weights; stack: bytes (gcc: along the deepest chain of calls;
            clang and zig: an upper bound of it).
    """

    library: Path
    compiler: str
    code: int
    stack: int


def find_compiler() -> Compiler:
    """The compiler named by the environment variable CC, else the first of gcc, clang, cc and the ziglang package.

    Raises:
        UserError: CC names none that works, or there is none at all.
    """
    return _find(os.environ.get("CC", ""), os.environ.get("PATH", ""))


def native_isa(compiler: Compiler | None = None) -> tuple[str, ...]:
    """Instruction sets of this machine, best first, by asking the compiler; plain C only where there is no compiler."""
    if compiler is None:
        try:
            compiler = find_compiler()
        except UserError:
            return ("c",)
    return available(_native_macros(compiler))


def runs_here(target: Target, compiler: Compiler | None = None) -> bool:
    """Whether this machine is one of a target's: its code can be built, measured and run here."""
    vectors = [name for name in target.sets if name != "c"]
    return bool(set(vectors) & set(native_isa(compiler))) if vectors else not target.triple


def build(folder: Path, compiler: Compiler | None = None) -> Built:
    """Builds an emitted folder to a shared object, or takes it from the cache.

    The library is the code alone: its caller passes the weights, so networks of one architecture share it. The cache
    key covers the machine's features, the compiler's path and version, the flags and every source, so that a home
    directory shared by machines never gives one the code of another.

    Raises:
        UserError: no compiler, a folder that is not one, kernels that this machine cannot run, or a compiler error.
    """
    manifest = read_manifest(folder)
    compiler = compiler or find_compiler()
    if manifest.variants[-1] not in native_isa(compiler):
        raise UserError(
            f"{folder} was compiled for {manifest.variants[-1]}, which this machine lacks: compile it again here"
        )
    sources = [folder / source for source in manifest.sources]
    files = [*sources, folder / f"{manifest.name}.h", *sorted((folder / "kernels").glob("*.h"))]
    contents = [(str(path.relative_to(folder)), file_fingerprint(path)) for path in files]
    features = sorted(_native_macros(compiler).items())
    key = fingerprint(compiler, compiler.flags, features, host_flags(manifest, compiler), contents)
    place = cache_folder("build") / key
    if not (place / "built.json").is_file():
        _build_aside(folder, manifest, compiler, place)
    os.utime(place)
    built = Built.model_validate_json((place / "built.json").read_text(encoding="utf-8"))
    return built.model_copy(update={"library": place / "network.so"})  # the cache may have been moved since


def host_flags(manifest: Manifest, compiler: Compiler) -> tuple[str, ...]:
    """The flags to build with on this machine: those of flags.txt, unless they are another machine's."""
    target = Target(manifest.target, "", tuple(manifest.variants), manifest.triple)
    return tuple(manifest.flags) if runs_here(target, compiler) else flags_for(("c",))


def build_library(
    source: Path, headers: Path, out: Path, compiler: Compiler, extra: Sequence[str] = (), *, native: bool = True
) -> None:
    """Builds one C file to the shared object `out`, with the compiler and the flags of this machine's programs.

    Args:
        source: the C file. headers: folder of the headers that it includes.
        out: where the library goes. compiler: see `find_compiler`.
        extra: more flags. native: whether it may use the instructions of this machine's processor.

    Raises:
        UserError: a compiler error.
    """
    sets = native_isa(compiler) if native else ("c",)
    flags = (*flags_for(sets), *compiler.flags, *extra, "-fPIC", f"-I{headers}")
    _run(compiler, [*flags, "-shared", str(source), "-o", str(out)], out.parent)


def compile_objects(folder: Path, manifest: Manifest, compiler: Compiler, out: Path) -> tuple[list[Path], int]:
    """Compiles the C files of an emitted folder, position-independent, to object files in `out`.

    Returns:
        The object files, and bytes of stack (see `Built.stack`).
    """
    report = ("-fcallgraph-info=su",) if compiler.kind == "gcc" else ("-Wframe-larger-than=1",)
    flags = (*host_flags(manifest, compiler), *compiler.flags, "-fPIC", *report)
    objects = [(out / source).with_suffix(".o") for source in manifest.sources]

    def compile_one(source: str, made: Path) -> str:
        text = _run(compiler, [*flags, "-c", source, "-o", str(made)], folder)
        return made.with_suffix(".ci").read_text(encoding="utf-8") if compiler.kind == "gcc" else text

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        reports = "\n".join(pool.map(compile_one, manifest.sources, objects))
    if compiler.kind == "gcc":
        return objects, gcc_stack_bytes(reports, f"{manifest.name}_run_with_weights")
    return objects, clang_stack_bytes(reports)


def _build_aside(folder: Path, manifest: Manifest, compiler: Compiler, place: Path) -> None:
    """Builds in a folder beside `place` and renames it; of two processes that build the same, one result stays."""
    aside = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=place.parent))
    try:
        objects, stack = compile_objects(folder, manifest, compiler, aside)
        flags, files = host_flags(manifest, compiler), [str(made) for made in objects]
        _run(compiler, [*flags, "-shared", *files, "-o", str(aside / "network.so")], folder)
        code = sum(map(code_bytes, objects))
        built = Built(library=place / "network.so", compiler=compiler.version, code=code, stack=stack)
        (aside / "built.json").write_text(built.model_dump_json(), encoding="utf-8")
        aside.rename(place)
    except OSError:
        if not (place / "built.json").is_file():
            raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    _forget_old_builds(place.parent)


def _forget_old_builds(folder: Path) -> None:
    def used(path: Path) -> float:
        try:
            return path.stat().st_mtime
        except FileNotFoundError:
            return 0.0

    builds = sorted(folder.iterdir(), key=used, reverse=True)
    killed = [path for path in builds if path.name.startswith(_BUILDING) and used(path) < time.time() - 3600]
    for old in (*builds[KEPT_BUILDS:], *killed):
        shutil.rmtree(old, ignore_errors=True)


def _run(compiler: Compiler, arguments: Sequence[str], folder: Path) -> str:
    """Runs the compiler in `folder`; returns what it says on standard error."""
    done = subprocess.run([*compiler.command, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.splitlines() or ["it gave no reason"]
        first = next((line for line in lines if "error" in line.lower()), lines[0])
        raise UserError(f"{shlex.join(compiler.command)} could not build the C in {folder}: {first.strip()}")
    return done.stderr


@cache
def _find(chosen: str, path: str) -> Compiler:
    if chosen:
        command = tuple(shlex.split(chosen))
        found = _identify(command) if shutil.which(command[0], path=path) else None
        if found is None:
            raise UserError(f"CC is '{chosen}', which is no C compiler that answers: correct it, or unset CC")
        return found
    for name in COMPILERS:
        where = shutil.which(name, path=path)
        found = _identify((where,)) if where else None
        if found:
            return found
    if importlib.util.find_spec("ziglang"):
        found = _identify((sys.executable, "-m", "ziglang", "cc"))
        if found:
            return found
    raise UserError(
        "no C compiler was found (gcc, clang or cc): install one, or pip install 'depthwise[cc]', "
        "or write the C without building it: `depthwise compile MODEL -o FOLDER --emit-only`"
    )


def _identify(command: tuple[str, ...]) -> Compiler | None:
    """The compiler behind a command, or None if it does not answer like one."""
    try:
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None
    lines = done.stdout.splitlines()
    macros = _macros(command, ())
    if done.returncode or not lines or "__GNUC__" not in macros:  # which clang and zig define too
        return None
    if "__clang__" not in macros:
        return Compiler(command, "gcc", lines[0])
    if any("zig" in Path(part).name for part in command):
        return Compiler(command, "zig", f"zig cc, {lines[0]}")
    return Compiler(command, "clang", lines[0])


@cache
def _native_macros(compiler: Compiler) -> Mapping[str, str]:
    """What the compiler predefines for this machine's processor."""
    for flag in ("-mcpu=native",) if compiler.kind == "zig" else ("-march=native", "-mcpu=native"):
        macros = _macros(compiler.command, (flag,))
        if macros:
            return macros
    return {}


def _macros(command: Sequence[str], flags: Sequence[str]) -> dict[str, str]:
    """What a compiler predefines; nothing if it refuses the flags."""
    done = subprocess.run(
        [*command, *flags, "-dM", "-E", "-x", "c", os.devnull], capture_output=True, text=True, check=False
    )
    found = (re.match(r"#define (\w+) ?(.*)", line) for line in done.stdout.splitlines())
    return {match[1]: match[2] for match in found if match} if done.returncode == 0 else {}
