"""The ladder: when it stops, what it builds on, and a network that per-tensor weights break and equalization mends."""

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir
import pytest

from benchmarks.ladder import spread
from depthwise.data import ImageData
from depthwise.errors import UserError
from depthwise.graph import build, initialize, normalize
from depthwise.progress import Silent
from depthwise.quantization import task
from depthwise.quantization.ladder import Goal, climb, float_layers, keep_floats
from depthwise.quantization.lines import ladder_lines
from depthwise.quantization.pairs import REACHED, divide, pairs_of
from depthwise.quantization.rungs import calibrations
from depthwise.quantization.state import State, weighted_layers
from depthwise.quantization.statistics import collect
from depthwise.quantization.task import Quantized, Wanted, evenly, quantize
from depthwise.results import Interval, LayerNoise
from small_network import SMALL


def hits(count: int) -> Interval:
    return Interval.of(count, 1000)


@dataclass(frozen=True)
class Step:
    """A rung that gives a State of its own, for which `judge` knows the accuracy; "idle" changes nothing."""

    name: str

    def __call__(self, state: State) -> State:
        return state if self.name == "idle" else replace(state, weights={}, changed=f"{state.changed}{self.name}")


def judge(accuracies: dict[str, int]):
    return lambda state: hits(accuracies[state.changed])


START = State(build(SMALL.layers()), {})
GOAL = Goal(hits(900), 1.0)


def steps(names: str) -> list[Step]:
    return [Step(name) for name in names]


def test_it_stops_where_the_loss_is_small_enough() -> None:
    reached = climb(START, steps("abc"), judge({"a": 700, "ab": 890}), GOAL, Silent())
    assert reached.state.changed == "ab" and reached.accuracy == hits(890)
    assert [(row.rung, row.kept) for row in reached.rungs] == [("a", True), ("b", True)]
    assert GOAL.reached(hits(890)) and not GOAL.reached(hits(889))


def test_a_rung_that_does_not_help_is_not_built_on() -> None:
    known = {"a": 700, "ab": 650, "ac": 800, "acd": 800}
    reached = climb(START, steps("abcd"), judge(known), GOAL, Silent())
    assert reached.state.changed == "ac" and reached.accuracy == hits(800)
    assert [row.kept for row in reached.rungs] == [True, False, True, False]


def test_a_rung_with_nothing_to_do_is_not_measured() -> None:
    reached = climb(START, [Step("a"), Step("idle"), Step("b")], judge({"a": 700, "ab": 800}), GOAL, Silent())
    assert [row.rung for row in reached.rungs] == ["a", "b"]


def test_noisy_layers_are_left_in_float_by_groups() -> None:
    names = [str(node.name) for node in weighted_layers(normalize(START.network))]
    start = replace(START, network=normalize(START.network), weights={"x": None})
    noise = [LayerNoise(name=name, op="", total=0, alone=i % 7 + i / 100) for i, name in enumerate(names)]
    noise.append(LayerNoise(name="blocks.1.1.add", op="Add", total=0, alone=-50))
    tried = []

    def by_count(state: State) -> Interval:
        tried.append(state.floats)
        return hits(850 + 12 * len(state.floats))

    reached = climb(start, [Step("a")], lambda _: hits(850), GOAL, Silent())
    kept = keep_floats(replace(reached, state=start), noise, by_count, GOAL, Silent())
    assert tried == [{names[0]}, {names[0], names[7]}, {names[0], names[7], names[14], names[1]}]
    assert kept.state.floats == tried[-1] and kept.accuracy == hits(898)
    assert [row.rung for row in kept.rungs] == ["a", "kept in float", "kept in float", "kept in float"]


def test_what_layers_in_float_cost() -> None:
    network = normalize(build(SMALL.layers(), initialize(SMALL.layers(), 0)))
    state = calibrations("minmax", False)[0](State(network, collect(network, np.zeros((16, 28, 28, 1), np.float32))))
    rows, share = float_layers(replace(state, floats=frozenset(["blocks.1.1.depthwise", "head.classifier"])))
    assert [(row.name, row.macs, row.extra_bytes) for row in rows] == [
        ("blocks.1.1.depthwise", 96 * 7 * 7 * 9, 3 * 96 * 9),
        ("head.classifier", 640, 3 * 640),
    ]
    assert 0 < share < 0.2


