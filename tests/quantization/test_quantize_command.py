"""`depthwise quantize`: the file, the table, and what it refuses."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

import depthwise
from depthwise import graph
from depthwise.cli import main
from depthwise.config import Config
from depthwise.data import ImageData
from depthwise.errors import UserError
from depthwise.quantization import task
from depthwise.quantization.state import Rung
from small_network import SMALL

DATA = ("--data", "fashion-mnist-subset")


@pytest.fixture
def model(trained: ir.Model, tmp_path: Path) -> Path:
    graph.save(trained, tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


def fails(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 2) -> str:
    with pytest.raises(SystemExit) as exit_:
        main(["quantize", *arguments])
    assert exit_.value.code == code
    return capsys.readouterr().err.strip().splitlines()[-1]


def test_it_writes_a_file_and_prints_the_ladder(
    model: Path, images: ImageData, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["quantize", str(model), *DATA, "--max-drop", "3"])
    text = capsys.readouterr().out
    assert "float32" in text and "calibration, min-max" in text and "dB" in text and "wrote " in text
    written = model.with_name("small.int8.onnx")
    assert sorted(path.name for path in model.parent.iterdir()) == ["small.int8.onnx", "small.onnx"]
    assert written.stat().st_size < model.stat().st_size
    loaded = graph.load(written)
    assert graph.classes_of(loaded) == images.classes and graph.preprocessing_of(loaded) is not None
    pixels = np.asarray(images.test.pixels[:300])
    found = depthwise.compile(str(written))(pixels).argmax(1)
    expected = depthwise.compile(str(model))(pixels).argmax(1)
    assert (found == expected).mean() > 0.95


def test_a_run_folder_has_its_own_images(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its model, its data and its split; the ladder as JSON."""
    model.rename(model.with_name("model.onnx"))
    config = Config.of(data="fashion-mnist-subset", model="mobilenet_v2", epochs=1, split=(0.1, 0.2))
    (model.parent / "config.json").write_text(config.model_dump_json())
    main(["quantize", str(model.parent), "--max-drop", "3", "--json", "--quiet"])
    found = json.loads(capsys.readouterr().out)
    assert found["rungs"][0]["rung"] == "calibration, min-max" and found["calibration"] == 256
    assert found["reference"]["total"] == 1000
    assert (model.parent / "model.int8.onnx").is_file()


def test_too_great_a_loss_is_told_and_the_best_is_written(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A ladder of one rung that rounds to nothing: all weights of a layer to one value."""
    monkeypatch.setattr(task, "repairs", lambda *_: [])
    monkeypatch.setattr("depthwise.quantization.weights.LARGEST", 1)
    asked: list[tuple[int, float]] = []

    def without_rungs(_: ir.Model, images: ImageData, seconds: float, __: object) -> Iterator[Rung]:
        asked.append((len(images.train), seconds))
        yield from ()

    monkeypatch.setattr("depthwise.shipping.trained_rungs", without_rungs)
    options = (
        "--train-time",
        "2min",
        "--max-drop",
        "0.5",
        "--per-tensor",
        "--method",
        "minmax",
        "--keep-float",
        "none",
    )
    line = fails(capsys, str(model), *DATA, *options, code=1)
    ((count, seconds),) = asked  # where nothing else suffices the rungs that need torch are asked for
    assert count > 1000 and seconds == 120
    assert line.startswith("warning: 8 bits cost") and "more than --max-drop 0.5" in line
    assert model.with_name("small.int8.onnx").is_file()


def test_without_torch_the_extra_is_named(
    model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(task, "repairs", lambda *_: [])
    monkeypatch.setattr("depthwise.quantization.weights.LARGEST", 1)
    monkeypatch.setattr(task.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SystemExit):
        main(["quantize", str(model), *DATA, "--max-drop", "0.5", "--method", "minmax", "--keep-float", "none"])
    assert "pip install 'depthwise[train]'" in " ".join(capsys.readouterr().err.split())


def test_what_it_refuses(model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "give --data" in fails(capsys, str(model))
    assert "--images is 3" in fails(capsys, str(model), *DATA, "--images", "3")
    assert "nowhere" in fails(capsys, str(model), "--data", "./nowhere/photos")
    assert "--max-drop is -1" in fails(capsys, str(model), *DATA, "--max-drop=-1")
    bare = graph.build(SMALL.layers(), graph.initialize(SMALL.layers(), 0))
    graph.save(bare, tmp_path / "bare.onnx")
    assert "--mean and --std" in fails(capsys, str(tmp_path / "bare.onnx"), *DATA)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare.onnx", "small.onnx"]


def test_a_network_that_overflows_is_named(trained: ir.Model, images: ImageData) -> None:
    """Weights so large that float32 ends: the tensor is named before anything is computed in 8 bits."""
    model = graph.normalize(trained, "float")
    node = next(node for node in model.graph if node.name == "blocks.0.0.projection")
    weight = node.inputs[1].const_value.numpy()
    node.inputs[1].const_value = ir.tensor(weight * np.float32(3e38 / np.abs(weight).max()))
    with pytest.raises(UserError, match=r"'blocks.0.0.projection' holds .*inf.* on calibration images"):
        task.quantize(model, images)
