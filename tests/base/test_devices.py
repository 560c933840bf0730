"""Devices as data: every figure has a source, both spellings resolve, a bad file is one line."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from depthwise.device import Budget, Device, device_names, load_device
from depthwise.errors import UserError
from depthwise.machine import host_file
from depthwise.units import format_bytes, format_time

OPERATORS = {"Convolution", "Depthwise", "Pointwise", "FullyConnected"}
CHIPS = sorted(set(device_names()) - {"host", "cortex-m4"})


def test_the_devices_are_there() -> None:
    assert len(CHIPS) >= 8


@pytest.mark.parametrize("name", CHIPS)
def test_a_chip_is_complete_and_says_where_its_figures_are_from(name: str) -> None:
    device = load_device(name)
    assert device.isa and device.target.triple and device.ram and device.clock_mhz
    assert 0 < device.ram_reserve < device.ram
    assert device.channel_divisor in (4, 8, 16)
    assert len(device.source) > 20
    for rates in device.cycles.values():
        assert set(rates) == OPERATORS
        for rate in rates.values():
            assert 0.05 < rate.cycles < 300
            assert len(rate.source) > 20
    assert device.precision in device.cycles


def test_case_hyphens_and_underscores_do_not_matter() -> None:
    for name in device_names():
        for spelling in (name, name.upper(), name.replace("-", "_")):
            assert load_device(spelling) == load_device(name)


def test_a_device_of_ones_own_may_have_every_field(tmp_path: Path) -> None:
    path = tmp_path / "my_board.toml"
    path.write_text(
        """description = "mine"
ram = "64K"
ram_reserve = 1024
flash = 524288
stack = "1K"
clock_mhz = 80.5
precision = "int8"
channel_divisor = 4
code = { base = 3000, function = 120 }
[cycles.int8]
Pointwise = { cycles = 2, source = "my stopwatch" }
"""
    )
    device = load_device(str(path))
    assert (device.name, device.ram, device.ram_reserve, device.stack) == ("my_board", 65536, 1024, 1024)
    assert device.cycles["int8"]["Pointwise"].cycles == 2
    path.write_text('description = "mended"')
    assert load_device(str(path)).description == "mended"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("clock_mhz = 0", "clock_mhz is 0: write a number above 0"),
        ('clock_mhz = "fast"', "clock_mhz is 'fast'"),
        ("ram = -1", "ram is -1: write bytes"),
        ("ram = true", "ram is True"),
        ('ram = "8K"\nram_reserve = "8K"', "ram_reserve leaves nothing of ram"),
        ('flags = "-O2"', "flags is '-O2': write a list"),
        ('target = "x86"', "unknown target 'x86'.*Known: aarch64, "),
        ('precision = "int4"', "'int4'.*Did you mean 'int8'"),
        ("channel_divisor = 1.5", "write a whole number"),
        ("description = 3", "description is 3: write a text"),
        ("code = { base = 3 }", "write a table of base and function"),
        ("cycles = 3", "cycles is 3: write a table"),
        ("[cycles.int8]\nPointwise = 3", "cycles.int8.Pointwise is 3: write a table of cycles and source"),
        ('[cycles.int8]\nPointwise = { cycles = 0, source = "x" }', "Pointwise.cycles is 0"),
        ("cycles_per_layer = 3", "cycles_per_layer is 3: write a table of cycles and source"),
        ("[peak_macs]\nfloat16 = 1", "unknown field of .*peak_macs 'float16'"),
        ("[peak_macs]\nfloat32 = -1", "peak_macs.float32 is -1: write a number above 0"),
        ('[caches]\nl4 = "1M"', "unknown field of .*caches 'l4'"),
        ("[caches]\nl1 = 0.5", "caches.l1 is 0.5: write bytes"),
        ("bandwidth = 3", "bandwidth is 3: write a table"),
        ("[bandwidth]\nmemory = 0", "bandwidth.memory is 0: write a number above 0"),
    ],
)
def test_a_bad_field_is_named(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    text = line if line.startswith("description") else f'description = "x"\n{line}'
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        load_device(str(path))


def test_budgets_have_units() -> None:
    budget = Budget.parse(ram="128K", flash="0.5M", latency="20ms", macs="5M", parameters=None)
    assert budget == Budget(128 * 1024, 512 * 1024, 0.02, 5_000_000, None)


@pytest.mark.parametrize("text", ["0", "0K", "0.0001", "-1K", "", "lots"])
def test_a_budget_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--ram") as error:
        Budget.parse(ram=text)
    assert error.value.exit_code == 2


def test_a_budget_that_is_misspelt() -> None:
    with pytest.raises(UserError, match=r"unknown limit 'rom'.*Did you mean 'ram'"):
        Budget.parse(rom="3K")
    with pytest.raises(UserError, match="out of range"):
        Budget(latency=float("nan"))


def test_formatting() -> None:
    assert [format_time(t) for t in (0.00085, 0.0341, 1.52)] == ["850 us", "34.1 ms", "1.52 s"]
    assert format_bytes(4 * 1024**3) == "4.00 GiB"
    assert Device("x", "y").precision == "float32"


def test_the_documents_example_is_a_device(tmp_path: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "devices.md").read_text(encoding="utf-8")
    path = tmp_path / "board.toml"
    path.write_text(text.split("```toml\n")[1].split("```")[0])
    device = load_device(str(path))
    fields = set(Device.__dataclass_fields__)
    assert {name for name in fields if getattr(device, name) == getattr(Device("board", ""), name)} == {"name"}


MEASURED = 'description = "measured"\nclock_mhz = 1234\n[cycles.float32]\nPointwise = { cycles = 1, source = "here" }\n'


@pytest.fixture
def measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The device file of this machine, in a cache of its own."""
    monkeypatch.setenv("DEPTHWISE_CACHE", str(tmp_path / "cache"))
    path = host_file()
    path.write_text(MEASURED)
    return path


