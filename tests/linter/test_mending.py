"""`lint --fix` writes a network of the same function, batch, names, metadata and operator set, or nothing."""

from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator

import depthwise
from depthwise import graph, linter
from depthwise.cli import main
from depthwise.errors import UserError
from depthwise.graph import Graph
from depthwise.linter import RULES, Settings, Source
from depthwise.linter.examples import classifier, filtered, parse, sketch
from depthwise.linter.mending import mend

FIXABLE = sorted(code for code, rule in RULES.items() if rule.fix)


def outputs(model: Graph, batch: int = 2) -> list[np.ndarray]:
    random, evaluator = np.random.default_rng(1), ReferenceEvaluator(ir.to_proto(model))
    feeds = {
        str(value.name): random.normal(
            0, 2, [size if isinstance(size, int) else batch for size in value.shape or ()]
        ).astype(np.float32)
        for value in model.graph.inputs
    }
    return list(evaluator.run(None, feeds))


def unfused() -> Graph:
    """BatchNorms to fold, and a relu6 of two operators."""
    model = sketch(lambda layers: classifier(layers, filtered(layers, "stem", "input", 8, 3, 2)) and None, weights=True)
    model.metadata_props["made by"] = "hand"
    return model


@pytest.fixture
def written(tmp_path: Path) -> Path:
    graph.save(unfused(), tmp_path / "before.onnx")
    return tmp_path / "before.onnx"


@pytest.mark.parametrize("code", FIXABLE)
def test_what_a_fix_mends_computes_the_same_and_is_found_no_more(code: str, tmp_path: Path) -> None:
    source = RULES[code].bad().source
    assert isinstance(source, Source) and isinstance(source.network, Graph)
    mended, done = mend(source, {code: RULES[code]}, tmp_path / "after.onnx")
    assert done == [code]
    assert linter.look(mended, settings=Settings(select=(code,))).findings == []
    after = graph.load(tmp_path / "after.onnx")
    onnx.checker.check_model(ir.to_proto(after), full_check=True)
    for old, new in zip(outputs(source.network), outputs(after), strict=True):
        np.testing.assert_allclose(new, old, atol=1e-5 * np.abs(old).max())
    with pytest.raises(UserError, match="there is nothing that --fix can mend"):
        mend(mended, {code: RULES[code]}, tmp_path / "again.onnx")
    assert not (tmp_path / "again.onnx").exists()


def test_batch_names_metadata_and_operator_set_stay(written: Path) -> None:
    before = onnx.load(written)
    found = depthwise.lint(written, fixed=written.with_name("after.onnx"), select=["DW006"])
    assert found.findings == []
    assert found.mended == ["DW006"]
    after = onnx.load(written.with_name("after.onnx"))
    assert after.graph.input == before.graph.input
    assert after.graph.output == before.graph.output
    assert after.opset_import == before.opset_import
    assert after.ir_version == before.ir_version
    assert after.metadata_props == before.metadata_props
    assert [node.op_type for node in after.graph.node].count("BatchNormalization") == 0
    assert not any(node.metadata_props for node in after.graph.node)


def test_shape_arithmetic_of_any_batch_stays(tmp_path: Path) -> None:
    """Where a reshape asks for the batch, nothing is computed for a batch of 1."""
    model = parse(
        """<ir_version: 8, opset_import: ["": 18]>
        network (float[N, 4, 8, 8] x) => (float[N, M] y)
        <int64[1] zero = {0}, int64[1] rest = {-1}, float six = {6}, float none = {0}> {
            a = Relu (x)
            b = Clip (a, none, six)
            shape = Shape (x)
            batch = Gather <axis = 0> (shape, zero)
            target = Concat <axis = 0> (batch, rest)
            y = Reshape (b, target)
        }"""
    )
    mend(Source(model, file=True), RULES, tmp_path / "after.onnx")
    after = graph.load(tmp_path / "after.onnx")
    assert [node.op_type for node in after.graph] == ["Clip", "Shape", "Gather", "Concat", "Reshape"]
    np.testing.assert_array_equal(outputs(after, 5)[0], outputs(model, 5)[0])


def test_any_sides_and_a_fixed_batch_stay(tmp_path: Path) -> None:
    for sizes in ("N, 4, H, W", "2, 4, 9, W"):
        model = parse(
            f"""<ir_version: 8, opset_import: ["": 18]> network (float[{sizes}] x) => (float[{sizes}] y) {{
                [conv] a = Conv (x, w) [bn] y = BatchNormalization (a, s, t, m, v)
            }}""",
            {"w": (4, 4, 1, 1), **dict.fromkeys("stmv", (4,))},
        )
        (finding,) = linter.look(Source(model, file=True), settings=Settings(select=("DW006",))).findings
        assert finding.reason.startswith("they read and write maps of unknown size")
        mend(Source(model, file=True), RULES, tmp_path / "after.onnx")
        after = graph.load(tmp_path / "after.onnx")
        assert [node.op_type for node in after.graph] == ["Conv"]
        assert str(after.graph.inputs[0].shape) == str(model.graph.inputs[0].shape)


