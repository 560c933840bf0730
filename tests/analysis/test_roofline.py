"""The roofline, exactly: on a device of round figures, for work by hand and for the calls of a planned network."""

import math
from dataclasses import replace

import pytest

from depthwise import planning
from depthwise.analysis.roofline import Roof, Traffic, level_of, roof, roofs
from depthwise.device import Device
from depthwise.errors import UserError
from depthwise.graph import LayerList, build, normalize
from depthwise.planning import Choice
from networks import by_hand

DEVICE = Device(
    "round",
    "",
    clock_mhz=1000,
    peak_macs={"float32": 1e9},
    caches={"l1": 1000, "l2": 10_000},
    bandwidth={"l1": 1e9, "l2": 5e8, "memory": 1e8},
)


def test_arithmetic_or_bytes_whichever_takes_longer() -> None:
    near = [Traffic(100, 1000), Traffic(400, 1000)]
    assert roof(2000, near, DEVICE) == Roof(2e-6, "compute", 2000, 500)
    assert roof(100, near, DEVICE) == Roof(5e-7, "l1", 100, 500)
    assert roof(2000, near, DEVICE).attainable == 1e9
    assert roof(2000, near, DEVICE).intensity == 4.0
    assert roof(100, near, DEVICE).attainable == pytest.approx(2e8)


def test_the_level_that_takes_longest_is_named() -> None:
    parts = [Traffic(500, 500), Traffic(300, 1001), Traffic(100, 10_001)]
    assert roof(0, parts, DEVICE) == Roof(pytest.approx(5e-7 + 6e-7 + 1e-6), "memory", 0, 900)
    assert roof(0, parts[:2], DEVICE).bound == "l2"
    assert math.isinf(roof(10, [], DEVICE).intensity)


def test_levels() -> None:
    assert [level_of(size, DEVICE) for size in (0, 1000, 1001, 10_000, 10_001)] == ["l1", "l1", "l2", "l2", "memory"]
    assert level_of(1, Device("bare", "", bandwidth={"memory": 1e8})) == "memory"
    assert level_of(1, Device("unread", "", caches={"l1": 10}, bandwidth={"memory": 1e8})) == "memory"


def test_a_device_that_was_not_measured_is_refused() -> None:
    with pytest.raises(UserError, match=r"bare has no peak_macs of float32: `depthwise devices measure`"):
        roof(1, [], Device("bare", ""))
    with pytest.raises(UserError, match=r"round has no peak_macs of int8"):
        roof(1, [], DEVICE, "int8")
    with pytest.raises(UserError, match=r"deaf has no bandwidth"):
        roof(1, [], Device("deaf", "", peak_macs={"float32": 1e9}))


def test_calls_of_a_network() -> None:
    """input 189 B of pixels -> stem 4 x 5 x 4 -> depthwise, pointwise, sum -> pool -> 3 classes."""
    program = planning.plan(normalize(by_hand()), ("c",), Choice("layer"))
    found = {call.name: roof for call, roof in zip(program.calls(), roofs(program, DEVICE), strict=True)}
    maps, vector = 4 * 80, 4 * 4
    assert {name: (roof.macs, roof.bytes) for name, roof in found.items()} == {
        "stem": (80 * 27, 189 + maps + 4 * (4 * 27 + 4)),
        "depthwise": (80 * 9, 2 * maps + 4 * (4 * 9 + 4)),
        "pointwise": (80 * 4, 2 * maps + 4 * (4 * 4 + 4)),
        "add": (0, 3 * maps),
        "pool": (0, maps + vector),
        "classifier": (12, vector + 12 + 4 * (12 + 3)),
    }
    assert found["stem"].bound == "compute"
    # Activations from the first cache, weights from the second, in which the whole network lies.
    assert found["depthwise"].seconds == pytest.approx(2 * maps / 1e9 + 160 / 5e8)
    assert found["classifier"].bound == "l2"


def test_a_window_of_a_stream_is_nearer_than_the_whole_map() -> None:
    layers = LayerList(channels=8, resolution=64)
    layers.conv("pointwise", layers.conv("depthwise", "input", 8, 3, groups=8), 8)
    normal = normalize(build(layers.layers))
    device = replace(DEVICE, caches={"l1": 32_000}, peak_macs={"float32": 1e15})
    whole, weights = 4 * 8 * 64 * 64, 4 * (8 * 8 + 8)
    seconds = {}
    for schedule in ("layer", "stream"):
        program = planning.plan(normal, ("c",), Choice(schedule, "ram"))  # type: ignore[arg-type]
        seconds[schedule] = roofs(program, device)[1].seconds
    assert seconds["layer"] == pytest.approx(2 * whole / 1e8 + weights / 1e8)
    assert seconds["stream"] == pytest.approx(whole / 1e9 + whole / 1e8 + weights / 1e9)
