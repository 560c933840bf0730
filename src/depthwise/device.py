"""Devices as data (devices/*.toml), and the units in which people write sizes, times and counts."""

import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal, get_args

from depthwise.errors import UserError
from depthwise.machine import host_file
from depthwise.registry import choose
from depthwise.target import NATIVE, Target, load_target
from depthwise.units import format_bytes, format_count, format_time, parse_count, parse_size, parse_time

Precision = Literal["float32", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)

HOST = "host"
"""The name of this machine as a device."""

CACHES = ("l1", "l2", "l3")
"""Names of the data caches, nearest first; behind them is the memory."""


@dataclass(frozen=True)
class Rate:
    """Clock cycles for one MAC of an operator, and where the figure is from."""

    cycles: float
    source: str


@dataclass(frozen=True)
class Code:
    """Bytes of compiled code: `base` plus `function` for each distinct kernel call (equal shapes share one)."""

    base: int
    function: int


@dataclass(frozen=True)
class Device:
    """A machine that networks are made for. Every field comes from its TOML file; docs/devices.md describes them.

    Attributes:
        name: file stem. description: one line.
        target: what its programs are compiled for.
        ram, flash: bytes; None: not a limit.
        ram_reserve, flash_reserve: bytes of them that everything else needs: drivers, libraries, the caller's code.
        stack: bytes of stack to allow for until a network is compiled.
        code: how much code to expect until a network is compiled.
        clock_mhz: None: unknown.
        precision: in which a network is checked if nothing else is said.
        cycles: precision -> operator of the normal form -> clock cycles for one MAC.
        cycles_per_layer: clock cycles that a layer with MACs takes beside them; None: they are in the others.
        peak_macs: precision -> MACs a second that one thread reaches at best.
        caches: "l1", "l2", "l3" -> bytes of the data caches of one core.
        bandwidth: the same and "memory" -> bytes a second that one thread reads from there.
        channel_divisor: channel counts that are multiples of it leave no lane of its vector registers idle.
        flags: compiler flags for speed on it, beside those of its target.
        source: where the figures are from.
    """

    name: str
    description: str
    target: Target = field(default_factory=lambda: load_target(NATIVE))
    ram: int | None = None
    flash: int | None = None
    ram_reserve: int = 0
    flash_reserve: int = 0
    stack: int = 1024
    code: Code = Code(32_000, 250)
    clock_mhz: float | None = None
    precision: Precision = "float32"
    cycles: Mapping[Precision, Mapping[str, Rate]] = field(default_factory=dict)
    cycles_per_layer: Rate | None = None
    peak_macs: Mapping[Precision, float] = field(default_factory=dict)
    caches: Mapping[str, int] = field(default_factory=dict)
    bandwidth: Mapping[str, float] = field(default_factory=dict)
    channel_divisor: int = 8
    flags: tuple[str, ...] = field(default_factory=tuple)
    source: str = ""

    @property
    def isa(self) -> tuple[str, ...]:
        """The instruction sets of its target; empty: those of this machine, which have not been asked for."""
        return self.target.sets

    def with_isa(self, sets: tuple[str, ...]) -> "Device":
        """The device, whose target has these instruction sets."""
        return replace(self, target=replace(self.target, sets=sets))

    def for_target(self, name: str | None) -> "Device":
        """The device with a target of one's own choice; None: its own.

        Raises:
            UserError: an unknown target, or another one than the device has, unless the device is this machine.
        """
        if name is None or name == self.target.name:
            return self
        target = load_target(name)
        if self.target.name != NATIVE:
            raise UserError(
                f"--target {name} contradicts the device {self.name}, whose target is {self.target.name}: "
                "leave one of the two out"
            )
        return replace(self, target=target)


@dataclass(frozen=True)
class Budget:
    """Limits of one's own, beside the device's; None: no limit.

    Attributes:
        ram: bytes for the network (arena, input, output and stack). flash: bytes for the whole firmware.
        latency: seconds for one image. macs, parameters: counts.
    """

    ram: int | None = None
    flash: int | None = None
    latency: float | None = None
    macs: int | None = None
    parameters: int | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not 0 < value < float("inf"):
                raise UserError(f"--{name} {value:g} is out of range: give a limit above 0, or leave --{name} out")

    @classmethod
    def parse(cls, **texts: str | None) -> "Budget":
        """From the texts of options, e.g. ram="128K", latency="20ms", macs="5M"; None: no limit.

        Raises:
            UserError: a text that is no size, time or count, or is not above 0; an unknown name.
        """
        values: dict[str, Any] = {}
        for name, text in texts.items():
            parse = RESOURCES[choose("limit", name, RESOURCES)].parse
            values[name] = None if text is None else parse(f"--{name}", text)
        return cls(**values)


def limits_of(device: Device, budget: Budget) -> dict[str, tuple[float, str]]:
    """Limit and who set it, by figure; figures without a limit are left out.

    A RAM limit of one's own is for the network alone; the device's is what its reserve leaves. Flash is for the whole
    firmware: there the reserve counts as a part.

    Raises:
        UserError: a budget above what the device has.
    """
    limits: dict[str, tuple[float, str]] = {}
    if device.ram is not None:
        limits["ram"] = device.ram - device.ram_reserve, device.name
    if device.flash is not None:
        limits["flash"] = device.flash, device.name
    for limit in fields(budget):
        value, own = getattr(budget, limit.name), getattr(device, limit.name, None)
        if value is None:
            continue
        if own is not None and value > own:
            raise UserError(
                f"--{limit.name} {format_bytes(value)} is more than {device.name} has ({format_bytes(own)}): "
                "lower it, or describe your device in a .toml file"
            )
        limits[limit.name] = value, f"--{limit.name}"
    return limits


