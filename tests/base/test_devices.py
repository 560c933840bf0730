"""Devices as data: every figure has a source, both spellings resolve, a bad file is one line."""

from pathlib import Path

import pytest

from depthwise.device import Budget, Device, device_names, format_bytes, format_time, load_device
from depthwise.errors import UserError

OPERATORS = {"Convolution", "Depthwise", "Pointwise", "FullyConnected"}
CHIPS = sorted(set(device_names()) - {"host", "cortex-m4"})


def test_the_devices_are_there() -> None:
    assert len(CHIPS) >= 8


@pytest.mark.parametrize("name", CHIPS)
def test_a_chip_is_complete_and_says_where_its_figures_are_from(name: str) -> None:
    device = load_device(name)
    assert device.isa and device.target and device.ram and device.clock_mhz
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
        ('isa = "c"', "isa is 'c': write a list"),
        ('precision = "int4"', "'int4'.*Did you mean 'int8'"),
        ("channel_divisor = 1.5", "write a whole number"),
        ("description = 3", "description is 3: write a text"),
        ("code = { base = 3 }", "write a table of base and function"),
        ("cycles = 3", "cycles is 3: write a table"),
        ("[cycles.int8]\nPointwise = 3", "cycles.int8.Pointwise is 3: write a table of cycles and source"),
        ('[cycles.int8]\nPointwise = { cycles = 0, source = "x" }', "Pointwise.cycles is 0"),
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
