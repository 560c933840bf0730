"""The whole way on photos: a folder of JPEGs of two sizes in, held-out patches named through the compiled C."""

import json
from pathlib import Path

import numpy as np
import pytest

from depthwise.cli import main
from depthwise.runs import Run
from textures import CLASSES, save_textures


def test_fit_then_run_on_held_out_patches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = save_textures(tmp_path / "photos", sizes=(64, 80))
    fit = ["fit", str(photos), "--model", "mobilenet_v1", "--width", "0.25", "--resolution", "32", "--epochs", "20"]
    main([*fit, "--batch-size", "32", "--precision", "float32", "-o", str(tmp_path / "run")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1].split() == ["run", str(tmp_path / "run")]

    results = Run.open(tmp_path / "run").results
    assert results.data
    assert sorted(results.data.classes) == sorted(CLASSES)
    accuracy = results.accuracy["float32"]
    assert set(accuracy) == {"torch", "onnxruntime", "compiled"}
    assert accuracy["compiled"].low > 0.8
    assert max(results.verification["float32"].differences.values()) <= 1e-4

    patches = [path for name in CLASSES for path in sorted((photos / "test" / name).iterdir())[::16]]
    main(["run", str(tmp_path / "run"), *map(str, patches), "--json"])
    rows = json.loads(capsys.readouterr().out)
    right = [row["classes"][0]["class"] == Path(row["image"]).parent.name for row in rows]
    assert np.mean(right) > 0.8
    assert all(0 < row["ms"] < 1000 for row in rows)
