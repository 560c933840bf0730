"""A finished run that has lost a file, or whose device has changed, is finished again by the same command."""

from pathlib import Path

import pytest

import depthwise
from depthwise.cli import main
from depthwise.compiler import read_manifest
from depthwise.config import Config
from depthwise.files import file_fingerprint
from depthwise.runs import Run
from depthwise.workflow import fit, replay
from textures import save_textures


@pytest.mark.parametrize("lost", ["weights.safetensors", "results.json", "model.int8.onnx", "c"])
def test_what_is_lost_is_made_again_with_all_that_follows(lost: str, run: tuple[Config, Path]) -> None:
    config, path = run
    weights = file_fingerprint(path / "weights.safetensors")
    (path / lost).rename(path.parent / f"lost-{lost}")
    results = fit(config, path).results
    assert file_fingerprint(path / "weights.safetensors") == weights
    assert all((results.training, results.ladder, results.memory, results.accuracy, results.latency, results.budget))
    assert (path / lost).exists()


def test_another_content_of_the_device_file_compiles_again(run: tuple[Config, Path]) -> None:
    config, path = run
    device = Path(config.device)
    assert "-g" not in read_manifest(path / "c").flags
    device.write_text(device.read_text() + 'flags = ["-g"]\n')
    fit(config, path)
    assert "-g" in read_manifest(path / "c").flags


def test_in_8_bits_the_compiled_network_has_the_oracles_bits_and_stands_beside_float32(
    run: tuple[Config, Path],
) -> None:
    _, path = run
    results = Run.open(path).results
    assert results.shipped == "int8"
    assert results.shipping
    assert set(results.accuracy["int8"]) == {"compiled", "onnxruntime", "oracle"}
    found = results.verification["int8"]
    assert found.differences["oracle"] == 0
    assert sum(found.alike) <= sum(map(sum, found.confusion)) == results.accuracy["int8"]["compiled"].total
    assert set(results.memory) == set(results.latency) == {"float32", "int8"}
    assert results.memory["int8"].weights < results.memory["float32"].weights
    manifest = read_manifest(path / "c")
    assert (manifest.precision, manifest.floats) == ("int8", [])
    assert "| stem.conv | Convolution | uint8 |" in (path / "c" / "README.md").read_text()
    page, card = ((path / name).read_text() for name in ("report.html", "MODEL_CARD.md"))
    assert all(words in page for words in ("int8 ships", "Noise by layer", "Answered alike", "Integer oracle"))
    assert "| float32, compiled |" in card
    assert "| int8, compiled |" in card


def test_a_run_in_8_bits_is_known_as_such(run: tuple[Config, Path], capsys: pytest.CaptureFixture[str]) -> None:
    _, path = run
    assert depthwise.check(path).precision == "int8"
    assert depthwise.check(path, precision="float32").precision == "float32"
    assert {layer.op for layer in depthwise.cost(path).layers} >= {"Quantize", "Dequantize"}
    picture = next((path / "mistakes").iterdir())
    main(["run", str(path), str(picture)])
    assert "ms" in capsys.readouterr().out


def test_a_replay_comes_to_the_same_bytes(run: tuple[Config, Path], tmp_path: Path) -> None:
    _, path = run
    again = replay(path, tmp_path / "again").path
    assert file_fingerprint(again / "model.int8.onnx") == file_fingerprint(path / "model.int8.onnx")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Config, Path]:
    folder = tmp_path_factory.mktemp("redone")
    save_textures(folder / "photos", sizes=(128,))
    (folder / "mine.toml").write_text('description = "this machine"\n')
    config = Config(
        data=str(folder / "photos"),
        model="mobilenet_v1",
        width=0.1,
        resolution=16,
        epochs=1,
        precision="int8",
        device=str(folder / "mine.toml"),
    )
    fit(config, folder / "run")
    return config, folder / "run"
