"""Whatever a user does wrong: one clear line on standard error, exit code 2, nothing half-written."""

import errno
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import depthwise
from depthwise import graph
from depthwise.cli import main
from depthwise.design import architecture

Fails = Callable[..., str]


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def fails(capsys: pytest.CaptureFixture[str]) -> Fails:
    """Runs a command that must fail; returns its one line."""

    def run(*arguments: str, code: int = 2) -> str:
        before = sorted(Path().rglob("*"))
        with pytest.raises(SystemExit) as exit_:
            main(list(arguments))
        error = capsys.readouterr().err.strip().splitlines()
        assert exit_.value.code == code
        lines = [line for line in error if line.startswith("depthwise: ")]
        assert len(lines) == 1, error
        assert sorted(Path().rglob("*")) == before, "something was written"
        return lines[0]

    return run


def photos(folder: Path, classes: tuple[str, ...] = ("cat", "dog"), count: int = 4) -> Path:
    random = np.random.default_rng(0)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for i in range(count):
            Image.fromarray(random.integers(0, 255, (32, 32, 3), np.uint8)).save(folder / name / f"{i}.png")
    return folder


FIT = ("--model", "mobilenet_v1", "--width", "0.25", "--epochs", "1")


def test_a_missing_folder(fails: Fails) -> None:
    assert "nowhere" in fails("fit", "./nowhere/photos", *FIT)


def test_a_resolution_that_leaves_too_little_across(fails: Fails) -> None:
    assert "12 x 2 px" in fails("cost", "ds_cnn", "--resolution", "12")


