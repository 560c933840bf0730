"""From a budget to a network: with a real, very short search."""

import json
import math
import random
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import depthwise
from depthwise import design, workflow
from depthwise.cli import main
from depthwise.config import Config
from depthwise.device import load_device
from depthwise.errors import UserError
from depthwise.files import file_fingerprint
from depthwise.progress import Silent
from depthwise.runs import Run
from depthwise.selection.candidates import axes_of, candidates
from depthwise.selection.task import Task
from depthwise.workflow import fit, replay

LIMIT = 500_000
"""MACs: small networks, so that a search takes seconds."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of noisy stripes, 24 px grey, 40 images each."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    wave = np.sin(np.arange(24) * 0.9)
    patterns = (np.zeros((24, 24)), np.outer(wave, np.ones(24)), np.outer(np.ones(24), wave))
    for name, pattern in zip(("flat", "lying", "standing"), patterns, strict=True):
        (folder / name).mkdir()
        for i in range(40):
            noisy = 128 + 60 * pattern + generator.normal(0, 30, (24, 24))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / name / f"{i}.png")
    return folder


def config_of(photos: Path, **choices: object) -> Config:
    return Config.of(data=photos, **{"macs": LIMIT, "epochs": 2, "batch_size": 16, "precision": "float32", **choices})


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run with a search."""
    return fit(config_of(photos), tmp_path_factory.mktemp("runs") / "whole")


def test_the_chosen_network_keeps_the_budget_and_is_the_one_that_ships(whole: Run) -> None:
    results = whole.results
    assert results.search
    assert results.cost
    chosen = next(one for one in results.search.candidates if one.name == results.search.choice)
    assert results.cost.macs == chosen.macs <= LIMIT
    assert results.cost.parameters == chosen.parameters
    figures = {figure.name: figure for figure in results.budget}
    assert figures["macs"].limit == LIMIT
    assert figures["macs"].short == 0
    memory = results.memory["float32"]
    assert (figures["ram"].value, figures["ram"].certainty) == (memory.ram, "exact")
    assert (figures["flash"].value, figures["flash"].certainty) == (memory.flash, "exact")
    assert figures["latency"].certainty == "measured"


def test_every_candidate_fits_and_at_most_five_were_timed(whole: Run) -> None:
    assert whole.results.search
    pool = whole.results.search.candidates
    assert all(one.macs <= LIMIT for one in pool)
    assert 1 <= sum(one.latency_certainty == "measured" for one in pool) <= 5
    assert {one.model for one in pool} <= set(design.MODELS)
    for one in pool:
        network = design.architecture(one.model, one.width, one.resolution, 3, 1, depth=one.depth)
        assert sum(layer.macs for layer in network.layers()) == one.macs


def test_thinning_is_tried_at_two_resolutions_with_equal_epochs(whole: Run) -> None:
    found = whole.results.search
    assert found
    pool = {one.name: one for one in found.candidates}
    first = [pool[trial.candidate] for trial in found.trials if trial.rung == 0]
    groups = Counter((one.model, one.depth) for one in first)
    ((lead, _),) = groups.most_common(1)
    grid = [one for one in first if (one.model, one.depth) == lead]
    for resolution in {one.resolution for one in grid}:
        column = [one for one in pool.values() if (one.model, one.depth, one.resolution) == (*lead, resolution)]
        assert {one.width for one in column} == {one.width for one in grid if one.resolution == resolution}
        assert len(column) == 4
    assert len({one.resolution for one in grid}) == 2
    assert len({trial.epochs for trial in found.trials if trial.rung == 0}) == 1


def test_nothing_of_the_trials_is_left(whole: Run) -> None:
    names = {path.name for path in whole.path.iterdir()}
    assert "trials" not in names
    assert {"search.json", "search.db", "plan.json", "report.html"} <= names


