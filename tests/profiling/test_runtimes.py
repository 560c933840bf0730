"""Runtimes in processes of their own: what they compute is right, what fails is one line, what is timed is a run."""

import ctypes
import math
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir
import pytest

from benchmarks.networks import architecture_of, write
from depthwise import graph
from depthwise.errors import UserError
from depthwise.graph import LayerList
from depthwise.ops import REGISTRY, cases
from depthwise.ops.base import activations_of, parameters_of
from depthwise.profiling import native, rounds, table
from depthwise.profiling.comparison import OURS, Row, geometric_mean, lead
from depthwise.profiling.network import Network
from depthwise.profiling.rounds import _check, taking_part
from depthwise.profiling.runtimes import RUNTIMES
from depthwise.profiling.runtimes.base import Session, seconds_of_runs
from depthwise.profiling.worker import FailedError, Worker

TINY = "mobilenet_v1_0.25_32"

ROW = Row("n", "float32", 1, "depthwise", "1", 1.0, 0.9, 0.8, 2.0, "NHWC", "float32")


def other(milliseconds: float, **changes: object) -> Row:
    return replace(ROW, runtime="other", median_ms=milliseconds, **changes)


def tiny(folder: Path) -> Network:
    return write(TINY, folder)


def test_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    name = next(name for name, runtime in RUNTIMES.items() if runtime.modules)
    gone = replace(RUNTIMES[name], modules=("no_such_module",))
    monkeypatch.setitem(RUNTIMES._objects, name, gone)
    said: list[str] = []
    assert taking_part([name], "float32", said.append) == []
    assert said == [f"{name}: skipped: no_such_module not installed: pip install 'depthwise[bench]'"]


def test_precisions_are_refused_by_name() -> None:
    assert replace(RUNTIMES["ncnn"], modules=()).refusal("int8") == "not measured in int8"
    assert RUNTIMES["depthwise"].refusal("float32") is RUNTIMES["depthwise"].refusal("int8") is None


def test_a_runtime_that_dies_is_one_line(tmp_path: Path) -> None:
    worker = Worker("no_such_runtime", tiny(tmp_path), "float32", 1)
    with pytest.raises(FailedError, match=r"process ended with code 1, after '.*no_such_runtime"):
        worker.load()
    worker.close()


def test_wrong_outputs_are_left_out() -> None:
    expected = np.asarray([1.0, -4.0], np.float32)
    _check(expected * np.float32(1.001), expected, "float32", 2e-3)
    with pytest.raises(FailedError, match=r"differ by 2\.5e-04 of the largest, allowed 0"):
        _check(expected - np.float32(0.001), expected, "float32", 0.0)
    for wrong, message in (
        (expected * np.float32(1.01), "differ by 1.0e-02"),
        (expected * np.float32(np.nan), "differ by nan"),
        (expected[:1], r"gives \[1\]"),
    ):
        with pytest.raises(FailedError, match=message):
            _check(wrong, expected, "float32", 2e-3)


def test_peak() -> None:
    assert 1e8 < native.peak("float32", 1, 0.02) < 1e13
    assert 1e8 < native.peak("float32", 2, 0.02) < 1e13
    assert 1e8 < native.peak("int8", 1, 0.02) < 1e14


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


def test_ratios() -> None:
    rows = [ROW, other(1.5), other(2.0), replace(ROW, runtime="depthwise-python", median_ms=1.01)]
    assert lead(rows) == 1.5
    assert lead(rows[1:]) is None
    assert math.isclose(geometric_mean([1.0, 4.0]), 2.0)
    assert table.python_overhead(rows) == pytest.approx(0.01)
    second = [replace(ROW, network="m"), other(6.0, network="m")]
    (line,) = table.summary([*rows, *second])
    assert "takes 3.00 times our time (geometric mean of 2; 1.50 to 6.00)" in line


def test_what_wants_to_be_named_is_measured_only_then() -> None:
    plain = [name for name in RUNTIMES if name.endswith("-c")]
    assert plain
    assert set(rounds.chosen([])) == {name for name, runtime in RUNTIMES.items() if not runtime.only_named}
    assert rounds.chosen(plain) == [OURS, f"{OURS}-python", *plain]


ELSEWHERE = ("depthwise", "depthwise-python", "onnxruntime", "executorch", "torch-compile")
"""Those that tests/benchmarks runs, and those that take most of a minute to compile: the benchmark checks them."""


CHECKED = [
    (name, precision)
    for name, runtime in RUNTIMES.items()
    for precision in runtime.precisions
    if name not in ELSEWHERE and not runtime.only_named
]


