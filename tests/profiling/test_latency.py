import subprocess
import sys
import time

import numpy as np
import pytest

from depthwise import graph, profiling
from networks import family


def test_rounds_are_interleaved_and_summed_up():
    order = []

    def work(name, seconds):
        order.append(name)
        time.sleep(seconds)

    seen = []
    rows = profiling.latency(
        {
            "slow": profiling.Runtime("1.0", lambda: work("slow", 4e-3)),
            "fast": profiling.Runtime("2.0", lambda: work("fast", 1e-3)),
        },
        rounds=6,
        progress=lambda done, total, what: seen.append((done, total, what)),
    )
    assert [(row.runtime, row.version) for row in rows] == [("slow", "1.0"), ("fast", "2.0")]
    slow, fast = rows
    assert 4.0 <= slow.minimum_ms <= slow.median_ms
    assert 1.0 <= fast.minimum_ms <= fast.median_ms < slow.minimum_ms
    timed = order[6:]  # after the warm-up
    assert timed == ["slow", "fast", "fast", "slow"] * 3
    assert seen == [(i, 6, "latency") for i in range(6)]


def test_the_machine_in_one_line():
    text = profiling.machine()
    assert "core" in text
    assert "\n" not in text


def test_onnxruntime_runs_a_saved_graph(tmp_path):
    pytest.importorskip("onnxruntime")
    model = family("mobilenet_v2", 0.1, 32)
    graph.save(model, tmp_path / "model.onnx")
    session = profiling.onnxruntime_session(tmp_path / "model.onnx", threads=1)
    images = np.random.default_rng(0).normal(size=(2, 3, 32, 32)).astype(np.float32)
    outputs = profiling.run_session(session, images)
    normal = graph.normalize(model, input="float")
    expected = np.concatenate([graph.evaluate(normal, [image[None]])[0] for image in images])
    assert np.abs(outputs - expected).max() <= 2e-5 * np.abs(expected).max()


def test_timing_needs_no_torch():
    code = "import sys, depthwise.profiling; assert 'torch' not in sys.modules and 'onnxruntime' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
