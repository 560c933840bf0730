"""The built wheel, alone with its core dependencies: no source tree, no torch, and it still compiles a model to C."""

import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement

from depthwise import design, graph
from depthwise.data.preprocessing import Preprocessing

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "depthwise"
CLASSES = ("cat", "dog", "owl")


def run(*command: str | Path, cwd: Path, succeeds: bool = True) -> str:
    """Output of a command in an environment that knows nothing of this source tree."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=settings | {"DEPTHWISE_CACHE": str(cwd / "cache")},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert (done.returncode == 0) == succeeds, done.stdout + done.stderr
    return done.stdout if succeeds else done.stderr


def core_dependencies(requirements: list[str]) -> dict[str, metadata.Distribution]:
    """The distributions that pip would install for `requirements`, found in the development environment."""
    found: dict[str, metadata.Distribution] = {}
    todo = [Requirement(text) for text in requirements]
    seen: set[tuple[str, str]] = set()
    while todo:
        requirement = todo.pop()
        for extra in ("", *requirement.extras):
            if (requirement.name, extra) in seen:
                continue
            seen.add((requirement.name, extra))
            found[requirement.name] = metadata.distribution(requirement.name)
            for text in found[requirement.name].requires or []:
                needed = Requirement(text)
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    todo.append(needed)
    return found


def files_of(distribution: metadata.Distribution) -> Iterator[tuple[Path, str]]:
    """Where each file of a distribution lies, and its path below site-packages (its commands are left out)."""
    for file in distribution.files or []:
        if ".." not in file.parts:
            yield Path(str(distribution.locate_file(file))), str(file)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def empty(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands' folder of an environment with the wheel and what its metadata asks for, not a package more."""
    folder = tmp_path_factory.mktemp("empty") / "environment"
    venv.create(folder, symlinks=True)
    (site,) = folder.glob("lib/python*/site-packages")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode().split("\n\n")[0].splitlines()
    needed = [line.removeprefix("Requires-Dist: ") for line in lines if line.startswith("Requires-Dist: ")]
    needed = [text for text in needed if "extra ==" not in text]
    assert needed, "the wheel asks for nothing"
    for distribution in core_dependencies(needed).values():
        for source, target in files_of(distribution):
            (site / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, site / target)
    pip = [sys.executable, "-m", "pip", "--python", folder / "bin" / "python"]
    run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel, cwd=folder.parent)
    run(*pip, "check", cwd=folder.parent)
    return folder / "bin"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder: model.onnx, a small random network; images.npy, and the first of them in image.raw."""
    folder = tmp_path_factory.mktemp("desk")
    layers = design.architecture("mobilenet_v2", width=0.35, resolution=32, classes=3).layers()
    network = graph.build(
        layers, graph.initialize(layers, seed=1), preprocessing=Preprocessing(size=32), classes=CLASSES
    )
    graph.save(network, folder / "model.onnx")
    images = np.random.default_rng(2).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    np.save(folder / "images.npy", images)
    (folder / "image.raw").write_bytes(images[0].tobytes())
    return folder


@pytest.fixture(scope="module")
def expected(desk: Path) -> np.ndarray:
    """Logits [2, 3] of the images by the NumPy reference."""
    network = graph.normalize(graph.load(desk / "model.onnx"))
    floats = Preprocessing(size=32).normalize(np.load(desk / "images.npy"))
    return np.concatenate([graph.evaluate(network, [image[None]])[0] for image in floats])


def test_wheel_is_complete(wheel: Path) -> None:
    """Every file of the package that git would keep is in the wheel, with both licences."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {f"depthwise/{path.relative_to(PACKAGE)}" for path in files} <= names
    for pattern in ("py.typed", "kernels/*.h", "compiler/templates/*.j2", "devices/*.toml", "data/fashion_mnist/*"):
        assert list(PACKAGE.glob(pattern)), f"{pattern} matches nothing"
    licences = [name for name in names if ".dist-info/licenses/" in name]
    assert len(licences) == 2 and all(name.endswith("LICENSE") for name in licences)
    assert not [name for name in names if not name.startswith("depthwise")]


def test_environment_is_empty(empty: Path, desk: Path) -> None:
    assert "No module named 'torch'" in run(empty / "python", "-c", "import torch", cwd=desk, succeeds=False)
    where = run(empty / "python", "-c", "import depthwise, sys; print(depthwise.__file__, *sys.path)", cwd=desk)
    assert str(ROOT) not in where


def test_help(empty: Path, desk: Path) -> None:
    text = run(empty / "depthwise", "--help", cwd=desk)
    assert all(verb in text for verb in ("fit", "cost", "compile", "run", "report", "models", "devices"))


def test_cost(empty: Path, desk: Path) -> None:
    options = ["--width", "0.35", "--resolution", "96", "--classes", "10", "--json"]
    counted = json.loads(run(empty / "depthwise", "cost", "mobilenet_v2", *options, cwd=desk))
    assert counted["parameters"] == sum(layer["parameters"] for layer in counted["layers"]) == 408_938
    assert counted["macs"] == sum(layer["macs"] for layer in counted["layers"])


def test_fit_names_the_extra(empty: Path, desk: Path) -> None:
    command = [empty / "depthwise", "fit", "fashion-mnist-subset", "--model", "mobilenet_v1", "-o", "runs/none"]
    error = run(*command, cwd=desk, succeeds=False)
    assert "Traceback" not in error
    assert "pip install 'depthwise[train]'" in error.splitlines()[-1]


def test_compile_and_run_the_c(empty: Path, desk: Path, expected: np.ndarray) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler on this machine")
    text = run(empty / "depthwise", "compile", "model.onnx", "-o", "build/", "--name", "classifier", cwd=desk)
    assert "RAM" in text and "flash" in text and "classifier_run" in text
    strict = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror")
    sources = sorted((desk / "build").glob("*.c"))
    run(compiler, *strict, "-Ibuild", *sources, "-o", "classify", cwd=desk)  # where the assembler finds the weights
    name, score = run(desk / "classify", "image.raw", cwd=desk).split()
    assert name == CLASSES[expected[0].argmax()]
    assert float(score) == pytest.approx(expected[0].max(), rel=1e-4)


def test_engine(empty: Path, desk: Path, expected: np.ndarray) -> None:
    """From Python, without torch: the compiled network gives what the NumPy reference gives here."""
    code = (
        "import depthwise, numpy\n"
        "engine = depthwise.compile('model.onnx')\n"
        "numpy.save('logits.npy', engine(numpy.load('images.npy')))\n"
    )
    run(empty / "python", "-c", code, cwd=desk)
    logits = np.load(desk / "logits.npy")
    assert logits.shape == (2, 3)
    assert np.abs(logits - expected).max() <= 1e-4 * np.abs(expected).max()
