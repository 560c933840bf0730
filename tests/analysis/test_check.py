"""Figures before anything is compiled equal the compiler's; what is short is named; what is suggested really fits."""

import json
import shutil
import subprocess
import time
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from depthwise import check as check_source
from depthwise import compiler, graph, planning
from depthwise.analysis import Check, Known, check, cost, known_of_run, predict_latency
from depthwise.analysis.published import published_accuracy
from depthwise.analysis.suggest import Overhead, _weigh
from depthwise.cli import main
from depthwise.compiler.measure import code_bytes, gcc_stack_bytes
from depthwise.config import Config
from depthwise.design import architecture, searched_models
from depthwise.device import Budget, Device, device_names, load_device
from depthwise.errors import UserError
from depthwise.results import Memory, Results
from depthwise.runs import Run
from depthwise.terminal import check_lines
from networks import FIRST_MEMBERS, family

NATIVE = compiler.native_isa()[:1]

OTHERS = [
    name
    for name in FIRST_MEMBERS
    if name not in searched_models() and sum(layer.trained for layer in architecture(name).layers()) < 10_000_000
]
"""The yardsticks are too large for any of these devices."""


def device(name: str) -> Device:
    found = load_device(name)
    return found if found.isa else found.with_isa(NATIVE)


def value(verdict: Check, name: str) -> float:
    found = next(figure.value for figure in verdict.figures if figure.name == name)
    assert found is not None
    return found


def parts(verdict: Check) -> dict[str, tuple[int, str]]:
    return {part.name: (part.value, part.certainty) for figure in verdict.figures for part in figure.parts}


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize(
    ("name", "model"),
    [*product(device_names(), searched_models()), *(("nrf52840", model) for model in OTHERS)],
)
def test_every_device_and_family_answers_and_its_suggestions_fit(name: str, model: str, precision) -> None:
    target, network = device(name), architecture(model, 0.75, 160, classes=10)
    budget = Budget(macs=100_000_000, latency=None if name == "host" else 1.0)
    if precision not in target.cycles:
        budget = Budget(macs=100_000_000)
    check(network, target, budget, precision)  # imports
    before = time.process_time()
    verdict = check(network, target, budget, precision)
    assert time.process_time() - before < 2
    assert verdict.fits == (not any(figure.short for figure in verdict.figures))
    for change in verdict.changes:
        if change.kind == "schedule":
            continue
        changed = architecture(change.model, change.width or 0, change.resolution, classes=10)
        again = check(changed, target, budget, change.precision)
        assert again.fits, (change, again.figures)
        assert (value(again, "macs"), value(again, "parameters")) == (change.macs, change.parameters)
        assert value(again, "ram") <= 1.02 * change.ram  # which is weighed layer by layer
        if set(target.isa) <= {"c"}:
            assert change.ram == pytest.approx(value(again, "ram"), rel=0.02)
        panels = change.precision == "int8" and not set(target.isa) <= {"c"}  # of bytes, which are filled up
        near = 0.15 if panels else 0.05 if change.precision == "int8" else 0.02  # tables count as functions only
        assert change.flash == pytest.approx(value(again, "flash"), rel=near)
        assert change.latency == (None if change.latency is None else pytest.approx(value(again, "latency")))


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("name", ["host", "nrf52840"])
@pytest.mark.parametrize(
    ("model", "width", "resolution", "channels"),
    [("mobilenet_v1", 0.25, 28, 1), ("mobilenet_v2", 0.35, 96, 3), ("mobilenet_v2", 0.1, 33, 3)],
)
def test_exact_figures_are_the_compilers(tmp_path, name, model, width, resolution, channels, precision) -> None:
    target = device(name)
    network = family(model, width, resolution, channels)
    compiled = graph.to_qdq(graph.assumed_int8(network)) if precision == "int8" else network
    memory = compiler.compile_folder(compiled, tmp_path / "c", device=target, build=False).memory
    shapes = architecture(model, width, resolution, 10, channels)
    for subject in (network, shapes):
        verdict = check(subject, target, precision=precision)
        found = parts(verdict)
        for part in ("arena", "input", "output", "weights"):
            assert found[part] == (getattr(memory, part), "exact")
        assert found["code"][1] == found["stack"][1] == "estimated"
        assert value(verdict, "ram") == sum(found[part][0] for part in ("arena", "input", "output", "stack"))
        assert value(verdict, "flash") == memory.weights + found["code"][0] + target.flash_reserve
        counted = cost(network)
        assert (value(verdict, "macs"), value(verdict, "parameters")) == (counted.macs, counted.parameters)


