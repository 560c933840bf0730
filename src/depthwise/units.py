"""Bytes, times and counts as people write and read them."""

import re
from collections.abc import Mapping

from depthwise.errors import UserError

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


def parse_numbers(what: str, text: str) -> tuple[float, ...]:
    """Numbers from "0.485,0.456,0.406". `what` names the option in the error."""
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"{what} '{text}' is not a list of numbers: write it like 0.485,0.456,0.406") from None


def format_bytes(count: int) -> str:
    """Bytes for people: "813 B", "37.2 KiB", "1.37 MiB", "4.00 GiB"."""
    if count < 1024:
        return f"{count} B"
    if count < 1024**2:
        return f"{count / 1024:.1f} KiB"
    if count < 1024**3:
        return f"{count / 1024**2:.2f} MiB"
    return f"{count / 1024**3:.2f} GiB"


def format_time(seconds: float) -> str:
    """A time for people: "850 us", "34.1 ms", "1.52 s"."""
    for factor, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= factor:
            return f"{seconds / factor:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} us"


def format_count(count: int) -> str:
    """A count for people: "830", "38.4 k", "3.50 M", "1.81 G"."""
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= factor:
            return f"{count / factor:.3g} {unit}"
    return str(count)
