"""What ships, by what 8 bits cost and win; what cannot be had; and a second opinion that fails."""

from pathlib import Path

import numpy as np
import pytest

from depthwise.config import Config
from depthwise.device import load_device
from depthwise.errors import UserError
from depthwise.results import Interval, Ladder
from depthwise.selection.task import expected_precision
from depthwise.shipping import decide
from depthwise.verification import second_opinion


def ladder(correct: int, max_drop: float = 1.0) -> Ladder:
    reference, accuracy = (Interval.of(number, 1000) for number in (900, correct))
    return Ladder(reference=reference, accuracy=accuracy, rungs=[], max_drop=max_drop, noise=[], calibration=256)


@pytest.mark.parametrize(
    ("asked", "correct", "times", "ships", "words"),
    [
        ("auto", 895, {"float32": 2e-3, "int8": 1e-3}, "int8", "0.5 points"),
        ("auto", 895, {"float32": 1e-3, "int8": 1e-3}, "int8", "1 ms"),
        ("auto", 895, {"float32": 1e-3, "int8": 2e-3}, "float32", "it takes 2 ms on host, float32 1 ms"),
        ("auto", 895, {}, "int8", "its time on host cannot be told"),
        ("auto", 889, {}, "float32", "1.1 points of accuracy on 1,000 validation images, only 1 may be lost"),
        ("int8", 889, {"float32": 1e-3, "int8": 2e-3}, "int8", "only 1 may be lost"),
        ("int8", 905, {}, "int8", "int8 wins 0.5 points"),
    ],
)
def test_what_ships(asked: str, correct: int, times: dict, ships: str, words: str) -> None:
    config = Config.of(data="photos", precision=asked)
    precision, shipping = decide(config, ladder(correct), "host", times, "measured")
    assert precision == ships
    assert words in shipping.reason
    assert shipping.missed == (asked == "int8" and correct == 889)


def test_candidates_are_weighed_in_what_will_ship() -> None:
    board, host = load_device("nrf52840"), load_device("host", measured=False)
    auto = Config.of(data="photos")
    assert expected_precision(auto, board) == "int8"
    assert expected_precision(auto, host.with_isa(("avx2",))) == "float32"
    assert expected_precision(auto, host.with_isa(("avx512vnni",))) == "int8"
    assert expected_precision(Config.of(data="photos", precision="float32"), board) == "float32"


def test_a_drop_without_8_bits_is_refused() -> None:
    with pytest.raises(UserError, match="max drop 2 is what 8 bits may cost, and float32 is asked for"):
        Config.of(data="photos", precision="float32", max_drop=2.0)
    with pytest.raises(UserError, match="max drop -1"):
        Config.of(data="photos", max_drop=-1.0)


def test_a_second_opinion_that_cannot_be_had_is_said(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "model.int8.onnx").write_bytes(b"no network")
    assert second_opinion(tmp_path / "model.int8.onnx", np.zeros((1, 3, 8, 8), np.float32), said.append) is None
    assert len(said) == 1
    assert "model.int8.onnx" in said[0]
