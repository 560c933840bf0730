"""Compound scaling: the grid, what fits of it, and that a search which is stopped ends as one that is not."""

import itertools
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import depthwise
from depthwise import design
from depthwise.cli import main
from depthwise.design.scaling import compound
from depthwise.progress import Silent
from depthwise.selection.coefficients import Scaling, triples

BASE = {"model": "mobilenet_v1", "width": 0.1, "resolution": 20}


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes of noise, dark and light, 24 px grey, 20 images each."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for name, mean in (("dark", 90), ("light", 160)):
        (folder / name).mkdir()
        for i in range(20):
            noisy = generator.normal(mean, 30, (24, 24)).clip(0, 255).astype(np.uint8)
            Image.fromarray(noisy).save(folder / name / f"{i}.png")
    return folder


def choices(path: Path, **more: object) -> dict[str, object]:
    limits = {"device": "nrf52840", "ram": "17K", "precision": "int8"}
    return {**BASE, **limits, "epochs": 1, "batch_size": 8, "output": path / "scaling.json", **more}


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Scaling, Path]:
    path = tmp_path_factory.mktemp("scaling")
    return depthwise.scale(photos, **choices(path)), path


def test_the_grid_doubles_and_has_each_growth_alone() -> None:
    found = list(triples())
    assert all(math.isclose(alpha * beta**2 * gamma**2, 2, rel_tol=0.03) for alpha, beta, gamma in found)
    assert {(2, 1, 1), (1, 1, 1.41), (1, 1.4, 1.01)} <= set(found)


def test_networks_are_those_of_compound_scaling(whole: tuple[Scaling, Path]) -> None:
    base = replace(design.MODELS["mobilenet_v1"], resolution=20, classes=2, channels=1)
    for one in whole[0].triples:
        network = design.architecture("mobilenet_v1", one.beta, one.candidate.resolution, 2, 1, one.alpha)
        assert network.layers() == compound(base, 1, one.alpha, one.beta, one.gamma).layers()
        assert math.isclose(one.candidate.width, 0.1 * one.beta) and one.candidate.depth == one.alpha


def test_what_fits_and_doubles_is_trained_and_the_best_wins(whole: tuple[Scaling, Path]) -> None:
    found, _ = whole
    base, *grown = found.triples
    for one in grown:
        assert math.isclose(one.times, one.candidate.macs / base.candidate.macs, abs_tol=0.01)
        fits, fair = one.candidate.ram <= 17 * 1024, 1.5 <= one.times <= 2.5
        assert (one.missed == "") == (fits and fair) == (one.accuracy is not None)
        assert fits or one.missed == "over RAM"
    assert any(one.missed for one in grown)
    assert base.accuracy and found.choice.accuracy
    assert found.choice.accuracy.value == max(one.accuracy.value for one in grown if one.accuracy)
    assert 0 <= found.rivals < len(found.ranking)


def test_stopped_and_called_again_it_ends_the_same(
    whole: tuple[Scaling, Path], photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    class StoppedError(Exception):
        """Stands for the end of the process."""

    class Fragile(Silent):
        def __init__(self) -> None:
            self.words = itertools.count()

        def step(self, done: int, total: int, text: str = "") -> None:
            if text.startswith("mobilenet_v1") and next(self.words) == 3:
                raise StoppedError

    with pytest.raises(StoppedError):
        depthwise.scale(photos, progress=Fragile(), **choices(tmp_path))
    half = Scaling.model_validate_json((tmp_path / "scaling.json").read_text())
    assert sum(one.accuracy is not None for one in half.triples) == 3
    again = depthwise.scale(photos, **choices(tmp_path))
    assert again.triples == whole[0].triples
    assert again.seconds > half.seconds


def test_the_command_tells_the_best_and_what_to_do_with_it(
    whole: tuple[Scaling, Path], photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found, path = whole
    options = {**choices(path), "batch-size": 8}
    del options["batch_size"], options["precision"]
    main(["scale", str(photos), *(word for name, value in options.items() for word in (f"--{name}", str(value)))])
    lines = capsys.readouterr().out.splitlines()
    one = found.choice.candidate
    assert lines[-1].endswith(f"--width {one.width:g} --depth {one.depth:g} --resolution {one.resolution}")
    assert lines[-2].startswith(f"best: alpha {found.choice.alpha:g}, beta {found.choice.beta:g}, gamma ")
    assert len(lines) == 5 + len(found.triples)


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--model", "mobilenet_v1", "--ram", "1K"], 1, "cannot grow on nrf52840: its triples are over RAM"),
        (["--model", "mobilnet_v1"], 2, "Did you mean 'mobilenet_v1'"),
        (["--model", "mobilenet_v1", "-o", "x.csv"], 2, "not a .json file"),
        (["--model", "mobilenet_v1", "--epochs", "1", "--train-time", "3s"], 2, "exclude each other"),
    ],
)
def test_what_cannot_be_is_one_line(
    photos: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, words: str
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["scale", str(photos), "--device", "nrf52840", "--quiet", *options])
    (line,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("depthwise: "))
    assert stopped.value.code == code and words in line