def test_an_empty_folder(fails: Fails, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    assert "photos" in fails("fit", "photos", *FIT)


def test_one_class_only(fails: Fails, tmp_path: Path) -> None:
    photos(tmp_path / "photos", ("cat",))
    assert "cat" in fails("fit", "photos", *FIT)


def test_unknown_names_tell_the_nearest(fails: Fails, tmp_path: Path) -> None:
    photos(tmp_path / "photos")
    assert "mobilenet_v2" in fails("fit", "photos", "--model", "mobilnet_v2")
    assert "Did you mean 'host'" in fails("fit", "photos", *FIT, "--device", "hots")
    assert "fashion-mnist" in fails("fit", "fashion-minst", *FIT)


@pytest.mark.parametrize("time", ["3mn", "soon", "-5s", ""])
def test_a_time_that_does_not_parse(fails: Fails, time: str) -> None:
    assert "--train-time" in fails("fit", "fashion-mnist", "--model", "mobilenet_v1", f"--train-time={time}")


def test_epochs_and_time_exclude_each_other(fails: Fails) -> None:
    assert "exclude each other" in fails("fit", "fashion-mnist", *FIT, "--train-time", "3min")


@pytest.mark.parametrize(
    ("option", "value"),
    [("--width", "0"), ("--width", "-1"), ("--width", "nan"), ("--resolution", "2")],
)
def test_values_out_of_range(fails: Fails, option: str, value: str) -> None:
    line = fails("cost", "mobilenet_v2", f"{option}={value}")
    assert option.strip("-") in line
    assert value in line


@pytest.mark.parametrize(
    ("option", "value"),
    [("--seed", "-1"), ("--learning-rate", "-1"), ("--learning-rate", "nan"), ("--train-time", "0s")],
)
def test_training_options_out_of_range(fails: Fails, option: str, value: str) -> None:
    """Known before any data is read and any run folder made."""
    name = option.strip("-").replace("-", " ")
    assert f"{name} {value.rstrip('s')}" in fails("fit", "fashion-mnist", "--model", "mobilenet_v1", option, value)


def test_options_from_python(tmp_path: Path) -> None:
    folder = photos(tmp_path / "photos")
    for wrong, message in (
        ({"epoch": 1}, "Did you mean 'epochs'"),
        ({"width": "big"}, "width big cannot be used"),
        ({"epochs": 0}, "epochs 0 cannot be used"),
        ({"epochs": 1, "train_time": "3s"}, "exclude each other"),
    ):
        with pytest.raises(depthwise.UserError, match=message):
            depthwise.fit(folder, model="mobilenet_v1", **wrong)
    assert not (tmp_path / "runs").exists()


def test_all_that_a_name_can_be_is_an_option(capsys: pytest.CaptureFixture[str], fails: Fails) -> None:
    options = ["--width", "0.5", "--depth", "0.5", "--resolution", "64", "--classes", "5", "--channels", "1"]
    main(["cost", "efficientnet_b0", *options, "--deployable", "--json"])
    network = architecture("efficientnet_b0", 0.5, 64, 5, 1, 0.5, deployable=True)
    assert json.loads(capsys.readouterr().out)["macs"] == sum(layer.macs for layer in network.layers())
    graph.save(graph.build(network.layers()), "network.onnx")
    for command in (["cost"], ["check", "--device", "nrf52840"], ["profile"], ["devices", "roofline", "--model"]):
        line = fails(*command, "network.onnx", "--depth", "0.5", "--deployable")
        assert "--depth, --deployable apply to model names, not to network.onnx" in line
    assert "of which network? Name a --model" in fails("devices", "roofline", "--depth", "0.5")


def test_a_width_that_is_no_number(fails: Fails) -> None:
    assert "'--width'" in fails("cost", "mobilenet_v2", "--width", "wide")


def test_a_misspelt_option_and_command(fails: Fails) -> None:
    assert "--widht" in fails("cost", "mobilenet_v2", "--widht", "0.5")
    assert "cots" in fails("cots", "mobilenet_v2")
    assert "DATA" in fails("fit")


def test_shape_options_do_not_apply_to_files(fails: Fails, tmp_path: Path) -> None:
    small_model(tmp_path / "model.onnx")
    assert "--width" in fails("cost", "model.onnx", "--width", "0.5")


def small_model(path: Path) -> Path:
    layers = architecture("mobilenet_v1", 0.25, 32, classes=3).layers()
    graph.save(graph.build(layers, graph.initialize(layers)), path)
    return path


def test_truncated_garbage_and_missing_onnx(fails: Fails, tmp_path: Path) -> None:
    whole = small_model(tmp_path / "model.onnx").read_bytes()
    (tmp_path / "half.onnx").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.onnx").write_text("not a network")
    (tmp_path / "empty.onnx").write_bytes(b"")
    for name in ("half", "text", "empty", "missing"):
        assert f"{name}.onnx" in fails("compile", f"{name}.onnx", "-o", "build")


def test_names_that_are_no_c_identifiers(fails: Fails, tmp_path: Path) -> None:
    small_model(tmp_path / "model.onnx")
    for name in ("2fast", "my-net", "", "a b"):
        assert name in fails("compile", "model.onnx", "-o", "build", "--name", name)


def test_a_model_without_weights(fails: Fails) -> None:
    assert "weights" in fails("compile", "mobilenet_v2", "-o", "build")


def test_no_compiler_names_the_extra(fails: Fails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_model(tmp_path / "model.onnx")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setitem(sys.modules, "ziglang", None)
    line = fails("compile", "model.onnx", "-o", "build")
    assert "depthwise[cc]" in line
    assert "--emit-only" in line
    main(["compile", "model.onnx", "-o", "build", "--emit-only"])
    assert (tmp_path / "build" / "network.c").exists()


def test_a_network_over_its_devices_memory_says_by_how_much(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    small_model(tmp_path / "model.onnx")
    command = ["compile", "model.onnx", "-o", "build", "--emit-only", "--device"]
    board = 'description = "a board"\ntarget = "c"\nstack = "1K"\n'
    (tmp_path / "large.toml").write_text(f'{board}ram = "8M"\nflash = "64M"\n')
    (tmp_path / "small.toml").write_text(f'{board}ram = "3K"\nram_reserve = "1K"\nflash = "9K"\n')
    main([*command, "large.toml"])
    out, error = capsys.readouterr()
    assert "warning" not in error
    main([*command, "small.toml"])
    assert (tmp_path / "build" / "network.c").exists()  # a warning: what is over may lie elsewhere
    warnings = [line for line in capsys.readouterr().err.splitlines() if line.startswith("warning: ")]
    assert len(warnings) == 2
    ram, flash = (
        re.fullmatch(r"warning: (RAM|flash) (.+) KiB is (.+) KiB over the (.+) KiB .*check.*", w) for w in warnings
    )
    assert ram and flash
    for found, limit in ((ram, 2), (flash, 9)):
        assert float(found[2]) - float(found[3]) == pytest.approx(float(found[4]), abs=0.2) == limit
    taken = re.search(r"RAM (.+?) KiB =", out)
    assert taken and float(ram[2]) == pytest.approx(float(taken[1]) + 1, abs=0.2)  # and the stack


def test_an_output_folder_with_other_things(fails: Fails, tmp_path: Path) -> None:
    small_model(tmp_path / "model.onnx")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("years")
    assert "-o" in fails("compile", "model.onnx", "-o", "mine")
    assert "-o" in fails("fit", str(photos(tmp_path / "photos")), *FIT, "-o", "mine")


def test_a_different_run_names_the_flag(fails: Fails, tmp_path: Path) -> None:
    from depthwise.config import Config
    from depthwise.runs import Run

    photos(tmp_path / "photos")
    Run.create(tmp_path / "run", Config(data="photos", model="mobilenet_v1", width=0.5, epochs=1))
    line = fails("fit", "photos", *FIT, "-o", "run")
    assert "different run" in line
    assert "-o" in line


def test_a_full_disk(fails: Fails, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_model(tmp_path / "model.onnx")

    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    assert "disk is full" in fails("compile", "model.onnx", "-o", "build", "--emit-only")


def test_run_without_a_run(fails: Fails, tmp_path: Path) -> None:
    assert "runs/photos" in fails("run", "runs/photos", "cat.jpg")
    (tmp_path / "empty").mkdir()
    assert "empty" in fails("run", "empty", "cat.jpg")
    assert "not a run folder" in fails("report", "empty")


def test_interrupted(fails: Fails, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*arguments: object, **options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("depthwise.data.load", interrupt)
    assert "takes it up again" in fails("fit", "fashion-mnist", *FIT)


def test_no_compiler_is_found_out_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    photos(tmp_path / "photos", count=12)
    monkeypatch.setenv("CC", str(tmp_path / "nothing"))
    monkeypatch.setattr("depthwise.training.train", lambda *arguments: pytest.fail("trained without a compiler"))
    with pytest.raises(SystemExit):
        main(["fit", "photos", *FIT, "--resolution", "32", "-o", "run"])
    assert "CC is" in capsys.readouterr().err