@pytest.fixture(scope="module")
def uneven(trained: ir.Model, images: ImageData) -> ir.Model:
    return spread(trained, images, 30)


@pytest.fixture(scope="module")
def broken(uneven: ir.Model, images: ImageData) -> Quantized:
    return quantize(uneven, images, Wanted(max_drop=1, method="minmax", per_tensor=True))


def test_the_collapse_and_the_repair(broken: Quantized) -> None:
    """One scale for all weights of a layer breaks it; equalization alone brings it back."""
    ladder = broken.ladder
    assert ladder.reference.value > 0.7
    first, second, *_ = ladder.rungs
    assert first.rung == "calibration, min-max" and first.accuracy.value < 0.4
    assert second.rung == "equalization" and second.accuracy.value > ladder.reference.value - 0.01
    assert ladder.within and ladder.drop <= 1 and not ladder.floats


def test_scales_by_channel_break_less(uneven: ir.Model, images: ImageData, broken: Quantized) -> None:
    by_channel = quantize(uneven, images, Wanted(max_drop=1, method="minmax")).ladder
    worst = broken.ladder.rungs[0].accuracy
    assert by_channel.rungs[0].accuracy.low > worst.high
    assert by_channel.within and len(by_channel.rungs) == 1


def test_a_healthy_network_needs_one_rung(trained: ir.Model, images: ImageData) -> None:
    found = quantize(trained, images, Wanted(max_drop=2))
    assert [rung.rung for rung in found.ladder.rungs] == ["calibration, min-max"]
    assert found.ladder.within
    assert {row.name for row in found.ladder.noise} >= {str(node.name) for node in weighted_layers(found.state.network)}
    text = "\n".join(ladder_lines(found.ladder))
    assert "calibration, min-max" in text and "1,500 validation images" in text


def test_hopeless_layers_stay_in_float(trained: ir.Model, images: ImageData, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no rung mends the one uneven pair, its two layers stay in float, and so does what is between them."""
    model = normalize(trained, "float")
    pair = next(pair for pair in pairs_of(model) if pair.first.name == "blocks.0.0.expansion")
    seen = collect(model, evenly(images.train, 256))[pair.value]
    factors = np.where(seen.highs < 6 * REACHED, 10.0 ** np.linspace(1, 5, len(seen.highs)), 1)
    divide(model, pair, factors)
    monkeypatch.setattr(task, "repairs", lambda *_: [])
    ladder = quantize(model, images, Wanted(max_drop=3, method="minmax", per_tensor=True)).ladder
    assert ladder.rungs[0].accuracy.value < ladder.reference.value - 0.1
    assert ladder.within and ladder.rungs[-1].rung == "kept in float"
    assert {"blocks.0.0.expansion", "blocks.0.0.depthwise"} <= {layer.name for layer in ladder.floats}
    assert 0 < ladder.float_share < 0.7
    assert any(line.startswith("in float: blocks.0.0") and "% of the MACs" in line for line in ladder_lines(ladder))


def test_images_of_other_classes_are_refused(trained: ir.Model, images: ImageData) -> None:
    other = replace(images, classes=(*images.classes[:-1], "zebra"))
    with pytest.raises(UserError, match=r"'zebra' is not in both"):
        quantize(trained, other)
    with pytest.raises(UserError, match="10 classes apart"):
        quantize(trained, replace(images, classes=images.classes[:-1]))


def test_a_network_without_weights_or_in_8_bits_is_refused(images: ImageData, trained: ir.Model) -> None:
    with pytest.raises(UserError, match="no weights"):
        quantize(build(SMALL.layers()), images)
    with pytest.raises(UserError, match="8 bits already"):
        quantize(quantize(trained, images, Wanted(max_drop=100)).graph, images)


@pytest.mark.parametrize(
    "options",
    [{"max_drop": -1}, {"max_drop": float("nan")}, {"images": 15}, {"method": "mimax"}, {"keep_float": "all"}],
)
def test_settings_out_of_range(options: dict) -> None:
    with pytest.raises(UserError):
        Wanted(**options)
