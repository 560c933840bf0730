"""`fit` killed at random times and called again ends as if it had never been killed."""

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from depthwise.files import TEMPORARY, file_fingerprint
from depthwise.runs import Run
from thorough import enough

KILLS = enough(8, 20)
SEARCH_KILLS = enough(2, 3)
EPOCHS = 4

Job = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of noisy stripes, 32 px, 40 images each."""
    folder = tmp_path_factory.mktemp("photos")
    generator = np.random.default_rng(0)
    for k, name in enumerate(("flat", "lying", "standing")):
        (folder / name).mkdir()
        wave = np.sin(np.arange(32) * 0.9)
        pattern = [np.zeros((32, 32)), np.outer(wave, np.ones(32)), np.outer(np.ones(32), wave)][k]
        for i in range(40):
            noisy = 128 + 60 * pattern[..., None] + generator.normal(0, 40, (32, 32, 3))
            Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(folder / name / f"{i}.png")
    return folder


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """Runs one command in a process of its own, killed after a while if asked."""
    log = (tmp_path_factory.mktemp("log") / "stderr").open("w+")
    harness = subprocess.Popen(
        [sys.executable, str(Path(__file__).parent / "fork_fit.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    assert harness.stdin
    assert harness.stdout
    stdin, stdout = harness.stdin, harness.stdout

    def run(arguments: list[str], kill_after: float | None = None) -> dict[str, Any]:
        stdin.write(json.dumps({"arguments": arguments, "kill_after": kill_after}) + "\n")
        stdin.flush()
        answer: dict[str, Any] = json.loads(stdout.readline())
        if answer["code"] > 0:
            log.seek(0)
            raise AssertionError(log.read()[-4000:])
        return answer

    yield run
    stdin.close()
    harness.wait(timeout=60)
    stdout.close()
    log.close()


def command(photos: Path, output: Path) -> list[str]:
    fit = ["fit", str(photos), "--model", "mobilenet_v1", "--width", "0.25", "--epochs", str(EPOCHS)]
    return [*fit, "--batch-size", "16", "--precision", "float32", "-o", str(output)]


def searching(photos: Path, output: Path) -> list[str]:
    fit = ["fit", str(photos), "--macs", "500k", "--resolution", "24", "--epochs", "2"]
    return [*fit, "--batch-size", "16", "--precision", "float32", "-o", str(output)]


class _Headings(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.sections = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.sections += tag == "section"

    def handle_endtag(self, tag: str) -> None:
        self.open.append(tag)


def check_report(path: Path) -> int:
    """That the page is whole; returns its number of sections."""
    parser = _Headings()
    parser.feed(path.read_text())
    assert parser.open[-1] == "html"
    return parser.sections


def test_a_killed_run_resumes_to_the_same_weights(photos: Path, job: Job, tmp_path: Path) -> None:
    job(command(photos, tmp_path / "warm"))  # fills the caches, so that the time below is that of a later run
    whole = job(command(photos, tmp_path / "whole"))
    expected = file_fingerprint(tmp_path / "whole" / "weights.safetensors")
    results = Run.open(tmp_path / "whole").results
    sections = check_report(tmp_path / "whole" / "report.html")
    generator = random.Random(0)
    killed = 0
    for i in range(2 * KILLS):
        output = tmp_path / f"run{i}"
        answer = job(command(photos, output), kill_after=generator.uniform(0, whole["seconds"]))
        if answer["code"] == 0:
            continue  # it was over before its kill: on a shared machine one run is twice as fast as the other
        killed += 1
        assert job(command(photos, output))["code"] == 0
        assert file_fingerprint(output / "weights.safetensors") == expected
        again = Run.open(output).results
        assert again.accuracy == results.accuracy
        assert again.training
        assert results.training
        assert [row.train_loss for row in again.training.history] == [
            row.train_loss for row in results.training.history
        ]
        assert check_report(output / "report.html") == sections
        assert not [p for p in output.rglob("*") if p.name.startswith(TEMPORARY)]
        if killed == KILLS:
            return
    pytest.fail(f"only {killed} of {2 * KILLS} runs were killed before their end: the test proves little")


def test_the_same_command_on_a_finished_run_changes_nothing(photos: Path, job: Job, tmp_path: Path) -> None:
    output = tmp_path / "run"
    job(command(photos, output))
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*") if path.is_file() and path.name != ".lock"}
    again = job(command(photos, output))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert again["seconds"] < 3


def test_a_killed_search_ends_with_the_same_choice(photos: Path, job: Job, tmp_path: Path) -> None:
    job(searching(photos, tmp_path / "warm"))
    whole = job(searching(photos, tmp_path / "whole"))
    expected = Run.open(tmp_path / "whole").results.search
    assert expected
    output = tmp_path / "broken"
    generator = random.Random(0)
    codes = [
        job(searching(photos, output), kill_after=generator.uniform(0.1, 0.4) * whole["seconds"])["code"]
        for _ in range(SEARCH_KILLS)
    ]
    assert min(codes) < 0
    assert job(searching(photos, output))["code"] == 0
    found = Run.open(output).results.search
    assert found
    assert (found.choice, found.runner_up) == (expected.choice, expected.runner_up)
    assert [(t.candidate, t.rung, t.accuracy) for t in found.trials] == [
        (t.candidate, t.rung, t.accuracy) for t in expected.trials
    ]
    name = "weights.safetensors"
    assert file_fingerprint(output / name) == file_fingerprint(tmp_path / "whole" / name)
    check_report(output / "report.html")
