"""What every export format owes its user: whole files, one clear line, and the command."""

import sys
from pathlib import Path

import pytest

import depthwise
import networks
from depthwise import graph
from depthwise.cli import main
from depthwise.errors import UserError
from depthwise.exporters import EXPORTERS
from depthwise.ops.cases import Case
from exporters.formats import CASES, COREML, FORMATS, LITERT, Format, graph_of


def test_every_format_is_here() -> None:
    assert {LITERT.name, COREML.name} == set(EXPORTERS)


@pytest.mark.parametrize("format", FORMATS)
def test_the_cases_cover_the_operators(format: Format) -> None:
    assert {case.op for case in CASES} >= set(format.module.OPERATORS) - {"Flatten", "Quantize", "Dequantize"}


@pytest.mark.parametrize("format", FORMATS)
def test_a_wrong_operator_is_seen_and_what_stood_there_stays(
    format: Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, network = tmp_path / f"network{format.suffix}", networks.by_hand(camera=False)
    depthwise.export(network, format.name, path)
    before = {each: each.read_bytes() for each in (path, *path.rglob("*")) if each.is_file()}
    operators = format.module.OPERATORS
    monkeypatch.setattr(format.module, "OPERATORS", {**operators, "Add": operators["Multiply"]})
    with pytest.raises(UserError, match=r"computes other outputs .* nothing was written"):
        depthwise.export(network, format.name, path)
    assert {each: each.read_bytes() for each in (path, *path.rglob("*")) if each.is_file()} == before
    assert [*tmp_path.iterdir()] == [path]


@pytest.mark.parametrize("format", FORMATS)
def test_a_node_that_cannot_be_expressed_is_named(
    format: Format, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    able = {name: rule for name, rule in format.module.OPERATORS.items() if name != "Depthwise"}
    monkeypatch.setattr(format.module, "OPERATORS", able)
    with pytest.raises(UserError, match=rf"node 'depthwise' \(Depthwise\) cannot be exported to {format.title}"):
        depthwise.export(networks.by_hand(camera=False), format.name, tmp_path / f"network{format.suffix}")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("format", FORMATS)
def test_dilated_pooling_is_refused(format: Format, tmp_path: Path) -> None:
    attributes = {"kernel_shape": (3, 3), "dilations": (2, 2), "pads": (0, 0, 0, 0), "strides": (1, 1)}
    case = Case("MaxPool", ((1, 4, 8, 8),), attributes=attributes)
    with pytest.raises(UserError, match=rf"\(MaxPool\) has dilation \[2, 2\], which {format.title}'s pooling lacks"):
        format.module.write(graph_of(case), tmp_path / f"one{format.suffix}")


@pytest.mark.parametrize("format", FORMATS)
def test_command_line(format: Format, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    graph.save(networks.family("mobilenet_v2", 0.25, 32), tmp_path / "network.onnx")
    path = tmp_path / f"network{format.suffix}"
    main(["export", str(tmp_path / "network.onnx"), "--to", format.name, "-o", str(path)])
    wrote, takes, checked = capsys.readouterr().out.splitlines()
    assert wrote.startswith(f"wrote {path} (")
    assert takes == format.takes
    assert checked.startswith(format.checked)


@pytest.mark.parametrize("format", FORMATS)
def test_a_missing_library_names_its_extra(format: Format, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, format.library, None)
    with pytest.raises(UserError, match=r"pip install 'depthwise\[export\]'"):
        depthwise.export(networks.by_hand(camera=False), format.name, tmp_path / f"network{format.suffix}")


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["mobilenet_v1", "-o", "x{suffix}"], "shapes only, no trained weights"),
        (["network.onnx", "-o", "x.bin"], "{title} files end in {suffix}: name it x{suffix}"),
        (
            ["network.onnx", "-o", "x{suffix}", "--precision", "float32"],
            "--precision float32: {title} files are written",
        ),
    ],
)
def test_bad_input(
    format: Format,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    graph.save(networks.family("mobilenet_v1", 0.25, 32), tmp_path / "network.onnx")
    words = {"suffix": format.suffix, "title": format.title}
    with pytest.raises(SystemExit):
        main(["export", "--to", format.name, *(word.format(**words) for word in arguments)])
    assert message.format(**words) in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["network.onnx"]


def test_an_unknown_format_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"unknown export format 'litter'\. Did you mean 'litert'"):
        depthwise.export(networks.by_hand(camera=False), "litter", tmp_path / "x.tflite")
