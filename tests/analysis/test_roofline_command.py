"""`depthwise devices roofline`: its figures are those of the device, its picture is a file of its own."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from depthwise.cli import main
from depthwise.device import Device, load_device
from depthwise.profiling.device_file import device_text

FIGURES = """
[peak_macs]
float32 = 1e9
int8 = 4e9

[caches]
l1 = 32768

[bandwidth]
l1 = 8e9
memory = 1e9
"""


@pytest.fixture
def board(tmp_path: Path) -> str:
    device: Device = load_device("nrf52840")
    path = tmp_path / "board.toml"
    path.write_text(device_text(device) + FIGURES, encoding="utf-8")
    return str(path)


def test_the_ridges(board: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["devices", "roofline", board, "--precision", "int8"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "board: 4 GMAC/s int8 at best, one thread"
    assert lines[1].split()[:3] == ["l1", "8", "GB/s"] and "from 0.5 MACs" in lines[1]
    assert lines[2].split()[:3] == ["memory", "1", "GB/s"] and "from 4 MACs" in lines[2]


def test_layers_are_under_the_roof(board: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "roof.svg"
    small = ("--width", "0.35", "--resolution", "64", "--classes", "10")
    main(["devices", "roofline", board, "--model", "mobilenet_v2", *small, "--json", "-o", str(picture)])
    found = json.loads(capsys.readouterr().out)
    assert (found["peak"], found["precision"]) == (1e9, "float32")
    assert len(found["layers"]) == 53
    for layer in found["layers"]:
        assert layer["attainable"] <= 1.000001e9
        assert (layer["bound"] == "compute") == (layer["attainable"] == pytest.approx(1e9))
        assert layer["bound"] in ("compute", "l1", "memory")
    root = ElementTree.fromstring(picture.read_text(encoding="utf-8"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    text = "".join(root.itertext())
    assert "MACs for each byte" in text and "memory 1 GB/s" in text and "Depthwise" in text
    assert "var(" not in picture.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["phone"], "phone has no peak_macs of float32"),
        (["BOARD", "--width", "0.5"], "--width: of which network? Name a --model"),
        (["BOARD", "-o", "roof.png"], "'roof.png' is not an .svg file"),
        (["BOARD", "--model", "mobilenet_v9"], "unknown model 'mobilenet_v9'"),
    ],
)
def test_what_cannot_be_said(
    board: str, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["devices", "roofline", *(board if word == "BOARD" else word for word in arguments)])
    assert message in capsys.readouterr().err
    assert not Path("roof.png").exists()
