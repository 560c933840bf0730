"""Vector variants of kernels, one for each instruction set that `kernels/simd.h` knows."""

from dataclasses import replace
from typing import Any

from depthwise.ops.base import Kernel

SIMD_WIDTHS = {"avx512": 16, "avx2": 8, "sse2": 4, "neon": 4, "wasm": 4}
"""Floats in a vector of the instruction sets that `kernels/simd.h` knows, best first (SIMD_WIDTH there)."""

IMPLIED = {"avx512vnni": "avx512", "avxvnni": "avx2", "neondot": "neon"}
"""Sets that add products of bytes to another one, and that one, whose kernels a program may take too."""


def with_implied(name: str) -> tuple[str, ...]:
    """A set and what it adds to."""
    return (name, IMPLIED[name]) if name in IMPLIED else (name,)


def with_vectors(plain: Kernel, **changes: Any) -> tuple[Kernel, ...]:
    """The variants of a plain kernel NAME that are NAME_simd (or have another `name`), best set first.

    Args:
        plain: the kernel in plain C.
        changes: fields in which the variants differ from it; `simd.h` is included beside what the plain one includes.
    """
    changes = {"name": f"{plain.name}_simd", "includes": (*plain.includes, "simd.h"), **changes}
    return tuple(replace(plain, instructions=instructions, **changes) for instructions in SIMD_WIDTHS)
