"""Cases of the rules about shapes beside their examples."""

import pytest

from depthwise import linter
from depthwise.findings import Finding
from depthwise.graph import LayerList
from depthwise.linter import Settings, Source
from depthwise.linter.examples import Draw, classifier, filtered, parse, separable, sketch


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


def test_half_of_an_odd_side_is_half() -> None:
    def draw(layers: LayerList) -> None:
        classifier(layers, separable(layers, "block", filtered(layers, "stem", "input", 8, 3, 2), 16, 2))

    assert found("DW014", draw, 97) == []


@pytest.mark.parametrize(
    ("groups", "outputs", "severity", "why"),
    [
        (2, 64, "warning", "which saves"),  # 64 x (9 + 64) of 32 x 9 x 64: a quarter
        (32, 64, "info", "32 groups save more"),
        (1, 1, "info", "its outputs are too few"),
    ],
)
def test_where_a_separable_convolution_pays(groups: int, outputs: int, severity: str, why: str) -> None:
    network = parse(
        f"""<ir_version: 8, opset_import: ["": 18]> network (float[1, 64, 8, 8] x) => (float[1, {outputs}, 8, 8] y) {{
            [conv] y = Conv <pads = [1, 1, 1, 1], group = {groups}> (x, w)
        }}""",
        {"w": (outputs, 64 // groups, 3, 3)},
    )
    (finding,) = linter.look(Source(network), settings=Settings(("DW008",))).findings
    assert finding.severity == severity
    assert why in finding.reason


def test_a_head_is_what_stands_behind_a_pooling() -> None:
    """Neither filters on a map that strides have shrunk to one pixel, nor a network of vectors."""

    def shrunk(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 64, 3, 4)
        classifier(layers, filtered(layers, "wide", separable(layers, "block", x, 256), 256))

    assert found("DW004", shrunk, 4) == []
    vectors = parse(
        """<ir_version: 8, opset_import: ["": 18]> network (float[N, 200] x) => (float[N, 200] y) {
            y = Gemm <transB = 1> (x, w)
        }""",
        {"w": (200, 200)},
    )
    assert linter.look(Source(vectors), settings=Settings(("DW004",))).findings == []


def test_a_pointwise_layer_that_ends_a_block_is_no_expansion() -> None:
    """MobileNetV1's blocks widen from one to the next; DW020 is about bottlenecks."""

    def draw(layers: LayerList) -> None:
        x = separable(layers, "first", filtered(layers, "stem", "input", 16, 3, 2), 32)
        classifier(layers, separable(layers, "second", x, 64, 2))

    assert found("DW020", draw) == []