@pytest.mark.parametrize(("name", "precision"), CHECKED)
def test_every_installed_runtime_is_right(name: str, precision: str, tmp_path: Path) -> None:
    """From everything that it takes."""
    if RUNTIMES[name].missing():
        pytest.skip(str(RUNTIMES[name].refusal(precision)))
    network = write(TINY, tmp_path, precision)
    assert network.precision == precision
    with closing(Worker(name, network, precision, 1)) as worker:
        loaded = worker.load()
        assert set(loaded) == set(RUNTIMES[name].precisions[precision])
        for input_type, found in loaded.items():
            _check(found.output, network.answer.reshape(-1), input_type, rounds.AGREEMENT[precision])
            assert found.model_bytes > 0


def test_a_network_from_its_8_bit_values(tmp_path: Path) -> None:
    network = write(TINY, tmp_path, "int8")
    assert network.input_types == ("float32", "uint8", "int8")
    assert (network.quantized.dtype, network.quantized.shape) == (np.uint8, (1, 3, 32, 32))
    normal = graph.normalize(network.graph, "int8")
    (found,) = graph.evaluate(normal, network.quantized)
    np.testing.assert_array_equal(found, network.answer)
    session = pytest.importorskip("onnxruntime").InferenceSession(network.bytes_path)
    (theirs,) = session.run(None, {"input": network.quantized})
    _check(theirs.reshape(-1), found.reshape(-1), "int8", 0.1)


@pytest.mark.parametrize("name", [OURS, "litert", "mnn"])
def test_a_network_without_preprocessing_that_ends_in_a_map(name: str, tmp_path: Path) -> None:
    """Seven channels in, a map out, borders that differ by side: from floats only, and in the right layout."""
    if RUNTIMES[name].missing():
        pytest.skip(str(RUNTIMES[name].refusal("float32")))
    layers = LayerList(channels=7, resolution=9)
    layers.activation("relu", layers.conv("pointwise", layers.conv("depthwise", "input", 7, 3, 2, 7), 5), "relu6")
    model = graph.build(layers.layers, graph.initialize(layers.layers))
    next(node for node in model.graph if node.name == "depthwise").attributes["pads"] = ir.AttrInt64s(
        "pads", [0, 0, 1, 1]
    )
    for value in (output for node in model.graph for output in node.outputs):
        value.shape = None
    network = Network.write("map", model, tmp_path)
    assert network.answer.shape == network.output_shape == (1, 5, 4, 4)
    with closing(Worker(name, network, "float32", 1)) as worker:
        (found,) = worker.load().values()
        _check(found.output, network.answer.reshape(-1), "float32", rounds.AGREEMENT["float32"])


FLOAT_CASES = [case for every in cases.REGISTRY.values() for case in every if not case.camera]
NOT_IN_TORCH = ("Normalize", "Quantize", "Dequantize")
TORCH_CASES = [case for case in FLOAT_CASES if case.op not in NOT_IN_TORCH and np.prod(case.inputs[0]) < 5000]


@pytest.mark.parametrize("op", sorted({case.op for case in TORCH_CASES}))
def test_torch_computes_every_operator(op: str) -> None:
    torch = pytest.importorskip("torch")
    from depthwise.profiling.runtimes._torch_module import torch_module

    done = 0
    for case in (case for case in TORCH_CASES if case.op == op):
        node, arrays = case.node(), case.activations()
        expected = REGISTRY[op].reference(node, *arrays)
        inside = ir.Graph(
            list(activations_of(node)), list(node.outputs), nodes=[node], initializers=list(parameters_of(node))
        )
        try:
            module = torch_module(ir.Model(inside, ir_version=8)).eval()
        except UserError as error:
            assert "padded on one side only" in str(error)
            continue
        with torch.no_grad():
            found = module(*map(torch.from_numpy, arrays)).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5, err_msg=str(case))
        done += 1
    assert done


def test_what_other_runtimes_cannot_be_given() -> None:
    with pytest.raises(UserError, match="shapes only, no weights"):
        Network.write("bare", graph.build(architecture_of(TINY).layers()), Path("nowhere"))


def test_torch_computes_8_bits(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from depthwise.profiling.runtimes._torch_module import torch_module

    network = write("mobilenet_v3_small_0.25_32", tmp_path, "int8")
    with torch.no_grad():
        found = torch_module(graph.normalize(network.graph)).eval()(torch.from_numpy(network.image)).numpy()
    assert np.abs(found - network.answer).max() <= 0.05 * np.abs(network.answer).max()
