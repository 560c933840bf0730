"""Devices as data (devices/*.toml), and the units in which people write sizes, times and counts."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from depthwise.errors import UserError
from depthwise.registry import choose

_SUFFIXES: Mapping[str, Mapping[str, float]] = {
    "size": {"": 1, "b": 1}
    | {
        unit: factor
        for prefix, factor in (("k", 1024), ("m", 1024**2), ("g", 1024**3))
        for unit in (prefix, f"{prefix}b", f"{prefix}ib")
    },
    "time": {"": 1, "s": 1, "sec": 1, "ms": 1e-3, "us": 1e-6, "min": 60, "m": 60, "h": 3600},
    "count": {"": 1, "k": 1e3, "m": 1e6, "g": 1e9},
}
_EXAMPLES = {"size": "256K, 1.5MB or 64KiB", "time": "3min, 90s or 12ms", "count": "5M or 300k"}


def _parse(kind: str, what: str, text: str) -> float:
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([a-zA-Z]*)\s*", text)
    factor = _SUFFIXES[kind].get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise UserError(f"{what} '{text}' is not a {kind}: write it like {_EXAMPLES[kind]}")
    return float(match[1]) * factor


def parse_size(what: str, text: str) -> int:
    """Bytes from "256K", "256KB" or "256KiB" (all 1024). `what` names the option in the error."""
    return int(_parse("size", what, text))


def parse_time(what: str, text: str) -> float:
    """Seconds from "3min", "90s" or "12ms" (a bare number is seconds). `what` names the option in the error."""
    return _parse("time", what, text)


def parse_count(what: str, text: str) -> int:
    """A number from "5M" or "300k" (powers of 1000). `what` names the option in the error."""
    return int(_parse("count", what, text))


def format_bytes(count: int) -> str:
    """Bytes for people: "813 B", "37.2 KiB", "1.37 MiB"."""
    if count < 1024:
        return f"{count} B"
    if count < 1024**2:
        return f"{count / 1024:.1f} KiB"
    return f"{count / 1024**2:.2f} MiB"


def format_count(count: int) -> str:
    """A count for people: "830", "38.4 k", "3.50 M", "1.81 G"."""
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return str(count)


@dataclass(frozen=True)
class Device:
    """A target. Every field comes from its TOML file.

    Attributes:
        name: file stem. description: one line.
        isa: instruction sets it has, best first ("avx2", "neon", "c"); empty: asked of this machine when compiling.
        ram, flash: bytes; None: not a limit.
        clock_mhz: None: unknown.
        target: triple for a cross compiler; empty: this machine.
        flags: compiler flags for speed on it.
        source: where the figures are from.
    """

    name: str
    description: str
    isa: tuple[str, ...] = ()
    ram: int | None = None
    flash: int | None = None
    clock_mhz: float | None = None
    target: str = ""
    flags: tuple[str, ...] = field(default_factory=tuple)
    source: str = ""


def device_names() -> list[str]:
    """The devices that ship with this package."""
    return sorted(path.stem for path in (Path(__file__).parent / "devices").glob("*.toml"))


@cache
def load_device(name: str) -> Device:
    """A device by name, or by the path of a TOML file.

    Raises:
        UserError: an unknown name (lists the known), or a file that cannot be read as a device.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"device file '{name}' does not exist")
    else:
        path = Path(__file__).parent / "devices" / f"{choose('device', name, device_names())}.toml"
    try:
        fields = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"device file '{path}' is not valid TOML: {error}") from None
    return _device(path, fields)


def _device(path: Path, fields: dict[str, object]) -> Device:
    known = set(Device.__dataclass_fields__) - {"name"}
    for key in fields:
        choose(f"field of device file '{path}'", key, known)
    if "description" not in fields:
        raise UserError(f"device file '{path}' has no description")
    values: dict[str, object] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in fields.items()
    }
    for key in ("ram", "flash"):
        if isinstance(values.get(key), str):
            values[key] = parse_size(f"{path.name}: {key}", str(values[key]))
    return Device(name=path.stem, **values)  # type: ignore[arg-type]
