"""Instruction sets as data: the macros by which a compiler says that it may use one, and its flags."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Instructions:
    """An instruction set that kernels may name in `Kernel.instructions`.

    Attributes:
        macros: predefined by the compiler, all of them, when it may use the set.
        flags: make gcc, clang and zig define the macros.
        features: their names in a `target` attribute, by which the source itself switches the set on where the flags
            do not; empty: it cannot.
    """

    macros: tuple[str, ...]
    flags: tuple[str, ...]
    features: str = ""


_AVX512_FLAGS = ("-mavx512f", "-mavx512bw", "-mavx512dq", "-mavx512vl", "-mavx2", "-mfma")
_AVX512_MACROS = ("__AVX512F__", "__AVX512BW__", "__AVX512DQ__", "__AVX512VL__")
_AVX512_FEATURES = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"

INSTRUCTIONS: Mapping[str, Instructions] = {
    "avx512vnni": Instructions(
        (*_AVX512_MACROS, "__AVX512VNNI__"), (*_AVX512_FLAGS, "-mavx512vnni"), f"{_AVX512_FEATURES},avx512vnni"
    ),
    "avx512": Instructions(_AVX512_MACROS, _AVX512_FLAGS, _AVX512_FEATURES),
    "avxvnni": Instructions(
        ("__AVX2__", "__FMA__", "__AVXVNNI__"), ("-mavx2", "-mfma", "-mavxvnni"), "avx2,fma,avxvnni"
    ),
    "avx2": Instructions(("__AVX2__", "__FMA__"), ("-mavx2", "-mfma"), "avx2,fma"),
    "sse2": Instructions(("__SSE2__", "__x86_64__"), ()),
    "neondot": Instructions(("__ARM_NEON", "__aarch64__", "__ARM_FEATURE_DOTPROD"), ("-march=armv8.2-a+dotprod",)),
    "neon": Instructions(("__ARM_NEON", "__aarch64__"), ()),
    "wasm": Instructions(("__wasm_simd128__",), ("-msimd128",)),
    "c": Instructions((), ()),
}
"""All instruction sets, best first."""


BASE_FLAGS = ("-std=c11", "-O3", "-ffp-contract=off")
"""For every target. The C enforces the last one by itself too."""


def flags_for(names: Sequence[str]) -> tuple[str, ...]:
    """Compiler flags for speed that switch on all the named sets, each flag once."""
    return tuple(dict.fromkeys((*BASE_FLAGS, *(flag for name in names for flag in INSTRUCTIONS[name].flags))))


def available(macros: Mapping[str, str]) -> tuple[str, ...]:
    """The sets whose macros are all defined, best first; plain C is always the last."""
    return tuple(name for name, known in INSTRUCTIONS.items() if all(macro in macros for macro in known.macros))
