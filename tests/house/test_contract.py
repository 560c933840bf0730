"""The import contract of pyproject.toml holds, and each of its rules refuses what it is there to refuse."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

DIRECTION = "rooms import one way"
TORCH = "torch and what needs it"
REPORT = "the report reads files only"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and its contract, free to be spoiled."""
    shutil.copytree(
        ROOT / "src", tmp_path / "src", ignore=lambda folder, names: {n for n in names if is_data(folder, n)}
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def is_data(folder: str, name: str) -> bool:
    return (Path(folder) / name).is_file() and not name.endswith(".py")


def broken(folder: Path) -> set[str]:
    """Names of the broken contracts."""
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder / "src"), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    lines = [line for line in done.stdout.splitlines() if " KEPT" in line or " BROKEN" in line]
    assert len(lines) == 3, done.stdout + done.stderr
    found = {
        name for name in (DIRECTION, TORCH, REPORT) for line in lines if line.startswith(name) and "BROKEN" in line
    }
    assert (done.returncode != 0) == bool(found)
    return found


def test_contract_holds(copy: Path) -> None:
    assert broken(copy) == set()


@pytest.mark.parametrize(
    ("module", "line", "rules"),
    [
        ("graph/layers.py", "def spoil(): from depthwise import planning", {DIRECTION}),
        ("errors.py", "from depthwise import files", {DIRECTION}),
        ("a_room_that_is_in_no_list.py", "SPOILT = True", {DIRECTION}),
        ("graph/layers.py", "def spoil(): import torch.nn", {TORCH}),
        ("__init__.py", "def spoil(): import torch", {TORCH}),
        ("design/network.py", "import accelerate", {TORCH}),
        ("report/__init__.py", "from depthwise import graph", {REPORT}),
    ],
)
def test_contract_refuses(copy: Path, module: str, line: str, rules: set[str]) -> None:
    path = copy / "src" / "depthwise" / module
    path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + f"\n{line}\n", encoding="utf-8")
    assert broken(copy) == rules


def test_contract_lets_training_have_torch(copy: Path) -> None:
    path = copy / "src" / "depthwise" / "training" / "__init__.py"
    path.write_text("import accelerate\nimport torch\n", encoding="utf-8")
    assert broken(copy) == set()