def test_what_cannot_be_run_is_not_written(tmp_path: Path) -> None:
    model = parse(
        """<ir_version: 8, opset_import: ["": 18, "nobody": 1]> network (float[N, 4] x) => (float[N, M] y) {
            a = Relu (x) b = Relu (a) y = nobody.Strange (b)
        }"""
    )
    with pytest.raises(UserError, match=r"cannot be run, so what --fix did cannot be compared: .*Strange"):
        mend(Source(model, file=True), RULES, tmp_path / "after.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "opset", "operators"),
    [
        ("[a] a = Add (x, three) [b] b = Clip (a, zero, six) [c] c = Mul (x, b) [d] y = Div (c, six)", 18, "HardSwish"),
        ("a = Add (x, three) b = Clip (a, zero, six) c = Div (b, six) y = Mul (c, x)", 13, "HardSigmoid Mul"),
        ("[a] a = Add (x, three) [b] b = Clip (a, zero, six) [c] y = Div (b, six)", 18, "HardSigmoid"),
        ("[a] a = Relu (x) [b] y = Min (a, six)", 18, "Clip"),
        ("[a] a = Max (zero, x) [b] b = Min (a, six) [c] y = Max (b, three)", 18, "Clip"),
        ("[a] a = Relu (x) [b] y = Relu (a)", 18, "Relu"),
    ],
)  # fmt: skip
def test_functions_are_written_as_the_operators_that_they_take(
    body: str, opset: int, operators: str, tmp_path: Path
) -> None:
    model = parse(
        f"""<ir_version: 8, opset_import: ["": {opset}]>
        network (float[N, 4, 6, 6] x) => (float[N, 4, 6, 6] y)
        <float three = {{3}}, float zero = {{0}}, float six = {{6}}> {{{body}}}"""
    )
    mend(Source(model, file=True), RULES, tmp_path / "after.onnx")
    after = graph.load(tmp_path / "after.onnx")
    assert " ".join(node.op_type for node in after.graph) == operators
    np.testing.assert_allclose(outputs(after)[0], outputs(model)[0], atol=1e-6)


@pytest.mark.parametrize(
    "body",
    [
        "a = Sigmoid (x) y = Mul (x, a)",  # swish takes two
        "a = Relu (x) b = Min (a, six) y = Add (a, b)",  # the relu is read by another
        "a = Add (x, three) b = Clip (a, zero, three) c = Mul (x, b) y = Div (c, six)",  # no hard-swish
    ],
)
def test_what_is_no_longer_than_it_must_be_stays(body: str, tmp_path: Path) -> None:
    model = parse(
        f"""<ir_version: 8, opset_import: ["": 18]> network (float[N, 4, 6, 6] x) => (float[N, 4, 6, 6] y)
        <float three = {{3}}, float zero = {{0}}, float six = {{6}}> {{{body}}}"""
    )
    assert graph.spelled_out(graph.as_written(model)) == []


def test_a_fix_that_changes_the_function_writes_nothing(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(model: Graph) -> bool:
        node = next(node for node in model.graph if node.op_type == "Clip")
        node.replace_input_with(2, node.inputs[1])
        return True

    monkeypatch.setattr(graph, "fold_batchnorms", spoil)
    rule = linter.Rule(**{**vars(RULES["DW006"]), "fix": spoil})
    with pytest.raises(UserError, match="DW006 would change what the network computes by 1, so nothing is written"):
        mend(Source(graph.load(written), file=True), {"DW006": rule}, written.with_name("after.onnx"))
    assert list(written.parent.iterdir()) == [written]


def test_a_write_that_fails_leaves_nothing(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(model: Graph, path: Path) -> None:
        Path(path).write_bytes(b"half")
        raise KeyboardInterrupt

    target = written.with_name("after.onnx")
    monkeypatch.setattr(ir, "save", half)
    with pytest.raises(KeyboardInterrupt):
        depthwise.lint(written, fixed=target)
    assert list(written.parent.iterdir()) == [written]


@pytest.mark.parametrize("place", ["before.onnx/after.onnx", "."])
def test_a_path_that_cannot_be_written_is_named(written: Path, place: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["lint", str(written), "--fix", "-o", str(written.parent / place)])
    assert f"cannot read or write '{written.parent}" in capsys.readouterr().err
    assert list(written.parent.iterdir()) == [written]


def test_floats_of_another_size_are_left_alone() -> None:
    """What folding writes is float32."""
    model = parse(
        """<ir_version: 8, opset_import: ["": 18]> network (float16[N, 4, 8, 8] x) => (float16[N, 4, 8, 8] y) {
            a = Conv (x, w) y = BatchNormalization (a, s, t, m, v)
        }""",
        {"w": np.ones((4, 4, 1, 1), np.float16), **dict.fromkeys("stmv", np.ones(4, np.float16))},
    )
    assert linter.look(Source(model, file=True), settings=Settings(select=("DW006",))).findings == []


def test_a_rule_that_is_off_for_some_layers_mends_none(written: Path) -> None:
    with pytest.raises(UserError, match="there is nothing that --fix can mend"):
        depthwise.lint(written, fixed=written.with_name("after.onnx"), select=["DW006"], ignore=["DW006:another"])