def test_a_network_in_8_bits_is_weighed_as_it_is() -> None:
    floats = family("mobilenet_v1", 0.25, 32)
    network = graph.to_qdq(graph.assumed_int8(floats))
    verdict = check(network, device("host"))
    assert verdict.precision == "int8"
    assert parts(verdict) == parts(check(floats, device("host"), precision="int8"))
    with pytest.raises(UserError, match="in int8 already: leave --precision out"):
        check(network, device("host"), precision="float32")
    rows, before = cost(network).layers, {row.name: row for row in cost(floats).layers}
    for row in rows:
        if row.macs:
            same = before[row.name]
            assert (row.macs, row.activation_bytes) == (same.macs, same.activation_bytes // 4)
            assert row.weight_bytes == (same.weight_bytes - 4 * row.shape[0]) // 4 + 8 * row.shape[0]


def test_code_and_stack_are_near_what_the_host_compiler_makes(tmp_path) -> None:
    for model, width, resolution in (("mobilenet_v1", 0.25, 32), ("mobilenet_v2", 0.35, 64)):
        network = family(model, width, resolution)
        memory = compiler.compile_folder(network, tmp_path / model, device=device("host")).memory
        found = parts(check(network, device("host"), precision="float32"))
        near = 0.2 if NATIVE[0] == "avx2" and compiler.find_compiler().kind == "gcc" else 2.0  # as host.toml says
        assert found["code"][0] == pytest.approx(memory.code, rel=near)
        assert memory.stack <= 4 * found["stack"][0]


@pytest.mark.parametrize("name", ["stm32l4r5", "stm32f746", "rp2040"])
@pytest.mark.parametrize(
    ("model", "width", "resolution"),
    [("mobilenet_v1", 0.25, 96), ("mobilenet_v2", 0.35, 64), ("mobilenet_v2", 0.1, 32)],
)
def test_code_and_stack_are_near_what_arms_compiler_makes(tmp_path, name, model, width, resolution) -> None:
    if not shutil.which("arm-none-eabi-gcc"):
        pytest.skip("no arm-none-eabi-gcc")
    network, target = family(model, width, resolution), device(name)
    manifest = compiler.compile_folder(network, tmp_path / "c", device=target, build=False).manifest
    command = ["arm-none-eabi-gcc", *manifest.flags, "-fcallgraph-info=su", "-c", "network.c", "-o", "network.o"]
    subprocess.run(command, cwd=tmp_path / "c", check=True)
    found = parts(check(network, target, precision="float32"))
    assert found["code"][0] == pytest.approx(code_bytes(tmp_path / "c" / "network.o"), rel=0.2)
    text = (tmp_path / "c" / "network.ci").read_text(encoding="utf-8")
    assert 128 <= gcc_stack_bytes(text, "network_run_with_weights") <= found["stack"][0]


@pytest.mark.parametrize(
    ("model", "width", "resolution", "kib"),
    [
        ("mobilenet_v2", 1.0, 224, 1470),
        ("mobilenet_v2", 1.0, 128, 480),
        ("mobilenet_v2", 0.5, 224, 735),
        ("mobilenet_v2", 0.35, 224, 735),
        ("mobilenet_v2", 0.35, 96, 135),
        ("mobilenet_v1", 1.0, 224, 1176),
        ("mobilenet_v1", 0.25, 96, 54),
    ],
)
def test_int8_peaks_are_those_counted_by_hand(model: str, width: float, resolution: int, kib: int) -> None:
    """Layer by layer, one byte an element: the largest input and output that live together."""
    target = replace(device("nrf52840"), ram=1 << 30, ram_reserve=0, flash=1 << 30)
    verdict = check(architecture(model, width, resolution), target, precision="int8")
    assert parts(verdict)["arena"] == (kib * 1024, "exact")
    assert parts(verdict)["weights"][1] == "exact"


@pytest.mark.parametrize("model", FIRST_MEMBERS)
def test_layers_alone_weigh_what_the_normal_form_weighs(model: str) -> None:
    target = device("nrf52840")
    for width, resolution in ((1.0 if model in (*searched_models(), *OTHERS) else 0.25, 224), (0.35, 96), (0.25, 31)):
        network = architecture(model, width, resolution, classes=7)
        layers = network.layers()
        counted = cost(graph.build(layers))
        assert [(row.op, row.macs) for row in counted.layers if row.macs] == [
            (layer.operator, layer.macs) for layer in layers if layer.operator
        ]
        verdict = check(network, target, precision="float32")
        found = parts(verdict)
        taken = _weigh(layers, target, "float32", Overhead(found["stack"][0], found["code"][0] + target.flash_reserve))
        assert taken["ram"] == value(verdict, "ram")
        assert taken["flash"] == pytest.approx(value(verdict, "flash"), rel=1e-3, abs=64)  # the pad values
        assert taken["latency"] == pytest.approx(value(verdict, "latency"))


def test_latency_is_near_the_published_ones() -> None:
    """MobileNetV2 on the phone and the STM32H743 (X-CUBE-AI, 118 ms), the person network on the STM32L4R5."""
    phone = check(architecture("mobilenet_v2"), device("phone"))
    assert value(phone, "latency") == pytest.approx(0.049, rel=0.05)
    board = check(architecture("mobilenet_v2", 0.35, 144), device("stm32h743"))
    assert value(board, "latency") == pytest.approx(0.118, rel=0.15)
    person = check(architecture("mobilenet_v1", 0.25, 96, classes=2), device("stm32l4r5"))
    assert value(person, "latency") == pytest.approx(0.301, rel=0.05)


def test_latency_is_unknown_rather_than_wrong() -> None:
    unmeasured = load_device("host", measured=False).with_isa(NATIVE)
    verdict = check(architecture("mobilenet_v1", 0.25, 96), unmeasured, Budget(latency=1.0))
    latency = verdict.figures[2]
    assert (latency.value, latency.certainty, latency.name) == (None, "unknown", "latency")
    assert "measured" in latency.reason
    assert (verdict.fits, verdict.undecided) == (False, ["latency"])
    assert "float64ish" in str(predict_latency([("float64ish", 3)], device("nrf52840"), "int8"))


def test_what_is_short_is_said_with_the_grids_accuracy() -> None:
    network = architecture("mobilenet_v2", 0.5, 224, classes=10)
    verdict = check(network, device("stm32h743"))
    ram = verdict.figures[0]
    assert ram.short == value(verdict, "ram") - (512 - 16) * 1024
    change = next(change for change in verdict.changes if change.kind == "resolution")
    assert change.options == f"--resolution {change.resolution}"
    named = [change for change in verdict.changes if change.accuracy is not None and change.kind != "schedule"]
    assert len(named) >= 2
    for change in named:
        assert change.accuracy == pytest.approx(
            65.4 - published_accuracy(change.model, change.width, change.resolution)
        )
        assert change.accuracy_from == "ImageNet, published"
    assert published_accuracy("mobilenet_v2", 0.35, 96) == 45.5
    assert published_accuracy("mobilenet_v1", 0.25, 128, "int8") == 39.9
    assert published_accuracy("mobilenet_v2", 0.35, 96, "int8") is None


def test_fixed_shapes_can_change_their_precision_only() -> None:
    network = family("mobilenet_v2", 0.35, 96)
    verdict = check(network, device("nrf52840"), precision="float32")
    assert not verdict.fits
    assert [change.options for change in verdict.changes] == ["--precision int8"]
    again = check(network, device("nrf52840"), precision="int8")
    assert again.fits
    assert verdict.changes[0].ram == value(again, "ram")


def test_a_compiled_run_makes_everything_exact(tmp_path: Path) -> None:
    network = family("mobilenet_v1", 0.25, 32)
    run = Run.create(tmp_path / "run", Config(data="photos", model="mobilenet_v1"))
    assert known_of_run(run.path, device("host")) is None
    memory = Memory(arena=64, input=3, output=4, stack=99, weights=640, code=1001, calls=[], buffers=[])
    latency = [{"runtime": "depthwise", "version": "1", "median_ms": 0.5, "minimum_ms": 0.4}]
    run.record(Results.model_validate({"memory": {"float32": memory}, "latency": {"float32": latency}}))
    known = known_of_run(run.path, device("host"))
    assert known == Known(memory, 0.0005)
    assert known_of_run(run.path, device("nrf52840")) is None
    verdict = check(network, device("host"), known=known)
    assert [figure.certainty for figure in verdict.figures] == ["exact", "exact", "measured", "exact", "exact"]
    assert (value(verdict, "ram"), value(verdict, "flash")) == (memory.ram, memory.flash)
    graph.save(network, run.path / "model.onnx")
    assert check_source(str(run.path)).figures == verdict.figures
    assert parts(check(network, device("host"), precision="int8", known=known))["stack"][1] == "estimated"


def test_limits_of_ones_own() -> None:
    network, target = architecture("mobilenet_v1", 0.25, 96, classes=2), device("nrf52840")
    whole = check(network, target)
    exact = Budget(ram=int(value(whole, "ram")), flash=int(value(whole, "flash")), macs=int(value(whole, "macs")))
    assert check(network, target, exact).fits
    for name in ("ram", "flash", "macs"):
        tight = check(network, target, replace(exact, **{name: getattr(exact, name) - 1}))
        assert {figure.name: figure.short for figure in tight.figures if figure.short} == {name: 1}
        assert next(figure.limit_from for figure in tight.figures if figure.name == name) == f"--{name}"
    assert next(figure for figure in whole.figures if figure.name == "ram").limit == (256 - 16) * 1024


def test_a_limit_above_the_device_contradicts_it() -> None:
    with pytest.raises(UserError, match=r"--ram 1.00 MiB is more than nrf52840 has \(256.0 KiB\)"):
        check(architecture("mobilenet_v1"), device("nrf52840"), Budget(ram=1024**2))


def run_command(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    try:
        main(list(arguments))
        code = 0
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    captured = capsys.readouterr()
    return code, captured.out + captured.err


NETWORK = ("check", "mobilenet_v2", "--width", "0.35", "--resolution", "96", "--classes", "10")


def test_the_command_says_what_is_short_and_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run_command(capsys, *NETWORK, "--device", "NRF52840", "--ram", "128K")
    assert code == 1
    assert "short by ~34.5 KiB of RAM: do one of" in text
    assert "compile --optimize ram  ~" in text and "it computes the same numbers" in text
    code, text = run_command(capsys, *NETWORK, "--device", "nrf52840")
    assert (code, text.splitlines()[-1]) == (0, "fits")
    code, text = run_command(capsys, *NETWORK, "--device", "nrf52840", "--ram", "128K", "--json")
    assert code == 1
    verdict = Check.model_validate(json.loads(text))
    assert not verdict.fits and verdict.changes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--device", "nrf52480"), "Did you mean 'nrf52840'"),
        (("--device", "host", "--ram", "0"), "--ram 0 is out of range"),
        (("--device", "host", "--latency=-3ms"), "--latency '-3ms' is not a time"),
        (("--device", "host", "--macs", "many"), "--macs 'many' is not a count"),
        (("--device", "nrf52840", "--flash", "2M"), "is more than nrf52840 has"),
        (("--device", "host", "--precision", "int4"), "'--precision'"),
        ((), "'--device'"),
    ],
)
def test_the_command_refuses_bad_input(capsys: pytest.CaptureFixture[str], arguments, message: str) -> None:
    code, text = run_command(capsys, *NETWORK, *arguments)
    assert code == 2
    assert message in text
    assert len(text.strip().splitlines()) == 1