@dataclass(frozen=True)
class Resource:
    """Something that a network takes and a budget limits: how it is called, written and read."""

    label: str
    write: Callable[[Any], str]
    parse: Callable[[str, str], float]


RESOURCES: Mapping[str, Resource] = {
    "ram": Resource("RAM", format_bytes, parse_size),
    "flash": Resource("flash", format_bytes, parse_size),
    "latency": Resource("latency", format_time, parse_time),
    "macs": Resource("MACs", format_count, parse_count),
    "parameters": Resource("parameters", format_count, parse_count),
}
"""By the name that Budget, options and figures have for it."""


def device_names() -> list[str]:
    """The devices that ship with this package."""
    return sorted(path.stem for path in (Path(__file__).parent / "devices").glob("*.toml"))


def load_device(name: str, *, measured: bool = True) -> Device:
    """A device by name (case, "-" and "_" do not matter), or by the path of a TOML file.

    Args:
        name: "host" is this machine.
        measured: whether the host comes with what `depthwise devices measure host` has found on this machine, if it
            has been called; a file of it that is damaged counts for nothing.

    Raises:
        UserError: an unknown name (lists the known), or a file that cannot be read as a device.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"device file '{name}' does not exist")
        return _read(path)
    spelt = name if name in device_names() else name.lower().replace("_", "-")
    spelt = choose("device", spelt, device_names())
    if spelt == HOST and measured:
        with suppress(UserError, OSError, RuntimeError):  # the last: there is no home directory
            return replace(_read(host_file()), name=HOST)
    return _read(Path(__file__).parent / "devices" / f"{spelt}.toml")


def _read(path: Path) -> Device:
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
    readers = {name: reader for names, reader in _READERS.items() for name in names}
    values: dict[str, Any] = {}
    for key, value in fields.items():
        values[key] = readers[key](f"device file '{path}': {key}", value)
    for key in ("ram", "flash"):
        if values.get(f"{key}_reserve", 0) >= (values.get(key) or float("inf")):
            raise UserError(f"device file '{path}': {key}_reserve leaves nothing of {key}")
    return Device(name=path.stem, **values)


def _text(what: str, value: object) -> str:
    if not isinstance(value, str):
        raise UserError(f"{what} is {value!r}: write a text")
    return value


def _texts(what: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise UserError(f'{what} is {value!r}: write a list of texts, e.g. ["c"]')
    return tuple(value)


def _number(what: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
        raise UserError(f"{what} is {value!r}: write a number above 0")
    return value


def _bytes(what: str, value: object) -> int:
    size = parse_size(what, value) if isinstance(value, str) else value
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise UserError(f'{what} is {value!r}: write bytes, or a size like "256K"')
    return size


def _whole(what: str, value: object) -> int:
    if (number := _number(what, value)) != int(number):
        raise UserError(f"{what} is {value!r}: write a whole number")
    return int(number)


def _precision(what: str, value: object) -> str:
    return choose(what, _text(what, value), PRECISIONS)


def _table(what: str, value: object, keys: tuple[str, ...] = ()) -> dict[str, Any]:
    if not isinstance(value, dict) or (keys and set(value) != set(keys)):
        raise UserError(f"{what} is {value!r}: write a table" + (f" of {' and '.join(keys)}" if keys else ""))
    return value


def _code(what: str, value: object) -> Code:
    return Code(
        **{key: _bytes(f"{what}.{key}", size) for key, size in _table(what, value, ("base", "function")).items()}
    )


def _rate(what: str, value: object) -> Rate:
    fields = _table(what, value, ("cycles", "source"))
    return Rate(_number(f"{what}.cycles", fields["cycles"]), _text(f"{what}.source", fields["source"]))


def _cycles(what: str, value: object) -> dict[str, dict[str, Rate]]:
    return {
        _precision(f"precision of {what}", precision): {
            operator: _rate(f"{what}.{precision}.{operator}", rate)
            for operator, rate in _table(f"{what}.{precision}", rates).items()
        }
        for precision, rates in _table(what, value).items()
    }


def _figures(keys: tuple[str, ...], read: Callable[[str, object], Any]) -> Callable[[str, object], dict[str, Any]]:
    """Reads a table whose keys are some of `keys`."""

    def reader(what: str, value: object) -> dict[str, Any]:
        table = _table(what, value).items()
        return {choose(f"field of {what}", key, keys): read(f"{what}.{key}", figure) for key, figure in table}

    return reader


_READERS: Mapping[tuple[str, ...], Callable[[str, object], Any]] = {
    ("description", "source"): _text,
    ("target",): lambda what, value: load_target(_text(what, value)),
    ("flags",): _texts,
    ("ram", "flash", "ram_reserve", "flash_reserve", "stack"): _bytes,
    ("clock_mhz",): _number,
    ("channel_divisor",): _whole,
    ("precision",): _precision,
    ("code",): _code,
    ("cycles",): _cycles,
    ("cycles_per_layer",): _rate,
    ("peak_macs",): _figures(PRECISIONS, _number),
    ("caches",): _figures(CACHES, _bytes),
    ("bandwidth",): _figures((*CACHES, "memory"), _number),
}
"""How the fields of a device file are read."""
