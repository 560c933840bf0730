"""A finished run that has lost a file, or whose device has changed, is finished again by the same command."""

from pathlib import Path

import pytest

from depthwise.compiler import read_manifest
from depthwise.config import Config
from depthwise.files import file_fingerprint
from depthwise.workflow import fit
from textures import save_textures


@pytest.mark.parametrize("lost", ["weights.safetensors", "results.json", "c"])
def test_what_is_lost_is_made_again_with_all_that_follows(lost: str, run: tuple[Config, Path]) -> None:
    config, path = run
    weights = file_fingerprint(path / "weights.safetensors")
    (path / lost).rename(path.parent / f"lost-{lost}")
    results = fit(config, path).results
    assert file_fingerprint(path / "weights.safetensors") == weights
    assert all((results.training, results.memory, results.accuracy, results.verification, results.latency))


def test_another_content_of_the_device_file_compiles_again(run: tuple[Config, Path]) -> None:
    config, path = run
    device = Path(config.device)
    assert "-g" not in read_manifest(path / "c").flags
    device.write_text(device.read_text() + 'flags = ["-g"]\n')
    fit(config, path)
    assert "-g" in read_manifest(path / "c").flags


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
        device=str(folder / "mine.toml"),
    )
    fit(config, folder / "run")
    return config, folder / "run"
