"""The benchmark of this machine, on a tiny network: what it writes, what it leaves out and why."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from xml.dom import minidom

import pytest

from benchmarks import figure, host, results
from benchmarks.networks import NETWORKS, architecture_of, write
from depthwise.errors import UserError
from depthwise.profiling.comparison import Row

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
    command += ["--precision", "float32,int8"]
    done = subprocess.run(
        [sys.executable, *command, "-o", str(path)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    return path, done.stdout, done.stderr


def test_rows(run: tuple[Path, str, str]) -> None:
    rows, _ = results.read(run[0])
    found = {(row.runtime, row.threads, row.precision, row.input_type): row for row in rows}
    runtimes = ("depthwise", "depthwise-python", "onnxruntime")
    begins = [("float32", "float32"), ("float32", "uint8"), ("int8", "float32"), ("int8", "uint8"), ("int8", "int8")]
    assert set(found) == {(name, threads, *begin) for name in runtimes for threads in (1, 2) for begin in begins}
    assert len(found) == len(rows)
    for row in rows:
        assert row.network == TINY
        assert 0 < row.minimum_ms <= row.median_ms
        assert 0 < row.floor_ms < row.median_ms
        assert row.load_ms > 0
    assert found["depthwise", 1, "float32", "float32"].layout == "NHWC"
    assert found["onnxruntime", 1, "float32", "float32"].layout == "NCHW"


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
    assert f"{TINY}, int8, 2 threads, from 8-bit values: floor" in run[1]
    assert "times our time (geometric mean of 1;" in run[1]


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


def test_table_is_kept_whole(tmp_path: Path) -> None:
    rows = [ROW, other(1.25, threads=2, input_type="uint8")]
    results.write(tmp_path / "x.csv", rows, ["machine: this one", "date: today"])
    assert results.read(tmp_path / "x.csv") == (rows, ["machine: this one", "date: today"])
    (tmp_path / "x.csv").write_text("network,runtime\n")
    with pytest.raises(UserError, match="has the columns"):
        results.read(tmp_path / "x.csv")
    with pytest.raises(UserError, match="does not exist"):
        results.read(tmp_path / "none.csv")


def test_networks(tmp_path: Path) -> None:
    network = write(TINY, tmp_path / "one")
    assert network.image.shape == (1, 3, 32, 32)
    assert network.answer.shape == network.output_shape == (1, 1000)
    assert network.path.read_bytes() == write(TINY, tmp_path / "two").path.read_bytes()
    assert all(architecture_of(name).layers() for name in NETWORKS)


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
