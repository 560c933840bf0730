"""The script for a Mac, as far as it goes without Core ML: its arguments, images and comparison."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from depthwise.data.preprocessing import Preprocessing

FORM = {"size": 8, "channels": 3, "resize": "crop", "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.3, 0.4]}


def script() -> ModuleType:
    path = Path(__file__).parents[2] / "docs" / "check_coreml.py"
    spec = importlib.util.spec_from_file_location("check_coreml", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_coreml"] = module  # dataclasses look there
    spec.loader.exec_module(module)
    return module


CHECK = script()


def test_arguments() -> None:
    options = CHECK.arguments(["a.onnx", "a.mlpackage", "x.png", "y.png", "--units", "CPU_ONLY"])
    assert (options.onnx, options.package, options.images) == (
        Path("a.onnx"),
        Path("a.mlpackage"),
        [Path("x.png"), Path("y.png")],
    )
    assert (options.units, options.tolerance) == ("CPU_ONLY", 0.02)
    with pytest.raises(SystemExit):
        CHECK.arguments(["a.onnx"])


def test_predictions_are_compared() -> None:
    expected = {"cat": 0.9, "dog": 0.1}
    assert CHECK.compare("x", expected, {"cat": 0.895, "dog": 0.105}).agrees(0.02)
    assert not CHECK.compare("x", expected, {"cat": 0.8, "dog": 0.2}).agrees(0.02)
    assert not CHECK.compare("x", expected, {"cat": 0.1, "dog": 0.9}).agrees(0.02)
    assert not CHECK.compare("x", expected, {"cat": float("nan"), "dog": 0.1}).agrees(0.02)
    near = CHECK.compare("x", {"cat": 0.505, "dog": 0.495}, {"cat": 0.499, "dog": 0.501})
    assert near.classes == ("cat", "dog") and near.agrees(0.02)
    with pytest.raises(ValueError, match=r"1 classes are in one of the two only, e.g. 'fox'"):
        CHECK.compare("x", expected, {**expected, "fox": 0.0})


def test_logits_become_probabilities() -> None:
    found = CHECK.probabilities(np.log([[0.9, 0.1]]), ["cat", "dog"])
    assert found == pytest.approx({"cat": 0.9, "dog": 0.1})
    assert CHECK.probabilities(np.asarray([0.9, 0.1]), ["cat", "dog"]) == pytest.approx(found)


def test_images_are_prepared_as_in_training() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8)
    image = CHECK.prepared(Image.fromarray(pixels), FORM)
    form = Preprocessing(8, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4))
    np.testing.assert_allclose(CHECK.normalized(image, FORM), form.normalize(pixels[None]), rtol=1e-6)


@pytest.mark.parametrize("resize", ["crop", "squash", "pad"])
def test_images_get_the_networks_size(resize: str, tmp_path: Path) -> None:
    Image.new("RGB", (20, 10), (255, 0, 0)).save(tmp_path / "wide.png")
    form = {**FORM, "resize": resize}
    (image,) = CHECK.images_of([tmp_path / "wide.png"], form).values()
    assert image.size == (8, 8)
    assert image.getpixel((4, 4)) == (255, 0, 0)
    assert image.getpixel((4, 0)) == ((0, 0, 0) if resize == "pad" else (255, 0, 0))


def test_random_images_are_of_the_networks_kind() -> None:
    images = CHECK.images_of([], {**FORM, "channels": 1, "mean": [0.5], "std": [0.2]})
    assert len(images) == 10 and {image.mode for image in images.values()} == {"L"}


@pytest.mark.skipif(sys.platform == "darwin", reason="on a Mac it goes on")
def test_elsewhere_it_says_what_it_needs(capsys: pytest.CaptureFixture[str]) -> None:
    assert CHECK.main(["a.onnx", "a.mlpackage"]) == 2
    assert capsys.readouterr().err == "error: Core ML predicts on a Mac only\n"
