"""Targets as data (targets/*.toml): the processors that a program is compiled for. A device names its target."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from depthwise.registry import choose

NATIVE = "native"
"""The name of this machine's processor as a target."""


@dataclass(frozen=True)
class Target:
    """What a program is compiled for. docs/targets.md has the table.

    Attributes:
        name: file stem. description: one line.
        sets: instruction sets by their names in `compiler/isa.py`, best first. With several, the program has a variant
            for each and takes the best one that the processor has when it runs; the last one they must all have.
            Empty: the best set of this machine, asked when compiling.
        triple: of a compiler for it; empty: any compiler.
        weights: the form of constants that are not small, see `compiler.emit`.
    """

    name: str
    description: str
    sets: tuple[str, ...] = ()
    triple: str = ""
    weights: Literal["array", "incbin"] = "array"


def target_names() -> list[str]:
    """All targets."""
    return sorted(path.stem for path in (Path(__file__).parent / "targets").glob("*.toml"))


@cache
def load_target(name: str) -> Target:
    """A target by name.

    Raises:
        UserError: an unknown name (lists the known).
    """
    path = Path(__file__).parent / "targets" / f"{choose('target', name, target_names())}.toml"
    fields = tomllib.loads(path.read_text(encoding="utf-8"))
    return Target(path.stem, **fields | {"sets": tuple(fields.get("sets", ()))})