def test_the_host_is_as_it_was_measured(measured: Path) -> None:
    device = load_device("host")
    assert (device.name, device.clock_mhz, device.description) == ("host", 1234, "measured")
    assert load_device("HOST") == device
    assert load_device("host", measured=False).clock_mhz is None
    measured.unlink()
    assert load_device("host") == load_device("host", measured=False)


def test_figures_of_another_machine_do_not_count(measured: Path, tmp_path: Path, monkeypatch) -> None:
    """One home directory for several machines: each finds its own file, or none."""
    assert load_device("host").clock_mhz == 1234
    changes = [
        (platform, "node", lambda: "another-machine"),
        (platform, "machine", lambda: "riscv64"),
        (os, "cpu_count", lambda: 77),
    ]
    for place, name, value in changes:
        with monkeypatch.context() as patch:
            patch.setattr(place, name, value)
            assert load_device("host").clock_mhz is None, name
    compiler = tmp_path / "gcc"
    compiler.write_text("#!/bin/sh\n")
    compiler.chmod(0o755)
    for variable, value in (("CC", "clang"), ("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")):
        with monkeypatch.context() as patch:
            patch.setenv(variable, value)
            assert load_device("host").clock_mhz is None, variable
    assert load_device("host").clock_mhz == 1234


def test_another_processor_is_another_machine(measured: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("depthwise.machine._processor", lambda: {"model name": "another", "flags": "fpu"})
    assert load_device("host").clock_mhz is None


@pytest.mark.parametrize("content", [b"", b"clock_mhz = ", b"\xff\xfe", b'description = "x"\nclock_mhz = "fast"', None])
def test_a_damaged_measurement_is_as_if_there_were_none(measured: Path, content: bytes | None) -> None:
    if content is None:
        measured.unlink()
        measured.mkdir()
    else:
        measured.write_bytes(content)
    assert load_device("host") == load_device("host", measured=False)


def test_no_cache_folder_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DEPTHWISE_CACHE", str(tmp_path / "file"))
    assert load_device("host") == load_device("host", measured=False)


def test_loading_the_host_is_light(measured: Path) -> None:
    code = """
import sys
from depthwise.device import load_device
assert load_device("host").clock_mhz == 1234
print(*[name for name in ("numpy", "pydantic", "onnx_ir", "depthwise.compiler", "subprocess") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