def test_the_same_command_again_only_reads(whole: Run, photos: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in whole.path.rglob("*") if path.name != ".lock"}
    fit(config_of(photos), whole.path)
    assert {path: path.stat().st_mtime_ns for path in whole.path.rglob("*") if path.name != ".lock"} == before


def test_stopped_anywhere_the_choice_and_the_weights_are_the_same(
    whole: Run, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StoppedError(Exception):
        """Stands for the end of the process."""

    class Fragile:
        """A progress that ends the run at its n-th word."""

        def __init__(self, left: int) -> None:
            self.left = left

        def stage(self, name: str) -> None:
            self.step(0, 0)

        def step(self, done: int, total: int, text: str = "") -> None:
            self.left -= 1
            if self.left < 0:
                raise StoppedError

        def note(self, text: str) -> None:
            pass

    generator = random.Random(0)
    path = tmp_path / "broken"
    stops = 0
    while True:
        try:
            run = fit(config_of(photos), path, Fragile(generator.randrange(4, 20 + 10 * stops)))
        except StoppedError:
            stops += 1
            assert stops < 50
            continue
        break
    assert stops >= 2
    assert run.results.search
    assert whole.results.search
    assert run.results.search.choice == whole.results.search.choice
    assert [(t.candidate, t.rung, t.accuracy) for t in run.results.search.trials] == [
        (t.candidate, t.rung, t.accuracy) for t in whole.results.search.trials
    ]
    name = "weights.safetensors"
    assert file_fingerprint(run.path / name) == file_fingerprint(whole.path / name)


def test_a_replay_ends_with_the_same_weights(whole: Run, tmp_path: Path) -> None:
    again = replay(whole.path, tmp_path / "again")
    assert again.results.search
    assert whole.results.search
    assert again.results.search.choice == whole.results.search.choice
    name = "weights.safetensors"
    assert file_fingerprint(again.path / name) == file_fingerprint(whole.path / name)
    assert json.loads((again.path / "search.json").read_text()) == json.loads((whole.path / "search.json").read_text())


def test_a_replay_into_the_run_itself_is_refused(whole: Run) -> None:
    with pytest.raises(UserError, match="is the run itself"):
        replay(whole.path, whole.path)


def test_a_limit_of_latency_is_kept_on_this_machine(photos: Path, tmp_path: Path) -> None:
    run = fit(config_of(photos, macs=400_000, latency=0.02, resolution=24), tmp_path / "run")
    figures = {figure.name: figure for figure in run.results.budget}
    assert figures["latency"].value < 0.02
    assert figures["latency"].certainty == "measured"


def test_the_time_is_told_and_kept(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "run"
    begin = time.monotonic()
    main(["fit", str(photos), "--macs", "150k", "--train-time", "20s", "--precision", "float32", "-o", str(path)])
    spent = time.monotonic() - begin
    results = Run.open(path).results
    assert "0.333 min in all" in capsys.readouterr().err
    # Other programs run beside the tests, so the limit itself is not held here.
    assert results.seconds["search"] + results.seconds["training"] < min(spent, 5 * 20)


def test_families_are_an_axis_and_those_that_do_not_fit_drop_out(photos: Path) -> None:
    choice = {"families": "mobilenet_v[12], mobilenet_v3_small*", "deployable": True, "precision": "int8"}
    config = config_of(photos, device="nrf52840", **choice)
    images = workflow.read_data(config, Silent())
    for macs, models in ((10**7, ("mobilenet_v[12]", "mobilenet_v3_small*")), (LIMIT, ("mobilenet_v1",))):
        task = Task(config.model_copy(update={"macs": macs}), load_device("nrf52840"), images, Silent())
        pool = candidates(task, axes_of(task), math.inf)
        assert {one.model for one in pool} == set(design.searched_models(models))
        for one in pool:
            network = design.architecture(one.model, one.width, one.resolution, 3, 1, one.depth, deployable=True)
            assert sum(layer.macs for layer in network.layers()) == one.macs <= macs


def test_with_too_little_time_the_quickest_networks_are_left(photos: Path) -> None:
    config = config_of(photos, device="nrf52840", precision="int8")
    task = Task(config, load_device("nrf52840"), workflow.read_data(config, Silent()), Silent())
    every, quickest = (candidates(task, axes_of(task), affordable) for affordable in (math.inf, 1.0))
    most = 2 * min(task.elements(one) for one in every)
    assert 1 < len(quickest) < len(every)
    assert max(task.elements(one) for one in quickest) <= most


def test_what_an_old_run_did_is_not_done_again(photos: Path) -> None:
    """Choices that came later are no part of its fingerprints unless they are made."""
    assert config_of(photos).unasked == {"families", "deployable"}
    assert config_of(photos, families="mobilenet_v1", deployable=True).unasked == set()


def test_a_device_with_a_memory_is_searched_for(photos: Path, tmp_path: Path) -> None:
    limits = {"ram": 40 * 1024, "flash": 150 * 1024}
    run = fit(config_of(photos, device="rp2040", precision="int8", **limits), tmp_path / "run")
    assert set(run.results.memory) == {"float32", "int8"}
    figures = {figure.name: figure for figure in run.results.budget}
    assert figures["ram"].value <= 40 * 1024
    assert figures["flash"].value <= 150 * 1024
    assert not any(figure.short for figure in run.results.budget)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as stopped:
        main(["fit", *arguments])
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("depthwise: ")]
    assert len(lines) == 1
    return int(stopped.value.code or 0), lines[0]


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["--macs", "10"], 1, ["no network fits host", "the nearest is", "MACs over the limit of 10"]),
        (["--device", "nrf52840", "--ram", "2K"], 1, ["no network fits nrf52840", "B RAM over the limit of 2.0 KiB"]),
        (["--model", "mobilenet_v1", "--parameters", "1000"], 1, ["does not fit host", "parameters over the limit"]),
        (["--device", "nrf52840", "--ram", "1G"], 2, ["more than nrf52840 has"]),
        (["--macs", "5Q"], 2, ["5Q", "count"]),
        (["--macs", "0"], 2, ["out of range"]),
        (["--latency", "fast"], 2, ["fast", "time"]),
        (["--width", "0.5"], 2, ["width 0.5", "without a model"]),
        (["--depth", "0.5"], 2, ["depth 0.5", "without a model"]),
        (["--device", "nrf5240"], 2, ["nrf52840"]),
        (["--families", "mobilenet_v1,mobilnet_v2"], 2, ["unknown model 'mobilnet_v2'", "mobilenet_v2"]),
        (["--families", "mobilenet_v*", "--model", "mobilenet_v1"], 2, ["families", "leave one out"]),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    code: int,
    words: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    status, line = refused(capsys, str(photos), *options)
    assert status == code, line
    assert all(word in line for word in words), line
    assert not list(tmp_path.iterdir())


def test_replay_takes_no_other_choice(whole: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert refused(capsys, "--replay", str(whole.path), "--macs", "1M")[0] == 2
    assert "no DATA is given" in refused(capsys, "--macs", "1M")[1]
    assert "not a run folder" in refused(capsys, "--replay", str(whole.path / "c"))[1]


def test_check_of_a_run_tells_what_its_own_candidates_would_cost(whole: Run) -> None:
    found = whole.results.search
    assert found
    first = {trial.candidate: trial.accuracy.value for trial in found.trials if trial.rung == 0}
    pool = {one.name: one for one in found.candidates}
    limit = pool[found.choice].macs - 1
    verdict = depthwise.check(whole.path, "host", macs=str(limit))
    told = [change for change in verdict.changes if "this run" in change.accuracy_from]
    cheaper = sorted((first[name] for name in first if pool[name].macs <= limit), reverse=True)
    assert [change.accuracy for change in told] == [
        round(100 * (first[found.choice] - value), 1) for value in cheaper[:3]
    ]
    assert all(change.macs <= limit for change in told)
