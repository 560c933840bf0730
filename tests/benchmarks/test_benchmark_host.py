"""The benchmark of this machine, on a tiny network: what it writes, what it leaves out and why."""

import ctypes
import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.dom import minidom

import numpy as np
import pytest

from benchmarks import figure, host, native, results, table
from benchmarks.networks import NETWORKS, Network
from benchmarks.results import Row
from benchmarks.rounds import _check
from benchmarks.runtimes import RUNTIMES
from benchmarks.runtimes.base import Session, seconds_of_runs
from benchmarks.worker import FailedError, Worker
from depthwise.errors import UserError

ROOT = Path(__file__).parents[2]
TINY = "mobilenet_v1_0.25_32"

ROW = Row("n", "float32", 1, "depthwise", "1", 1.0, 0.9, 0.8, 2.0, "NHWC", "float32")


def other(milliseconds: float, **changes: object) -> Row:
    return replace(ROW, runtime="other", median_ms=milliseconds, **changes)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """The CSV of one quick run, and what was printed to standard output and standard error."""
    pytest.importorskip("onnxruntime")
    path = tmp_path_factory.mktemp("benchmark") / "tiny.csv"
    command = ["-m", "benchmarks.host", "--quick", "--networks", TINY, "--against", "onnxruntime", "--threads", "1,2"]
    done = subprocess.run(
        [sys.executable, *command, "-o", str(path)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return path, done.stdout, done.stderr


def test_rows(run: tuple[Path, str, str]) -> None:
    rows, _ = results.read(run[0])
    found = {(row.runtime, row.threads, row.input_type): row for row in rows}
    assert {key[:2] for key in found} == {
        ("depthwise", 1),
        ("depthwise-python", 1),
        ("onnxruntime", 1),
        ("onnxruntime", 2),
    }
    assert {key[2] for key in found} == {"float32", "uint8"}
    assert len(found) == len(rows) == 8
    for row in rows:
        assert (row.network, row.precision) == (TINY, "float32")
        assert 0 < row.minimum_ms <= row.median_ms
        assert 0 < row.floor_ms < row.median_ms
        assert row.load_ms > 0
    assert found["depthwise", 1, "float32"].layout == "NHWC"
    assert found["onnxruntime", 1, "float32"].layout == "NCHW"


def test_head_of_the_file(run: tuple[Path, str, str]) -> None:
    _, comments = results.read(run[0])
    assert [text.partition(":")[0] for text in comments[:6]] == [
        "machine",
        "compiler",
        "date",
        "python",
        "peak",
        "method",
    ]
    columns = next(line for line in run[0].read_text().splitlines() if not line.startswith("#"))
    assert columns == (
        "network,precision,threads,runtime,version,median_ms,minimum_ms,floor_ms,load_ms,layout,input_type"
    )


def test_what_is_printed(run: tuple[Path, str, str]) -> None:
    assert f"{TINY}, float32, 1 thread, from the normalized image: floor" in run[1]
    assert f"{TINY}, float32, 2 threads, from camera bytes: floor" in run[1]
    assert "times our time (geometric mean of 1;" in run[1]
    assert "depthwise: skipped: not measured with 2 threads" in run[2]


def test_figure(run: tuple[Path, str, str], tmp_path: Path) -> None:
    pytest.importorskip("altair")
    figure.main(run[0], tmp_path / "figure.svg")
    text = (tmp_path / "figure.svg").read_text()
    minidom.parseString(text)
    assert f">{TINY}<" in text
    assert "onnxruntime takes " in text
    assert set(used_variables(text)) <= set(defined_variables(text))
    with pytest.raises(UserError, match=r"no rows of float32 with 5 threads"):
        figure.main(run[0], tmp_path / "none.svg", threads=5)


def used_variables(text: str) -> list[str]:
    return [part.partition(")")[0] for part in text.split("var(")[1:]]


def defined_variables(text: str) -> list[str]:
    return [word.rstrip(":") for word in text.split("</style>")[0].split() if word.startswith("--")]


def test_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    name = next(name for name, runtime in RUNTIMES.items() if runtime.modules)
    gone = replace(RUNTIMES[name], modules=("no_such_module",))
    monkeypatch.setitem(RUNTIMES._objects, name, gone)
    assert host._taking_part([name], "float32", 1) == []
    assert capsys.readouterr().err == (
        f"{name}: skipped: no_such_module not installed: pip install 'depthwise[bench]'\n"
    )


def test_precisions_are_refused_by_name() -> None:
    assert RUNTIMES["depthwise"].refusal("int8", 1) == "not measured in int8"
    assert RUNTIMES["depthwise"].refusal("float32", 1) is None
    with pytest.raises(UserError, match="no peak is measured in int8"):
        native.peak("int8", 1, 0.01)


def test_a_runtime_that_dies_is_one_line(tmp_path: Path) -> None:
    worker = Worker("no_such_runtime", TINY, "float32", 1, tmp_path)
    with pytest.raises(FailedError, match=r"process ended with code 1, after '.*no_such_runtime"):
        worker.load()
    worker.close()


def test_wrong_outputs_are_left_out() -> None:
    expected = np.asarray([[1.0, -4.0]], np.float32)
    _check(expected * np.float32(1.001), expected, "float32")
    for wrong, message in (
        (expected * np.float32(1.01), "differ by 1.0e-02"),
        (expected * np.float32(np.nan), "differ by nan"),
        (expected[:, :1], r"gives \[1, 1\]"),
    ):
        with pytest.raises(FailedError, match=message):
            _check(wrong, expected, "float32")


def test_peak() -> None:
    assert 1e8 < native.peak("float32", 1, 0.02) < 1e13
    assert 1e8 < native.peak("float32", 2, 0.02) < 1e13


def test_a_call_that_fails_is_not_timed() -> None:
    """NULL pointers are an error of the network, not a fast run."""
    with pytest.raises(RuntimeError, match="the network returned"):
        native.time_calls(always_one(), [None] * 4, 3)


def always_one() -> object:
    kind = ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 4)
    return kind(lambda *_: 1)


def test_a_round_has_enough_runs() -> None:
    calls = []
    times = seconds_of_runs(Session(lambda: calls.append(0), lambda: np.empty(1), "NCHW", 0), 0.0)
    assert len(times) == 5
    assert len(calls) == 6


def test_table_is_kept_whole(tmp_path: Path) -> None:
    rows = [ROW, other(1.25, threads=2, input_type="uint8")]
    results.write(tmp_path / "x.csv", rows, ["machine: this one", "date: today"])
    assert results.read(tmp_path / "x.csv") == (rows, ["machine: this one", "date: today"])
    (tmp_path / "x.csv").write_text("network,runtime\n")
    with pytest.raises(UserError, match="has the columns"):
        results.read(tmp_path / "x.csv")
    with pytest.raises(UserError, match="does not exist"):
        results.read(tmp_path / "none.csv")


def test_ratios() -> None:
    rows = [ROW, other(1.5), other(2.0), replace(ROW, runtime="depthwise-python", median_ms=1.01)]
    assert results.lead(rows) == 1.5
    assert results.lead(rows[1:]) is None
    assert math.isclose(results.geometric_mean([1.0, 4.0]), 2.0)
    assert table.python_overhead(rows) == pytest.approx(0.01)
    second = [replace(ROW, network="m"), other(6.0, network="m")]
    (line,) = table.summary([*rows, *second])
    assert "takes 3.00 times our time (geometric mean of 2; 1.50 to 6.00)" in line


def test_networks() -> None:
    network = Network(TINY)
    assert network.image.shape == (1, 3, 32, 32)
    assert network.logits.shape == (1, network.outputs) == (1, 1000)
    np.testing.assert_array_equal(network.weights["stem.conv.weight"], Network(TINY).weights["stem.conv.weight"])
    assert all(Network(name).layers for name in NETWORKS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"networks": "mobilenet_v9_1.0_224"}, "unknown model 'mobilenet_v9'"),
        ({"networks": "mobilenet_v1_big_224"}, "'mobilenet_v1_big_224' is no network: write MODEL_WIDTH_RESOLUTION"),
        ({"threads": "0"}, "--threads '0' is no number of threads"),
        ({"precision": "float16"}, "unknown precision 'float16'"),
        ({"against": "onnxruntim"}, "unknown runtime 'onnxruntim'. Did you mean 'onnxruntime'"),
    ],
)
def test_bad_options(options: dict[str, str], message: str) -> None:
    with pytest.raises(UserError) as error:
        host.main(**options)
    assert str(error.value).startswith(message)


ELSEWHERE = ("depthwise", "depthwise-python", "onnxruntime", "executorch", "torch-compile")
"""Those of the run above, and those that take most of a minute to compile, which the benchmark itself checks."""


@pytest.mark.parametrize("name", [name for name in RUNTIMES if name not in ELSEWHERE])
def test_every_installed_runtime_is_right(name: str, tmp_path: Path) -> None:
    """From floats and from camera bytes."""
    if RUNTIMES[name].missing():
        pytest.skip(str(RUNTIMES[name].refusal("float32", 1)))
    worker = Worker(name, TINY, "float32", 1, tmp_path)
    try:
        for input_type, loaded in worker.load().items():
            _check(loaded.logits, Network(TINY).logits, input_type)
            assert loaded.model_bytes > 0
    finally:
        worker.close()
