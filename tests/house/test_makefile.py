"""`make install` says in one line what is wrong, and leaves nothing that looks finished."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """What `make install` reads, alone in a folder."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def install(clone: Path, python: str, **environment: str) -> str:
    """Runs `make install`, which must fail; returns its error lines without make's own."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", "install", f"PYTHON={python}"],
        cwd=clone,
        env=settings | environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2
    assert not (clone / ".venv" / ".installed").exists()
    return "\n".join(line for line in done.stderr.splitlines() if not line.startswith("make"))


def stand_in(folder: Path, version: str, script: str) -> str:
    """A program that passes for a Python of the given version."""
    path = folder / "stand-in-python"
    path.write_text(f'#!/bin/sh\ncase "$2" in\n*python_version*) echo {version};;\n{script}\nesac\n')
    path.chmod(0o755)
    return str(path)


def test_no_such_python(clone: Path) -> None:
    assert install(clone, "python9.99") == (
        "error: PYTHON is 'python9.99', which does not run: make install PYTHON=/path/to/python3"
    )


def test_old_python(clone: Path) -> None:
    python = stand_in(clone, "3.9.2", "*version_info*) exit 1;;")
    assert install(clone, python) == (
        "error: depthwise needs Python 3.11 or newer, PYTHON is 3.9.2: make install PYTHON=python3.12"
    )


def test_debian_without_venv(clone: Path) -> None:
    python = stand_in(clone, "3.11.2", "*ensurepip*) exit 1;;")
    assert install(clone, python) == (
        "error: Python 3.11.2 has no venv module (Debian keeps it apart): sudo apt install python3.11-venv"
    )


def test_packages_out_of_reach(clone: Path) -> None:
    """Without an index pip fails; the line after its message says what to do, and nothing looks finished."""
    unreachable = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(clone), "PIP_CONFIG_FILE": os.devnull}
    error = install(clone, sys.executable, **unreachable)
    assert error.splitlines()[-1].startswith("error: pip could not install the packages")
    assert "network" in error.splitlines()[-1]
