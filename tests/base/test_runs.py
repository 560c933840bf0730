"""The run folder."""

import json
from pathlib import Path

import pytest

from depthwise.config import Config
from depthwise.errors import UserError
from depthwise.results import Interval, Results
from depthwise.runs import Run

CONFIG = Config(data="photos", model="mobilenet_v1", epochs=2)


def test_create_then_open(tmp_path: Path) -> None:
    Run.create(tmp_path / "r", CONFIG)
    assert Run.open(tmp_path / "r").config == CONFIG


def test_the_same_run_is_taken_up_and_another_is_refused(tmp_path: Path) -> None:
    Run.create(tmp_path / "r", CONFIG)
    assert Run.create(tmp_path / "r", CONFIG).config == CONFIG
    with pytest.raises(
        UserError, match=r"holds a different run \(width 1\.0 there, 0\.5 now\): give another folder with -o"
    ):
        Run.create(tmp_path / "r", CONFIG.model_copy(update={"width": 0.5}))


def test_a_folder_with_other_things_is_refused_and_untouched(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match="exists and is not a run folder"):
        Run.create(tmp_path, CONFIG)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r").write_text("x")
    with pytest.raises(UserError, match="exists and is not a run folder"):
        Run.create(tmp_path / "r", CONFIG)


def test_open_names_the_damage(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a run folder"):
        Run.open(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**CONFIG.model_dump(), "width": "wide"}))
    with pytest.raises(UserError, match=r"config\.json is damaged at width"):
        Run.open(tmp_path)
    (tmp_path / "config.json").write_text('{"data": ')
    with pytest.raises(UserError, match=r"config\.json is damaged"):
        Run.open(tmp_path)


def test_results_round_trip_and_damage(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "r", CONFIG)
    assert run.results == Results()
    results = Results(accuracy={"float32": {"compiled": Interval.of(89, 100)}}, shipped="float32")
    run.record(results)
    assert run.results == results
    (run.path / "results.json").write_text("{}}")
    with pytest.raises(UserError, match=r"results\.json is damaged"):
        _ = run.results


def test_a_stage_is_skipped_only_while_key_and_files_hold(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "r", CONFIG)
    done: list[str] = []

    def work() -> None:
        done.append("x")
        (run.path / "out").write_text("x")

    assert run.stage("a", {"k": 1}, ["out"], work)
    assert not run.stage("a", {"k": 1}, ["out"], work)
    assert run.stage("a", {"k": 2}, ["out"], work)
    (run.path / "out").unlink()
    assert run.stage("a", {"k": 2}, ["out"], work)
    assert len(done) == 3


def test_a_stage_done_again_undoes_those_after_it_even_if_it_is_killed(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "r", CONFIG)
    for name in "abc":
        run.stage(name, {}, [], lambda: None)
    with pytest.raises(KeyboardInterrupt):
        run.stage("b", {"changed": 1}, [], lambda: (_ for _ in ()).throw(KeyboardInterrupt()))
    assert [name for name in "abc" if run.stage(name, {}, [], lambda: None)] == ["b", "c"]


def test_a_stage_that_fails_is_not_done(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "r", CONFIG)
    with pytest.raises(RuntimeError):
        run.stage("a", {}, [], lambda: (_ for _ in ()).throw(RuntimeError()))
    assert run.stage("a", {}, [], lambda: None)


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    run = Run.create(tmp_path / "r", CONFIG)
    with run.locked(), pytest.raises(UserError, match="in use by another process"), Run.open(run.path).locked():
        pass
    with Run.open(run.path).locked():
        pass


def test_wilson_interval_against_published_figures() -> None:
    # Newcombe 1998 (Statistics in Medicine 17), table I, method 3.
    for correct, total, low, high in ((81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611)):
        interval = Interval.of(correct, total)
        assert interval.low == pytest.approx(low, abs=5e-5)
        assert interval.high == pytest.approx(high, abs=5e-5)


def test_a_slash_at_the_end_makes_no_other_run() -> None:
    assert Config(data="photos/", model="mobilenet_v1", epochs=2) == CONFIG
    assert Config.of(data=Path("photos"), model="mobilenet_v1", epochs=2) == CONFIG
    assert Config(data="/", model="mobilenet_v1").data == "/"
