"""What rules say of weights and spellings, by hand."""

import numpy as np
import pytest

from depthwise import graph, linter
from depthwise.findings import Finding
from depthwise.graph import Graph, LayerList
from depthwise.graph.quantizing import WeightScales, quantize_graph, separate_functions
from depthwise.linter import RULES, Settings, Source
from depthwise.linter.examples import bottleneck, classifier, filtered, parse, separable, sketch
from depthwise.linter.ranges import ranges_of
from depthwise.ops._quantized import Quantization
from depthwise.ops.base import parameters_of


def found(code: str, network: Graph, file: bool = False) -> list[Finding]:
    return linter.look(Source(network, file=file), settings=Settings(select=(code,))).findings


def quantized(network: Graph, per_tensor: bool, wide: float = 1.0) -> Graph:
    """A file of 8 bits; what the first block gives spans `wide`, all else 1."""
    normal = separate_functions(graph.normalize(network))
    names = [str(value.name) for value in (*normal.graph.inputs, *(node.outputs[0] for node in normal.graph))]
    encodings = {name: Quantization((wide if name == "first.pointwise" else 1.0) / 256, 128) for name in names}
    weights = {}
    for node in filter(parameters_of, normal.graph):
        largest = ranges_of(node).astype(np.float32)
        scales = np.full_like(largest, largest.max()) if per_tensor else largest
        weights[str(node.name)] = WeightScales(np.maximum(scales / np.float32(127), np.float32(1e-9)))
    return graph.to_qdq(quantize_graph(normal, encodings, weights))


def test_what_dead_channels_cost() -> None:
    """4 of 48 channels of 16 x 16 pixels: 8 inputs, 9 taps and 16 outputs each; stem, block and classifier have 460,960
    MACs."""
    (finding,) = found("DW018", RULES["DW018"].bad().source)  # type: ignore[arg-type]
    assert 256 * 4 * (8 + 9 + 16) == 33_792
    assert "8 of 96 filters" in finding.reason
    assert "33.8 k (7.3 %) fewer MACs and 132 fewer weights" in finding.reason
    assert finding.severity == "warning"


def test_one_scale_in_a_file_is_a_warning() -> None:
    network = RULES["DW011"].bad().source
    assert isinstance(network, Graph)
    (finding,) = found("DW011", quantized(network, per_tensor=True))
    assert (finding.layers, finding.severity) == (["block.depthwise"], "warning")
    assert "12 of 16 channels have fewer than 4 of 127 steps" in finding.reason
    assert found("DW011", quantized(network, per_tensor=False)) == []


def test_a_tensor_of_a_file_that_is_huge_beside_the_rest() -> None:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 8, 3, 2)
        x = separable(layers, "first", x, 8)
        classifier(layers, separable(layers, "second", x, 8))

    network = sketch(draw, weights=True)
    (finding,) = found("DW019", quantized(network, False, 8.0))
    assert finding.layers == ["first.pointwise.clip"]
    assert "spans 8 in 8 bits, 8 times the network's median tensor (1)" in finding.reason
    assert found("DW019", quantized(network, False, 7.0)) == []


def test_odd_sides_are_padded_alike_by_both_conventions() -> None:
    """34 > 17 pixels takes one more below, 17 > 9 the same on both sides: both as TensorFlow pads."""

    def draw(layers: LayerList) -> None:
        x = filtered(layers, "even", "input", 8, 3, 2)
        classifier(layers, filtered(layers, "odd", x, 8, 3, 2))

    assert found("DW016", sketch(draw, resolution=34, padding="same")) == []