def test_devices_are_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    code, text = run_command(capsys, "devices")
    lines = text.splitlines()
    assert (code, len(lines)) == (0, len(device_names()) + 1)
    assert any(line.split()[:6] == ["rp2040", "264.0", "KiB", "2.00", "MiB", "125"] for line in lines)
    code, text = run_command(capsys, "devices", "--json")
    assert [row["name"] for row in json.loads(text)] == device_names()


def test_nothing_is_said_not_to_fit_that_would() -> None:
    """1000 classes: V2's wide head never fits 1 MiB, so the other family is tried with every shape."""
    verdict = check(architecture("mobilenet_v2"), device("nrf52840"))
    assert {change.kind for change in verdict.changes} == {"model+width+resolution"}
    best = max(verdict.changes, key=lambda change: -(change.accuracy or 100))
    assert best.accuracy_from == "ImageNet, published"
    hopeless = check(architecture("mobilenet_v1", classes=5000), device("nrf52840"), Budget(flash=100_000))
    assert hopeless.changes == []
    assert "would fit" in "\n".join(check_lines(hopeless))


def test_another_precision_costs_what_is_published_for_it() -> None:
    verdict = check(architecture("mobilenet_v1", 0.25, 128), device("nrf52840"), precision="float32")
    change = next(change for change in verdict.changes if change.kind == "precision")
    assert (change.accuracy, change.accuracy_from) == (pytest.approx(41.5 - 39.9), "ImageNet, published, int8")


