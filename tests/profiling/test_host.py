"""This machine measured: the figures are those of a machine, they come back from their file, and `check` uses them."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import depthwise
from depthwise import design, graph, profiling
from depthwise.analysis import cost, predict_latency
from depthwise.cli import main
from depthwise.config import Config
from depthwise.device import HOST, Device, Precision, device_names, load_device
from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.machine import host_file
from depthwise.profiling import host, probe, rates
from depthwise.profiling.device_file import device_text
from depthwise.profiling.probe import Probed, caches
from depthwise.results import Memory, Results
from depthwise.runs import Run
from depthwise.target import NATIVE
from networks import family

PROBED = Probed(
    clock=2e9, peak={"float32": 32e9, "int8": 64e9}, caches={"l1": 32768}, bandwidth={"l1": 1e11, "memory": 1e10}
)
RATES = {"Convolution": 2e-10, "Depthwise": 1e-10, "Pointwise": 5e-11, "FullyConnected": 4e-10}
LAYER = 1e-6


class Listener:
    """A Progress that remembers."""

    def __init__(self) -> None:
        self.stages: list[str] = []
        self.steps: list[tuple[int, int]] = []

    def stage(self, name: str) -> None:
        self.stages.append(name)

    def step(self, done: int, total: int, text: str = "") -> None:
        self.steps.append((done, total))

    def note(self, text: str) -> None:
        pass


def seconds_of(layers: tuple[graph.Layer, ...], faster: float = 1) -> float:
    """What a machine with RATES would take, or one whose MACs are faster."""
    return sum(layer.macs * RATES[layer.operator] / faster + LAYER for layer in layers if layer.macs)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[int]:
    """A cache of its own, and a measurement that takes no time; the list grows by one at each."""
    measured: list[int] = []

    def probe() -> Probed:
        measured.append(1)
        return PROBED

    monkeypatch.setenv("DEPTHWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(host, "probe", probe)
    monkeypatch.setattr(rates, "prepared", lambda layers, precision: lambda: None)
    times = [seconds_of(layers, faster) for faster in (1, 2) for layers in rates.networks()]
    monkeypatch.setattr(rates, "best_seconds", lambda calls: times)
    return measured


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Device, Listener]]:
    """One true measurement, in a cache of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEPTHWISE_CACHE", str(tmp_path_factory.mktemp("measured")))
        listener = Listener()
        yield profiling.measure_host(listener), listener


def test_the_figures_are_a_machines(real: tuple[Device, Listener]) -> None:
    device, listener = real
    assert device.clock_mhz is not None
    assert 100 < device.clock_mhz < 10_000
    assert device.target.name == NATIVE
    peak = device.peak_macs["float32"]
    assert 0.1 < peak / (1e6 * device.clock_mhz) < 200, "MACs a cycle"
    assert 0.1 < device.peak_macs["int8"] / (1e6 * device.clock_mhz) < 800, "MACs a cycle"
    assert list(device.bandwidth) == [*device.caches, "memory"]
    assert all(1e8 < rate < 1e13 for rate in device.bandwidth.values())
    operators = {row.op for row in cost(family("mobilenet_v2", 0.1, 32)).layers if row.macs}
    for precision, rates_of in device.cycles.items():
        assert set(rates_of) == operators
        for rate in rates_of.values():
            assert 0.49e6 * device.clock_mhz / device.peak_macs[precision] <= rate.cycles < 100
            assert "small networks" in rate.source
    assert set(device.cycles) == {"float32", "int8"}
    assert listener.stages == ["measuring"]
    done = [step for step, _ in listener.steps]
    assert done == sorted(done) and listener.steps[-1][0] == listener.steps[-1][1]


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_a_prediction_is_near_the_time(real: tuple[Device, Listener], precision: Precision) -> None:
    device, _ = real
    for model, width, resolution, channels in (("mobilenet_v1", 0.25, 64, 3), ("mobilenet_v2", 0.2, 28, 1)):
        network = family(model, width, resolution, channels)
        form = network if precision == "float32" else graph.to_qdq(graph.assumed_int8(network))
        call = Engine.build(form).prepared(np.zeros((resolution, resolution, channels), np.uint8))
        (seconds,) = rates.best_seconds([call], rounds=20, seconds=1.0)
        predicted = predict_latency([(row.op, row.macs) for row in cost(network).layers], device, precision)
        assert isinstance(predicted, float)
        assert 1 / 3 < predicted / seconds < 3, (model, predicted, seconds)


