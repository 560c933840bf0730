"""docs/firmware.md is true: its files build with its commands, and QEMU's board names the class that the host names."""

import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from depthwise import compiler
from depthwise.device import load_device
from depthwise.engine import Engine
from networks import family

DOCUMENT = Path(__file__).parents[2] / "docs" / "firmware.md"


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    """A folder with the document's files, an emitted network and a frame; and the class that the host names for it."""
    folder = tmp_path_factory.mktemp("firmware")
    text = DOCUMENT.read_text(encoding="utf-8")
    for block in re.findall(r"^```(?:c|ld)\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        (folder / block.split(":")[0].removeprefix("/* ")).write_text(block)
    assert {path.name for path in folder.iterdir()} == {"firmware.c", "board.h", "board.c", "board.ld"}
    model = family("mobilenet_v1", 0.1, 28, channels=1)
    device = load_device("cortex_m4")
    program = compiler.plan_for(model, "uint8", device)
    compiler.emit(program, folder / "clothes", name="clothes", device=device)
    frame = np.random.default_rng(3).integers(0, 256, (120, 160), dtype=np.uint8)
    (folder / "frame.raw").write_bytes(frame.tobytes())
    edges = np.arange(29) * 120 // 28
    square = frame[:, 20:140].astype(np.int64)
    image = np.array(
        [[square[a:b, c:d].mean() // 1 for c, d in list(pairwise(edges))] for a, b in list(pairwise(edges))]
    )
    engine = Engine.load(folder / "clothes")
    scores = engine(image.astype(np.uint8)[:, :, None])[0]
    return folder, engine.classes[int(scores.argmax())]


def build(folder, compiler_name):
    """Runs the document's command that begins with a compiler's name; warnings are errors."""
    text = DOCUMENT.read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    command = next(block for block in blocks if compiler_name in block).replace("python -m", f"{sys.executable} -m")
    done = subprocess.run(["sh", "-ec", command.replace("-Wextra", "-Wextra -Werror")], cwd=folder, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize("compiler_name", ["arm-none-eabi-gcc", "ziglang"])
def test_the_document_builds_and_runs(firmware, compiler_name):
    folder, expected = firmware
    if compiler_name == "ziglang":
        pytest.importorskip("ziglang")
    elif not shutil.which(compiler_name):
        pytest.skip(f"no {compiler_name}")
    (folder / "firmware.elf").unlink(missing_ok=True)
    build(folder, compiler_name)
    assert (folder / "firmware.elf").stat().st_size > 10_000
    if not shutil.which("qemu-system-arm"):
        pytest.skip("built; no qemu-system-arm to run it")
    board = ["qemu-system-arm", "-M", "mps2-an386", "-nographic", "-semihosting", "-kernel", "firmware.elf"]
    done = subprocess.run(board, cwd=folder, capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL)
    assert (done.returncode, (done.stdout + done.stderr).strip()) == (0, expected)