@pytest.mark.parametrize("unit", [1.0, 255.0])
def test_the_arithmetic_on_an_image_is_told_as_options(unit: float) -> None:
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    network = parse(
        """<ir_version: 8, opset_import: ["": 18]> network (float[N, 3, 8, 8] x) => (float[N, 4, 8, 8] y) {
            centred = Sub (x, mean) scaled = Div (centred, std) y = Conv <pads = [1, 1, 1, 1]> (scaled, w)
        }""",
        {
            "mean": (unit * mean).astype(np.float32).reshape(1, 3, 1, 1),
            "std": (unit * std).astype(np.float32).reshape(1, 3, 1, 1),
            "w": (4, 3, 3, 3),
        },
    )
    (finding,) = found("DW017", network)
    assert finding.fix.endswith("compile with --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (
            "[one] a = Conv (x, w) [sum] b = Add (a, x) [bn] c = BatchNormalization (b, s, t, m, v) y = Relu (c)",
            "Add 'sum' before it has no weights, and Relu 'relu_3' behind it has no weights",
        ),
        (
            "[one] a = Conv (x, w) [bn] c = BatchNormalization (a, s, t, m, v) [two] d = Relu (a) y = Add (c, d)",
            "'one' before it is read by others, too, and Add 'add_3' behind it has no weights",
        ),
        (
            "a = Relu (x) [bn] b = BatchNormalization (a, s, t, m, v) [two] y = Conv <pads = [0, 0, 1, 1]> (b, w)",
            "Relu 'relu_0' before it has no weights, and 'two' behind it is padded",
        ),
    ],
)
def test_why_a_batchnorm_stays(body: str, reason: str) -> None:
    vectors = dict.fromkeys("stmv", (4,))
    network = parse(
        f'<ir_version: 8, opset_import: ["": 18]> n (float[N, 4, 8, 8] x) => (float[N, 4, A, B] y) {{{body}}}',
        {"w": (4, 4, 1, 1), **vectors},
    )
    (finding,) = found("DW007", network)
    assert finding.layers == ["bn"]
    assert finding.reason.startswith(reason)
    assert "256 MACs, 2.0 KiB moved" in finding.reason


def test_files_that_cannot_be_compiled_are_looked_at_as_written() -> None:
    """An operator of nobody's, of unknown shape, stands between what three rules find."""
    network = parse(
        """<ir_version: 8, opset_import: ["": 18, "nobody": 1]> n (float[N, 4, 8, 8] x) => (float[N, A, B, C] y) {
            [conv] a = Conv (x, w) [bn] b = BatchNormalization (a, s, t, m, v) [relu] c = Relu (b)
            [min] d = Min (c, six) [there] e = Transpose <perm = [0, 2, 3, 1]> (d) [abs] f = Abs (e)
            [back] g = Transpose <perm = [0, 3, 1, 2]> (f) h = nobody.Strange (g) [last] y = Relu (h)
        }""",
        {"w": (4, 4, 1, 1), "six": np.array(6, np.float32), **dict.fromkeys("stmv", (4,))},
    )
    for code, layers in {"DW006": ["bn"], "DW021": ["there", "back"], "DW022": ["relu", "min"]}.items():
        (finding,) = found(code, network, file=True)
        assert finding.layers == layers
        assert finding.fixable


def test_channels_of_a_residual_have_to_stay() -> None:
    def draw(layers: LayerList) -> None:
        x = bottleneck(layers, "first", filtered(layers, "stem", "input", 16, 3, 2), 16)
        classifier(layers, bottleneck(layers, "second", x, 16))

    def change(weights: dict[str, np.ndarray]) -> None:
        weights["first.projection.weight"][:8] = 0

    (finding,) = found("DW018", sketch(draw, change=change))
    assert (finding.layers, finding.severity) == (["first.projection"], "info")
    assert "has 0 (0.0 %) fewer MACs and 0 fewer weights" in finding.reason


def test_a_norm_that_a_filter_behind_it_takes_in_leaves_no_range() -> None:
    wide = np.array([100, *[1] * 7], np.float32)
    body = "p = MaxPool<kernel_shape=[2,2],strides=[2,2]>(x) b = BatchNormalization(p, s, t, t, t)"
    for padding, layers in ((0, []), (1, [["batchnormalization_1"]])):
        model = parse(
            f"""<ir_version: 8, opset_import: ["": 18]> network (float[1, 8, 8, 8] x) => (float[1, 8, A, B] y) {{
                {body} y = Conv<pads={[padding] * 4}>(b, w)
            }}""",
            {"w": (8, 8, 1, 1), "s": wide, "t": (8,)},
        )
        assert [one.layers for one in found("DW019", model)] == layers


def test_an_inverted_image_has_no_deviation_and_no_mean_is_no_minus() -> None:
    text = """<ir_version: 8, opset_import: ["": 18]> network (float[1, 3, 8, 8] x) => (float[1, 8, 8, 8] y)
        <float most = {255}> { a = %s y = Conv<pads=[1,1,1,1]>(a, w) }"""
    for body, options in (("Div(x, most)", "--mean 0,0,0 --std 1,1,1"), ("Sub(most, x)", "its mean and deviation")):
        (finding,) = found("DW017", parse(text % body, {"w": (8, 3, 3, 3)}))
        assert finding.fix.endswith(f"compile with {options}")
