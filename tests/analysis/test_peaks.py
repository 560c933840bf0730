"""Separable layers beside standard ones, and peaks of activations: the published figures, by hand and by formula."""

from fractions import Fraction

import pytest

from depthwise import graph
from depthwise.analysis import cost
from depthwise.cli import main
from depthwise.counts import Cost
from depthwise.design import architecture
from depthwise.errors import UserError
from depthwise.terminal import standard_lines
from networks import by_hand, family

# KiB in 8 bits: layer by layer, depthwise in place, block by block
PUBLISHED = {
    ("mobilenet_v2", 1.0, 224): (1470, 1372, 343),
    ("mobilenet_v2", 1.0, 128): (480, 448, 112),
    ("mobilenet_v2", 0.5, 224): (735, 686, 245),
    ("mobilenet_v2", 0.35, 224): (735, 686, 245),
    ("mobilenet_v2", 0.35, 144): (303.75, 283.5, 101.25),
    ("mobilenet_v2", 0.35, 96): (135, 126, 45),
    ("mobilenet_v1", 1.0, 224): (1176, 1176, 1176),
    ("mobilenet_v1", 0.5, 160): (300, 300, 300),
    ("mobilenet_v1", 0.25, 224): (294, 294, 343),
    ("mobilenet_v1", 0.25, 96): (54, 54, 63),
}


def of(model: str, width: float, resolution: int) -> graph.Graph:
    return graph.build(architecture(model, width, resolution).layers())


@pytest.mark.parametrize(("model", "width", "resolution"), PUBLISHED)
def test_peaks_are_the_published_ones(model: str, width: float, resolution: int) -> None:
    found = cost(of(model, width, resolution), "int8", memory=True).peaks
    assert list(found) == ["layer by layer", "in place", "block by block", "streamed"]
    assert tuple(found.values())[:3] == tuple(1024 * kib for kib in PUBLISHED[model, width, resolution])
    assert found["streamed"] <= 1.02 * found["block by block"]


def test_floats_take_four_times_the_bytes_but_for_the_image_and_logits() -> None:
    floats, bytes_ = (cost(of("mobilenet_v2", 1.0, 128), precision, memory=True) for precision in ("float32", "int8"))
    assert floats.peaks["layer by layer"] == 4 * bytes_.peaks["layer by layer"]
    assert (floats.macs, floats.parameters) == (bytes_.macs, bytes_.parameters)
    assert cost(of("mobilenet_v2", 1.0, 128)).peaks == {}
    with pytest.raises(UserError, match="in int8 already"):
        cost(graph.assumed_int8(family("mobilenet_v1", 0.25, 32)), "float32")


def test_a_map_that_is_read_later_is_not_written_over() -> None:
    found = cost(by_hand(), memory=True).peaks
    assert found["in place"] <= found["layer by layer"]


@pytest.mark.parametrize("model", ["mobilenet_v1", "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small"])
def test_the_saving_is_that_of_the_formula(model: str) -> None:
    pairs = cost(of(model, 1.0, 96)).separable
    assert len(pairs) == sum(layer.operator == "Depthwise" for layer in architecture(model, 1.0, 96).layers())
    for pair in pairs:
        taps = pair.kernel[0] * pair.kernel[1]
        share = Fraction(1, pair.outputs) + Fraction(1, taps)
        assert Fraction(pair.macs, pair.standard_macs) == share
        assert Fraction(pair.weights, pair.standard_weights) == share


def test_the_command_shows_both(capsys: pytest.CaptureFixture[str]) -> None:
    main(["cost", "mobilenet_v1", "--standard"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[2].split()[-5:] == ["29,302,784", "231,211,008", "7.89", "2,336", "18,432"]
    main(["cost", "mobilenet_v2", "--precision", "int8"])
    text = capsys.readouterr().out
    assert "layer by layer 1.44 MiB, in place 1.34 MiB, block by block 343.0 KiB, streamed" in text
    assert "17 separable layers, 139 M MACs; standard convolutions in their place take 7.7 times" in text
    assert "Not counted: biases" in text
    assert standard_lines(Cost(parameters=0, macs=0, layers=[])) == [
        "no depthwise convolution with a pointwise one behind it"
    ]
