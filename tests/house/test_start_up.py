"""What is imported when, and how long the command line takes to answer."""

import os
import subprocess
import sys
from pathlib import Path

HEAVY = (
    "torch",
    "onnx",
    "onnx_ir",
    "onnxruntime",
    "numpy",
    "PIL",
    "pydantic",
    "jinja2",
    "pandas",
    "altair",
    "datasets",
)
EXTRAS = (
    "torch",
    "accelerate",
    "ai_edge_litert",
    "coremltools",
    "flatbuffers",
    "kornia",
    "safetensors",
    "datasets",
    "onnxruntime",
    "altair",
    "vl_convert",
    "ziglang",
)
FOR_EXTRAS = ("depthwise.training", "depthwise.design.network", "depthwise.graph.from_torch", "depthwise.report.")
FOR_EXTRAS += ("depthwise.profiling.runtimes._torch_module",)


def heavy_after(code: str, heavy: tuple[str, ...]) -> list[str]:
    """Which of `heavy` a fresh interpreter has loaded after `code`."""
    code += f"\nimport sys; print('loaded', *[name for name in {heavy!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()[1:]


def test_a_heavy_import_would_be_seen() -> None:
    assert heavy_after("import numpy", HEAVY) == ["numpy"]


def test_import_depthwise_is_light() -> None:
    assert heavy_after("import depthwise", HEAVY) == []


def test_help_is_light() -> None:
    code = """
import sys
from depthwise.cli import main
sys.argv = ["depthwise", "--help"]
try:
    main()
except SystemExit:
    pass
"""
    assert heavy_after(code, ("torch", "onnx", "onnx_ir", "onnxruntime", "numpy", "PIL")) == []


def test_the_core_needs_no_extra() -> None:
    """With the libraries of the extras hidden, every module imports but those of training and of the page."""
    code = f"""
import importlib, pkgutil, sys
import depthwise
sys.modules |= dict.fromkeys({EXTRAS!r})
for module in pkgutil.walk_packages(depthwise.__path__, "depthwise.", onerror=str):
    if not module.name.startswith({FOR_EXTRAS!r}):
        importlib.import_module(module.name)
"""
    assert heavy_after(code, ("pandas",)) == []


def test_help_answers_at_once() -> None:
    """Under half a second: the best of five, as processor time, so that a busy machine does not fail it."""
    command = Path(sys.executable).with_name("depthwise")
    seconds = []
    for _ in range(5):
        before = os.times()
        subprocess.run([command, "--help"], check=True, capture_output=True, timeout=60)
        after = os.times()
        seconds.append(after.children_user - before.children_user + after.children_system - before.children_system)
    assert min(seconds) < 0.5
