"""A Device as the text of its TOML file: what `load_device` reads."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields
from typing import Any

from depthwise.device import Device


def device_text(device: Device) -> str:
    """TOML with every field that is not at its default; the name is the file's."""
    values, usual = ({**asdict(each), "target": each.target.name} for each in (device, Device(device.name, "")))
    written = {f.name: values[f.name] for f in fields(device) if values[f.name] != usual[f.name]}
    tables = {f.name for f in fields(device) if isinstance(usual[f.name], dict) and f.name != "code"}
    lines = [f"{name} = {_value(value)}" for name, value in written.items() if name not in tables]
    for name, value in written.items():
        if name in tables:
            lines += _table(name, value)
    return "\n".join(lines) + "\n"


def _table(name: str, rows: Mapping[str, Any]) -> Iterator[str]:
    """A table under a header of its own; one of tables of tables gets a header for each."""
    if all(isinstance(row, dict) and all(isinstance(value, dict) for value in row.values()) for row in rows.values()):
        for key, row in rows.items():
            yield from _table(f"{name}.{key}", row)
        return
    yield f"\n[{name}]"
    for key, row in rows.items():
        yield f"{key} = {_value(row)}"


def _value(value: object) -> str:
    """A text, a number, a list or a table in one line."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    return json.dumps(value, ensure_ascii=False)  # JSON's texts and numbers are TOML's
