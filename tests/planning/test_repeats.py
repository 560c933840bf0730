"""What makes a gate's map runs twice where memory decides: when, what it saves, what it costs; nothing else changes."""

import pytest

from chains import stages_of_model
from depthwise import graph, planning
from depthwise.planning import Choice, repeats
from depthwise.planning.explain import explain
from depthwise.planning.repeats import AGAIN, repeated
from networks import family


def again(made):
    return [call.name for call in made.calls() if call.name.endswith(AGAIN)]


def normal(name="mobilenet_v3_large", width=1.0, resolution=96):
    return graph.normalize(family(name, width, resolution), input="uint8")


@pytest.fixture(scope="module")
def large():
    return normal()


@pytest.fixture(scope="module")
def least(large):
    return planning.plan(large, ("c",), Choice("auto", "ram"))


def test_the_calls_of_the_widest_gated_maps_run_twice(large, least, monkeypatch):
    names = [call.name for call in least.calls()]
    for name in ("blocks.3.1.expansion", "blocks.3.1.depthwise"):
        assert names.index(name) < names.index("blocks.3.1.squeeze_excite.excitation") < names.index(name + AGAIN)
    gate = next(call for call in least.calls() if call.name == "blocks.3.1.squeeze_excite.scale")
    assert gate.inputs[0].rows, "the map is a window the second time"
    pool = next(call for call in least.calls() if call.name == "blocks.3.1.squeeze_excite.squeeze")
    assert pool.inputs[0].rows, "and the first time"
    assert least.arena == least.lower_bound == 135 * 1024
    monkeypatch.setattr(repeats, "_chains", lambda plan, known: {})
    assert planning.plan(large, ("c",), Choice("auto", "ram")).arena > 1.15 * least.arena


@pytest.mark.parametrize("choice", [Choice(), Choice("layer", "ram"), Choice("stream")], ids=str)
def test_nothing_runs_twice_unless_memory_decides(large, choice):
    assert again(planning.plan(large, ("c",), choice)) == []


def test_networks_without_gates_repeat_nothing():
    assert again(planning.plan(normal("mobilenet_v2", 0.35), ("c",), Choice("auto", "ram"))) == []


def test_a_map_may_be_made_again_from_the_image():
    """Where the block has no expansion, the convolution that reads the caller's image runs twice."""
    made = planning.plan(normal("mobilenet_v3_small", resolution=128), ("c",), Choice("auto", "ram"))
    assert {"stem.conv" + AGAIN, "blocks.0.0.depthwise" + AGAIN} <= set(again(made))


def test_the_predicted_peak_is_that_of_the_program(large, least):
    def network_of(model):
        stages = stages_of_model(model)
        workspaces = [planning.choose_kernel(call.node, ("c",))[0].workspace(call.node) for call in stages.calls]
        return planning.Network(stages, workspaces, 4, 0)

    found = repeats.choose_plan(large, network_of, Choice("auto", "ram"))
    assert max(found.live) == least.lower_bound


def test_constants_are_there_once(large, least):
    whole = planning.pack(planning.plan(large, ("c",), Choice("layer")))
    packed = planning.pack(least)
    assert packed.data.tobytes() == whole.data.tobytes()
    for name in again(least):
        assert packed.offsets[name] == packed.offsets[name.removesuffix(AGAIN)]


def test_the_graph_stays_as_it_is(large):
    before = [(node.name, [value.name for value in node.inputs]) for node in large.graph]
    copy = repeated(large, {"blocks.3.1.squeeze_excite.scale": ["blocks.3.1.expansion", "blocks.3.1.depthwise"]})
    assert [(node.name, [value.name for value in node.inputs]) for node in large.graph] == before
    assert len(list(copy.graph)) == len(before) + 2


def test_the_text_says_what_it_costs(least):
    assert "6 calls run twice, which costs 5.17 M MACs of 46.97 M" in explain(least)
