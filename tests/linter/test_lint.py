"""What stands round the rules: settings, severities, what is skipped and why, the command."""

import json
import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

import depthwise
from depthwise import graph
from depthwise.cli import main
from depthwise.errors import UserError
from depthwise.linter import RULES, Settings, Source, look
from depthwise.linter.examples import bottleneck, classifier, filtered, sketch
from depthwise.linter.pages import document, page
from depthwise.linter.source import architecture_of
from depthwise.runs import Run


def projections(layers: graph.LayerList) -> None:
    """Two blocks whose projections are activated, each an error."""
    x = filtered(layers, "stem", "input", 16, 3, 2)
    x = bottleneck(layers, "first", x, 16, last="relu6")
    classifier(layers, bottleneck(layers, "second", x, 16, last="relu6"))


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without a pyproject.toml, which the linter is called in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def broken(elsewhere: Path) -> Path:
    graph.save(sketch(projections, weights=True), elsewhere / "broken.onnx")
    return elsewhere / "broken.onnx"


def layers_of(code: str, *ignore: str) -> list[str]:
    found = look(Source(sketch(projections)), settings=Settings(ignore=ignore))
    return [layer for finding in found.findings if finding.code == code for layer in finding.layers]


def test_errors_come_first_and_are_counted() -> None:
    found = look(Source(sketch(projections)), settings=Settings())
    severities = [finding.severity for finding in found.findings]
    assert severities == sorted(severities, key=["error", "warning", "info"].index)
    assert found.errors == 2


def test_a_rule_is_switched_off_for_all_or_for_some_layers() -> None:
    assert layers_of("DW001") == ["first.projection", "second.projection"]
    assert layers_of("DW001", "DW001:first.*") == ["second.projection"]
    assert layers_of("DW001", "DW001:first.*", "DW001:second.*") == []
    assert layers_of("DW001", "DW001") == []
    assert Settings.of(RULES, ["dw001"], ["dw008:Stem.*"]) == Settings(("DW001",), ("DW008:Stem.*",))


def test_selected_rules_alone_run() -> None:
    found = look(Source(sketch(projections)), settings=Settings(select=("DW004",)))
    assert {finding.code for finding in found.findings} | set(found.skipped) <= {"DW004"}


def test_pyproject_switches_rules_off(elsewhere: Path) -> None:
    (elsewhere / "pyproject.toml").write_text('[tool.depthwise.lint]\nignore = ["DW001:first.*"]\n')
    network = sketch(projections)
    found = depthwise.lint(network, select=["DW001"])
    assert [finding.layers for finding in found.findings] == [["second.projection"]]
    assert depthwise.lint(network, select=["DW001"], ignore=["DW001:second.*"]).findings == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.depthwise.lint\n", "is not valid TOML"),
        ("[tool.depthwise]\nlint = false\n", "lint is False: write a table"),
        ("[tool.depthwise.lint]\nignored = []\n", "unknown entry of tool.depthwise.lint .* Did you mean 'ignore'"),
        ('[tool.depthwise.lint]\nignore = "DW001"\n', "tool.depthwise.lint.ignore is 'DW001': write a list"),
        ('[tool.depthwise.lint]\nignore = ["DW0O1"]\n', "unknown lint rule 'DW0O1'. Did you mean 'DW0"),
    ],
)
def test_a_bad_pyproject_is_one_line(elsewhere: Path, text: str, message: str) -> None:
    (elsewhere / "pyproject.toml").write_text(text)
    with pytest.raises(UserError, match=message):
        depthwise.lint(sketch(projections))


def test_rules_that_cannot_look_say_why() -> None:
    found = look(Source(sketch(projections)), settings=Settings())
    for code, reason in found.skipped.items():
        assert set(RULES[code].needs) - {"normal"}, code
        assert reason


def test_the_command_tells_layers_reason_and_fix_and_exits_with_1(
    broken: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(["lint", str(broken)])
    text = capsys.readouterr().out
    assert left.value.code == 1
    assert "DW001 activation-after-projection (error)" in text
    assert "first.projection: a ReLU after the projection from 96 to 16 channels" in text
    assert "fix: leave the function" in text
    assert re.search(r"^2 errors", text, re.MULTILINE)


def test_without_errors_the_command_exits_with_0(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["lint", str(broken), "--ignore", "DW001"])
    assert "DW001" not in capsys.readouterr().out


def test_json_is_the_record(broken: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["lint", str(broken), "--json", "--select", "DW001"])
    found = json.loads(capsys.readouterr().out)
    assert [finding["layers"] for finding in found["findings"]] == [["first.projection"], ["second.projection"]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lint"], "no MODEL is given"),
        (["lint", "nothing.onnx"], "'nothing.onnx' does not exist"),
        (["lint", "mobilenet_v22"], "Did you mean 'mobilenet_v2'"),
        (["lint", "--explain", "DW999"], "unknown lint rule 'DW999'"),
        (["lint", "mobilenet_v2", "--ignore", "X1"], "unknown lint rule 'X1'"),
        (["lint", "mobilenet_v2", "--device", "toaster"], "unknown device 'toaster'"),
        (["lint", "m" * 300 + ".onnx"], "File name too long"),
        (["lint", "mobilenet_v2", "--fix"], "-o says which"),
        (["lint", "mobilenet_v2", "--fix", "-o", "mended.onnx"], "'mobilenet_v2' is a name"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    elsewhere: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    error = capsys.readouterr().err
    assert left.value.code == 2
    assert message in error and error.count("\n") == 1
    assert list(elsewhere.iterdir()) == []


def test_a_torch_module_is_looked_at() -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Conv2d(32, 64, 3, padding=1), torch.nn.ReLU(), torch.nn.Conv2d(64, 64, 1))
    found = depthwise.lint(module.eval(), shape=(32, 16, 16), select=["DW008"])
    assert len(found.findings) == 1


def test_every_rule_has_its_page() -> None:
    text = document()
    for code in RULES:
        assert f"## {code} " in text
    assert page("dw001").startswith("## DW001 activation-after-projection\n\nAn activation function after")


def test_brief_is_a_line_for_each_rule() -> None:
    lines = look(Source(sketch(projections)), settings=Settings(select=("DW001",))).brief()
    assert len(lines) == 1
    assert lines[0].startswith("DW001 activation-after-projection: first.projection, a ReLU") and "1 more" in lines[0]


def test_a_deployable_run_is_looked_at_as_one() -> None:
    config = SimpleNamespace(model="mobilenet_v3_small", width=1.0, depth=1.0, deployable=True)
    data, cost = SimpleNamespace(classes=["a", "b"]), SimpleNamespace(input_shape=[3, 64, 64])
    run = SimpleNamespace(config=config, results=SimpleNamespace(search=None, data=data, cost=cost))
    network = architecture_of(cast(Run, run))
    assert network is not None and network.deployable


def test_compile_warns_of_what_it_compiles(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In floats SiLU is no more than worth knowing, whatever the board usually runs in."""

    def draw(layers: graph.LayerList) -> None:
        classifier(layers, filtered(layers, "stem", "input", 8, 3, 2, "silu"))

    graph.save(sketch(draw, weights=True), elsewhere / "model.onnx")
    Path("board.toml").write_text('description = "a board"\ntarget = "c"\nprecision = "int8"\n')
    (line,) = depthwise.lint("model.onnx", "board.toml", select=["DW010"]).brief()
    assert "SiLU" in line
    main(["compile", "model.onnx", "-o", "build", "--emit-only", "--device", "board.toml"])
    assert "warning: DW" not in capsys.readouterr().err
