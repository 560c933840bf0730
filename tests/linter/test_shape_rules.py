"""Cases of the rules about shapes beside their examples."""

import pytest

from depthwise import linter
from depthwise.findings import Finding
from depthwise.graph import LayerList
from depthwise.linter import Settings, Source
from depthwise.linter.examples import Draw, classifier, filtered, separable, sketch


def found(code: str, draw: Draw, resolution: int = 32) -> list[Finding]:
    return linter.look(Source(sketch(draw, resolution=resolution)), settings=Settings((code,))).findings


@pytest.mark.parametrize(
    ("made", "stride", "severity"), [(100, 1, "warning"), (96, 1, "info"), (88, 1, None), (100, 2, "info")]
)
def test_residuals_that_are_lost(made: int, stride: int, severity: str | None) -> None:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 100, 3, 2)
        x = filtered(layers, "expansion", x, 200)
        x = layers.activation("function", layers.depthwise("depthwise", x, 3, stride), "relu6")
        classifier(layers, layers.conv("projection", x, made))

    assert [(one.severity, one.layers) for one in found("DW015", draw)] == [(severity, ["projection"])] * bool(severity)


def test_a_block_that_never_had_a_residual() -> None:
    """What ends in a function is no linear bottleneck: MobileNetV1's blocks of equal channels."""

    def draw(layers: LayerList) -> None:
        classifier(layers, separable(layers, "block", filtered(layers, "stem", "input", 16, 3, 2), 16))

    assert found("DW015", draw) == []


@pytest.mark.parametrize(
    ("resolution", "kernel", "severity", "share"),
    [(1, 3, "warning", 89), (2, 3, "info", 56), (3, 3, None, 0), (3, 5, "info", 64), (5, 5, None, 0)],
)
def test_filters_on_small_maps(resolution: int, kernel: int, severity: str | None, share: int) -> None:
    """By hand: of 3 taps on 2 px each way 4 of 6 meet pixels, so 1 - (4 / 6)^2 = 56 % meet padding."""

    def draw(layers: LayerList) -> None:
        classifier(layers, separable(layers, "block", "input", 16, kernel=kernel))

    findings = found("DW013", draw, resolution)
    assert [one.severity for one in findings] == [severity] * bool(severity)
    assert all(f"{share} % of its multiplications" in one.reason for one in findings)
