"""What compiled code costs: bytes of an object file's code and constants, bytes of stack."""

import re
import struct
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_ALLOCATED, _WRITABLE = 2, 1
_CALL_DEPTH = 5
"""NAME_run, NAME_run_with_weights, stream, kernel with its parameters, its inner loop: no emitted call goes deeper."""


def code_bytes(path: Path) -> int:
    """Bytes of code and read-only data of an object file: its .text* and .rodata* sections, read from the ELF headers.

    Unwinding tables are not counted, as firmware drops them. An object that is not ELF counts with its whole file, an
    upper bound.
    """
    data = path.read_bytes()
    if data[:4] != b"\x7fELF":
        return len(data)
    wide, order = data[4] == 2, "<" if data[5] == 1 else ">"
    at, size, count, names = _section_table(data, wide, order)
    headers = [_section(data, at + i * size, wide, order) for i in range(count)]
    strings = headers[names][2]
    total = 0
    for name, flags, _, length in headers:
        end = data.index(b"\0", strings + name)
        counted = data[strings + name : end].startswith((b".text", b".rodata"))
        if counted and flags & _ALLOCATED and not flags & _WRITABLE:
            total += length
    return total


def gcc_stack_bytes(callgraph: str, entry: str) -> int:
    """Largest sum of stack frames along a chain of calls from `entry`, from gcc's -fcallgraph-info=su file.

    Functions of other files (memcpy, memset) have no frame there and count as none.
    """
    frames = {
        found[1]: int(found[2])
        for found in re.finditer(r'node: \{ title: "([^"]*)" label: "[^"]*?(\d+) bytes \([^"]*" ', callgraph + " ")
    }
    calls: dict[str, set[str]] = {}
    for found in re.finditer(r'edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"', callgraph):
        calls.setdefault(found[1], set()).add(found[2])
    return _deepest(frames, calls, entry)


def clang_stack_bytes(diagnostics: str) -> int:
    """An upper bound of the stack from clang's -Wframe-larger-than=1 warnings: the sum of the largest frames."""
    frames = sorted((int(size) for size in re.findall(r"stack frame size \((\d+)\)", diagnostics)), reverse=True)
    return sum(frames[:_CALL_DEPTH])


def _deepest(frames: Mapping[str, int], calls: Mapping[str, set[str]], entry: str) -> int:
    @cache
    def depth(function: str) -> int:
        below = max((depth(callee) for callee in calls.get(function, ()) if callee != function), default=0)
        return frames.get(function, 0) + below

    return depth(entry)


def _section_table(data: bytes, wide: bool, order: str) -> tuple[int, int, int, int]:
    """Offset, entry size and number of the section headers, and the index of the one with the names."""
    (at,) = struct.unpack_from(order + ("Q" if wide else "I"), data, 40 if wide else 32)
    size, count, names = struct.unpack_from(order + "3H", data, 58 if wide else 46)
    return at, size, count, names


def _section(data: bytes, at: int, wide: bool, order: str) -> tuple[int, int, int, int]:
    """Name (offset into the names), flags, offset in the file and size of a section."""
    fields = struct.unpack_from(order + ("2I4Q" if wide else "6I"), data, at)
    return fields[0], fields[2], fields[4], fields[5]
