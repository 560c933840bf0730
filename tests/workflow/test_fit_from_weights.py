"""`fit --weights`: the training begins with somebody's weights, which are kept, told, and wanted only once."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from depthwise import graph
from depthwise.cli import main
from depthwise.design import architecture
from depthwise.design.checkpoints import load, to_library
from depthwise.runs import Run
from textures import save_textures


def test_fit_begins_with_weights_of_another_library(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = save_textures(tmp_path / "photos", sizes=(80,))
    network = architecture("mobilenet_v1", 0.25, 32, classes=10)
    weights, file = graph.initialize(network.layers(), 5), tmp_path / "v1.safetensors"
    file.write_bytes(safetensors.numpy.save(to_library(weights, network, "timm")))
    (tmp_path / "config.json").write_text('{"architecture": "mobilenetv1_025", "mean": [0.5, 0.5, 0.5]}')
    fit = ["fit", str(photos), "--weights", str(file), "--resolution", "32", "--epochs", "1"]  # no model is named
    fit += ["--precision", "float32", "-o", str(tmp_path / "run")]
    main([*fit, "--learning-rate", "1e-9"])

    assert "the classifier is new" in capsys.readouterr().err
    run = Run.open(tmp_path / "run")
    assert (run.config.model, run.config.width) == ("mobilenet_v1", 0.25)
    start = run.results.start
    assert start
    assert (start.source, start.library, start.new_classifier) == (str(file), "timm", True)
    trained = safetensors.numpy.load_file(run.path / "weights.safetensors")
    for key, value in weights.items():
        if "classifier" not in key and "running" not in key:
            np.testing.assert_allclose(trained[key], value, rtol=1e-4, atol=1e-6, err_msg=key)
    form = graph.preprocessing_of(graph.load(run.path / "model.onnx"))
    assert form
    assert form.mean == (0.5, 0.5, 0.5)
    assert "It began with the weights" in (run.path / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert "It began with the weights" in (run.path / "report.html").read_text(encoding="utf-8")

    again = load(run.path)  # it says its network itself
    assert replace(again.architecture, padding=network.padding) == replace(network, classes=3)
    assert again.start.library == "depthwise"
    assert again.start.mean == form.mean
    assert again.weights.keys() == weights.keys()

    file.unlink()
    before = (run.path / "weights.safetensors").stat().st_mtime_ns
    main([*fit, "--learning-rate", "1e-9"])
    assert (run.path / "weights.safetensors").stat().st_mtime_ns == before


def test_weights_that_do_not_fit_leave_no_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photos = save_textures(tmp_path / "photos", sizes=(80,))
    fit = ["fit", str(photos), "--resolution", "32", "--epochs", "1", "-o", str(tmp_path / "run")]
    file = tmp_path / "v2.safetensors"
    network = architecture("mobilenet_v2", 0.35, 32)
    file.write_bytes(safetensors.numpy.save(to_library(graph.initialize(network.layers()), network, "timm")))
    for more, reason in (
        (["--weights", str(file)], "do not say which network they are of: name it, e.g. with --model"),
        (["--model", "mobilenet_v2", "--weights", str(file)], "misshapen (conv_stem.weight [16, 3, 3, 3], not [32"),
        (["--model", "mobilenet_v2", "--weights", "mobilenet_v2.imagenet"], "unknown weights 'mobilenet_v2.imagenet'"),
    ):
        with pytest.raises(SystemExit) as caught:
            main([*fit, *more])
        assert caught.value.code == 2
        assert reason in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