def test_where_streaming_makes_it_fit_that_is_said_first_and_the_compiler_keeps_it(tmp_path) -> None:
    network, target, budget = architecture("mobilenet_v1", 0.25, 96, 10), device("nrf52840"), Budget(ram=128 * 1024)
    assert not check(network, target, budget, "float32").fits
    first, *others = check(network, target, budget, "float32").changes
    assert (first.kind, first.options, first.accuracy) == ("schedule", "compile --optimize ram", 0.0)
    assert all(change.kind != "schedule" for change in others)
    choice = planning.Choice(optimize="ram")
    made = compiler.compile_folder(
        family("mobilenet_v1", 0.25, 96), tmp_path / "c", device=target, choice=choice, build=False
    )
    assert made.memory.ram + target.stack == first.ram <= 128 * 1024
    assert not any(
        change.kind == "schedule" for change in check(network, target, Budget(ram=60 * 1024), "float32").changes
    )


def test_a_run_for_a_device_file_is_known_on_that_device(tmp_path: Path) -> None:
    path = tmp_path / "board.toml"
    path.write_text('description = "my board"\nram = "1M"\n')
    run = Run.create(tmp_path / "run", Config(data="photos", model="mobilenet_v1", device=str(path)))
    memory = Memory(arena=64, input=3, output=4, stack=99, weights=640, code=1001, calls=[], buffers=[])
    run.record(Results.model_validate({"memory": {"float32": memory}}))
    assert known_of_run(run.path, load_device(str(path))) == Known(memory)
    assert known_of_run(run.path, device("host")) is None
    path.unlink()
    assert known_of_run(run.path, device("host")) is None