def test_what_was_measured_comes_back_from_its_file(real: tuple[Device, Listener]) -> None:
    device, _ = real
    assert load_device(HOST) == device == load_device("HOST")
    assert load_device(HOST, measured=False).clock_mhz is None
    before = time.process_time()
    assert profiling.measured_host() == device
    assert time.process_time() - before < 0.5


@pytest.mark.parametrize("name", device_names())
def test_a_device_written_is_the_device_read(tmp_path: Path, name: str) -> None:
    device = load_device(name, measured=False)
    path = tmp_path / f"{name}.toml"
    path.write_text(device_text(device), encoding="utf-8")
    assert load_device(str(path)) == device


def test_rates_are_found_again() -> None:
    timed = [rates.Timed(layers, seconds_of(layers)) for layers in rates.networks()]
    found = rates.fit(timed, peak=1e12)
    assert dict(found.macs) == pytest.approx(RATES)
    assert found.layer == pytest.approx(LAYER)


def test_no_rate_is_far_above_the_peak() -> None:
    """With times that leave nothing for one operator, it keeps twice what the peak allows."""
    timed = [rates.Timed(layers, 1e-6 + 1e-12 * seconds_of(layers)) for layers in rates.networks()]
    found = rates.fit(timed, peak=1e11)
    assert min(found.macs.values()) == pytest.approx(0.5e-11)
    assert found.layer >= 0
    assert rates.fit(timed, peak=1e11, layer=2e-6).layer == 2e-6


def test_rounds_are_interleaved_and_warm() -> None:
    order: list[str] = []
    best = rates.best_seconds([lambda: order.append("a"), lambda: order.append("b")], rounds=3, seconds=0)
    assert order == ["a", "a", "b", "b"] * 3
    assert all(0 < seconds < 1 for seconds in best)


