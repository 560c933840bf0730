"""Units as people write them."""

import pytest

from depthwise.errors import UserError
from depthwise.units import format_bytes, format_count, parse_count, parse_numbers, parse_size, parse_time


@pytest.mark.parametrize(
    "text", ["256k", "256K", "256KB", "256kb", "256KiB", " 256 KiB ", "262144", "262144B", "0.25M"]
)
def test_all_kilobytes_are_1024_bytes(text: str) -> None:
    assert parse_size("--ram", text) == 256 * 1024


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("3min", 180), ("3m", 180), ("90", 90), ("90s", 90), ("12ms", 0.012), ("1.5h", 5400), (".5s", 0.5)],
)
def test_times(text: str, seconds: float) -> None:
    assert parse_time("--train-time", text) == pytest.approx(seconds)


def test_counts_are_powers_of_1000() -> None:
    assert parse_count("--macs", "5M") == 5_000_000


@pytest.mark.parametrize("text", ["", "three minutes", "3mn", "3 min 2 s", "-3s", "1e3x", "min", "1.2.3s"])
def test_what_does_not_parse_names_option_and_example(text: str) -> None:
    with pytest.raises(UserError, match=r"--train-time.*write it like 3min"):
        parse_time("--train-time", text)


def test_formatting() -> None:
    assert [format_bytes(n) for n in (0, 1023, 1024, 38_093, 1_440_000)] == [
        "0 B", "1023 B", "1.0 KiB", "37.2 KiB", "1.37 MiB",
    ]  # fmt: skip
    assert [format_count(n) for n in (830, 38_400, 3_504_872, 1_814_000_000)] == ["830", "38.4 k", "3.5 M", "1.81 G"]


def test_numbers() -> None:
    assert parse_numbers("--mean", "0.5, 1,-2") == (0.5, 1.0, -2.0)
    with pytest.raises(UserError, match=r"--mean '0\.5;1' is not a list of numbers: write it like 0\.485"):
        parse_numbers("--mean", "0.5;1")
