import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains import chains, cuts, program, stages_of_model
from depthwise import graph, planning
from depthwise.planning import Choice, parallel
from depthwise.planning.bands import begin_of_part
from depthwise.planning.explain import explain
from networks import by_hand, family


@given(st.data())
def test_phases_hold_every_segment_once_and_what_is_read_across_parts_was_made_before(data):
    model = data.draw(chains(widest=70))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "_WAIT", data.draw(st.sampled_from([0, -100_000])))
        made = program(model, data.draw(cuts(stages_of_model(model))), ("avx2", "c"))
    covered = [number for phase in made.phases for number in range(phase.start, phase.stop)]
    assert covered == (list(range(len(made.segments))) if made.phases else [])
    for phase in made.phases:
        calls = [call for segment in made.segments[phase.start : phase.stop] for call in segment.calls]
        if phase.axis in ("rows", "pixels", "channels"):
            apart(phase, calls)
        for private in phase.private:
            assert private.offset + private.bytes <= made.private_bytes


def apart(phase, calls):
    """No part reads what another one writes in the same phase, under any name: places in the arena do not overlap."""
    for call in calls:
        assert not call.pace
        for place, read, value in zip(call.inputs, call.reads, call.node.inputs, strict=False):
            wide = phase.axis == "channels" and call.op in ("Pointwise", "FullyConnected", "Convolution")
            wide |= phase.axis == "rows" and not (read.rows and read.rows.aligned)
            for other in calls:
                same = other.output.region == place.region and overlap(other.output, place)
                own = other.node.outputs[0] is value or other.output.offset == place.offset
                assert not same or (own and not wide), (phase, call.name, other.name)


def overlap(a, b):
    return a.offset < b.offset + b.bytes and b.offset < a.offset + a.bytes


@pytest.mark.parametrize("threads", [1, 2, 3, 5, 40])
def test_parts_cover_everything_once_at_multiples_of_the_unit(threads):
    for total, unit in ((112, 2), (49, 12), (1000, 32), (7, 1)):
        parts = min(threads, total // unit)
        edges = [begin_of_part(total, unit, parts, part) for part in range(parts + 1)]
        assert (edges[0], edges[-1]) == (0, total)
        assert all(edge % unit == 0 for edge in edges[:-1])
        assert all(size >= unit for size in np.diff(edges))


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_for_speed_every_stream_is_shared_out_in_bands_and_threads_cost_one_no_memory(name):
    normal = graph.normalize(family(name, 1.0, 224), input="uint8")
    made = planning.plan(normal, ("avx2",))
    assert any(segment.schedule == "stream" for segment in made.segments)
    for phase in made.phases:
        streams = any(segment.schedule == "stream" for segment in made.segments[phase.start : phase.stop])
        assert streams == (phase.axis == "bands")
    assert made.arena <= planning.plan(normal, ("avx2",), Choice("layer")).arena
    assert made.arena <= 1.05 * made.lower_bound


def test_a_program_without_vectors_has_no_phases_and_the_text_shows_those_of_others():
    assert planning.plan(by_hand(), ("c",)).phases == ()
    made = planning.plan(graph.normalize(family("mobilenet_v2", 1.0, 224), input="uint8"), ("avx2",))
    text = explain(made)
    for expected in (
        "several threads: ",
        "bands",
        "channels",
        "2 threads compute 0.9 % twice",
        "of arena for every thread",
    ):
        assert expected in text, text