def test_a_loop_that_was_held_up_is_timed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first call takes long, as if another program had run: the count grows all the same."""
    times = iter([1.0])
    monkeypatch.setattr(probe, "_seconds", lambda loop, count: next(times, 1e-9 * count))
    assert probe._best_rates({"peak": probe._Loop(2, lambda count: None)}) == {"peak": pytest.approx(2e9)}


def test_caches_that_linux_knows() -> None:
    sizes = list(caches().values())
    assert sizes == sorted(sizes)
    assert all(size >= 1024 for size in sizes)


NETWORK = {"width": 0.35, "resolution": 96, "classes": 10}


def test_a_latency_limit_on_the_host_measures_it_once(quick: list[int]) -> None:
    listener = Listener()
    answer = depthwise.check("mobilenet_v2", HOST, **NETWORK)
    assert (answer.fits, quick) == (True, [])
    assert "depthwise devices measure host" in answer.figures[2].reason
    verdict = depthwise.check("mobilenet_v2", HOST, progress=listener, latency="1ms", **NETWORK)
    assert (len(quick), listener.stages) == (1, ["measuring"])
    layers = design.architecture("mobilenet_v2", 0.35, 96, classes=10).layers()
    assert verdict.figures[2].value == pytest.approx(seconds_of(layers), rel=1e-3)  # of camera bytes, folded
    assert verdict.fits == (seconds_of(layers) < 1e-3)
    depthwise.check("mobilenet_v2", HOST, latency="10s", **NETWORK)
    assert depthwise.check("mobilenet_v2", HOST, **NETWORK).figures[2].value == verdict.figures[2].value
    assert len(quick) == 1


def test_a_latency_that_is_short_on_the_host_is_mended(quick: list[int]) -> None:
    verdict = depthwise.check("mobilenet_v2", HOST, latency="500us", **NETWORK)
    assert not verdict.fits
    assert "width" in {change.kind for change in verdict.changes}
    assert all(change.latency is not None and change.latency <= 500e-6 for change in verdict.changes)


def test_a_latency_limit_in_8_bits_has_its_own_rates(quick: list[int]) -> None:
    layers = design.architecture("mobilenet_v2", 0.35, 96, classes=10).layers()
    verdict = depthwise.check("mobilenet_v2", HOST, "int8", latency="1ms", **NETWORK)
    assert verdict.figures[2].value == pytest.approx(seconds_of(layers, 2), rel=1e-3)
    assert len(quick) == 1


def test_a_file_without_rates_in_8_bits_is_measured_again(quick: list[int]) -> None:
    device = profiling.measured_host()
    host_file().write_text(device_text(replace(device, cycles={"float32": device.cycles["float32"]})))
    assert (profiling.measured_host(), len(quick)) == (device, 2)


def test_nothing_is_measured_that_would_not_help(quick: list[int], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="mobilenet_v2"):
        depthwise.check("mobilenet_v3x", HOST, latency="1ms")
    with pytest.raises(UserError, match="not a time"):
        depthwise.check("mobilenet_v2", HOST, latency="soon")
    depthwise.check("mobilenet_v2", "raspberry-pi-4", latency="1ms", **NETWORK)
    run = Run.create(tmp_path / "run", Config(data="photos", model="mobilenet_v1"))
    memory = Memory(arena=64, input=3, output=4, stack=99, weights=640, code=1001, calls=[], buffers=[])
    latency = [{"runtime": "depthwise", "version": "1", "median_ms": 0.5, "minimum_ms": 0.4}]
    run.record(Results.model_validate({"memory": {"float32": memory}, "latency": {"float32": latency}}))
    graph.save(family("mobilenet_v1", 0.1, 32), run.path / "model.onnx")
    assert depthwise.check(str(run.path), HOST, latency="1ms").fits
    assert quick == []


def test_a_damaged_file_is_measured_again(quick: list[int]) -> None:
    device = profiling.measured_host()
    host_file().write_text(host_file().read_text()[:300])
    assert load_device(HOST).cycles == {}
    assert profiling.measured_host() == device == load_device(HOST)
    assert len(quick) == 2


def run_command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        main(list(arguments))
        code = 0
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    return code, *capsys.readouterr()


def test_the_command_measures_and_says_where(quick: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, error = run_command(capsys, "devices", "measure")
    assert (code, "measuring" in error) == (0, True)
    assert "2,000 MHz" in out and "32 GMAC/s" in out and "memory 10 GB/s" in out and "Pointwise 0.1" in out
    assert out.splitlines()[-1] == f"kept in {host_file()}"
    code, out, error = run_command(capsys, "devices", "measure", "Host", "--json", "--quiet")
    assert (code, error, json.loads(out)["clock_mhz"], len(quick)) == (0, "", 2000, 2)
    code, out, _ = run_command(capsys, "devices")
    assert any(line.split()[:4] == ["host", "-", "-", "2000"] for line in out.splitlines())
    code, out, _ = run_command(capsys, "devices", "--json")
    assert [row["name"] for row in json.loads(out)] == device_names()


CHECK = ("check", "mobilenet_v2", "--width", "0.35", "--resolution", "96", "--classes", "10", "--device", "host")


def test_the_command_check_measures_when_it_must(quick: list[int], capsys: pytest.CaptureFixture[str]) -> None:
    code, out, error = run_command(capsys, *CHECK)
    assert (code, error, quick) == (0, "", [])
    assert "unknown   this machine has not been measured: `depthwise devices measure host`" in out
    code, out, error = run_command(capsys, *CHECK, "--latency", "10ms", "--json")
    assert (code, json.loads(out)["fits"], len(quick)) == (0, True, 1)
    assert "this machine is measured" in error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("devices", "measure", "nrf52840"), "only this machine (host) can be measured here"),
        (("devices", "measure", "hots"), "Did you mean 'host'"),
        (("devices", "weigh"), "No such command 'weigh'"),
    ],
)
def test_the_command_refuses_other_devices(quick: list[int], capsys, arguments, message: str) -> None:
    code, out, error = run_command(capsys, *arguments)
    assert (code, out, quick) == (2, "", [])
    assert message in error and len(error.splitlines()) == 1


def test_without_a_compiler_it_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.setenv("DEPTHWISE_CACHE", str(tmp_path))
    monkeypatch.setenv("CC", "no-such-compiler")
    code, out, error = run_command(capsys, *CHECK, "--latency", "10ms")
    assert (code, out) == (2, "")
    assert "CC is 'no-such-compiler'" in error and len(error.splitlines()) == 1
    assert list((tmp_path / "devices").iterdir()) == []
