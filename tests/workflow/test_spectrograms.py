"""The whole way where height and width differ: pictures of sounds in, C and report out."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from depthwise import graph
from depthwise.cli import main
from depthwise.compiler.manifest import Manifest
from depthwise.data import decode
from depthwise.graph import preprocessing_of
from depthwise.runs import Run


def sounds(folder: Path) -> Path:
    """Grey pictures of a high and a low tone, most of them 49 steps of time high and 10 coefficients wide."""
    random = np.random.default_rng(0)
    for split, count in (("train", 24), ("test", 8)):
        for name, band in (("low", slice(1, 4)), ("high", slice(6, 9))):
            (folder / split / name).mkdir(parents=True)
            for index in range(count):
                loud = random.normal(60, 10, (49, 10))
                loud[:, band] += 100
                picture = Image.fromarray(loud.clip(0, 255).astype(np.uint8))
                larger = picture.resize((30, 98)) if index % 4 == 0 else picture
                larger.save(folder / split / name / f"{index}.png")
    return folder


def test_fit_on_spectrograms(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, run = sounds(tmp_path / "sounds"), tmp_path / "run"
    fit = ["fit", str(data), "--model", "ds_cnn", "--width", "0.25", "--epochs", "12", "--batch-size", "8"]
    main([*fit, "--precision", "float32", "-o", str(run)])
    capsys.readouterr()

    results = Run.open(run).results
    accuracy = results.accuracy["float32"]["compiled"]
    assert accuracy.value == 1, "a mirrored or cropped tone is another one"
    assert max(results.verification["float32"].differences.values()) <= 1e-4
    form = preprocessing_of(graph.load(run / "model.onnx"))
    assert form and (form.shape, form.resize) == ((49, 10, 1), "squash")
    manifest = Manifest.model_validate_json((run / "c" / "manifest.json").read_text())
    assert (manifest.input.shape, manifest.preprocessing) == ([49, 10, 1], form)
    assert "49 x 10" in (run / "MODEL_CARD.md").read_text()
    assert "49\N{MULTIPLICATION SIGN}10 sounds images" in (run / "report.html").read_text(encoding="utf-8")
    picture = data / "test" / "high" / "0.png"
    assert decode(picture, form).shape == (49, 10, 1)
    main(["run", str(run), str(picture)])
    assert capsys.readouterr().out.split()[1] == "high"
