import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains import chains, cuts, program, repeats, stages_of_model
from depthwise import graph, planning
from depthwise.planning import Choice
from depthwise.planning.explain import explain
from networks import by_hand, family


class Window:
    """Rows `base` .. `base + capacity - 1` of a map: what the emitted C keeps of it."""

    def __init__(self, capacity):
        self.capacity, self.base, self.rows = capacity, 0, {}

    def write(self, needed, done, last, value):
        if last - self.base > self.capacity:
            self.base = max(0, needed)
            assert self.base <= done
            self.rows = {row: what for row, what in self.rows.items() if row >= self.base}
        assert last - self.base <= self.capacity, "the window is too small"
        for row in range(done, last):
            self.rows[row] = value

    def read(self, rows, value):
        for row in rows:
            assert self.rows[row] == value, "the row is gone, or overwritten"


def interpret(segment, seen):
    """Runs a streamed segment on row numbers instead of pixels, after the rules of the emitted C.

    `seen` says for each place that is whole which call wrote each row last.
    """
    calls = {call.name: call for call in segment.calls}
    done = dict.fromkeys(calls, 0)
    windows = {call.output.offset: Window(call.output.rows) for call in segment.calls if call.output.rows}
    for _ in range(segment.steps):
        for call in segment.calls:
            last = min(done[call.name] + call.pace, call.rows, *(ready(call, read, done) for read in call.reads))
            if last > done[call.name]:
                read_rows(call, done[call.name], last, windows, seen)
                write_rows(segment, call, done, last, windows, seen)
                done[call.name] = last
    assert all(done[name] == call.rows for name, call in calls.items()), "the stream ends too early"


def ready(call, read, done):
    if not read.source or read.rows is None or done[read.source] >= read.height:
        return call.rows
    return max(0, (done[read.source] + read.rows.pad - read.rows.reach) // read.rows.stride + 1)


def read_rows(call, first, last, windows, seen):
    for place, read, value in zip(call.inputs, call.reads, call.node.inputs, strict=False):
        rows = range(read.height)
        if read.rows is not None:
            top = first * read.rows.stride - read.rows.pad
            bottom = (last - 1) * read.rows.stride - read.rows.pad + read.rows.reach
            rows = [
                row
                for r in range(first, last)
                for row in range(
                    r * read.rows.stride - read.rows.pad, r * read.rows.stride - read.rows.pad + read.rows.reach
                )
                if 0 <= row < read.height
            ]
            assert all(top <= row < bottom for row in rows)
        producer = value.producer()
        if producer is None:
            continue
        if place.rows:
            windows[place.offset].read(rows, producer.name)
        else:
            assert all(seen[place.region, place.offset].get(row) == producer.name for row in rows)


def write_rows(segment, call, done, last, windows, seen):
    place, first = call.output, done[call.name]
    if not place.rows:
        reduces = any(read.rows is not None and read.rows.reduces for read in call.reads)
        rows = ([0] if last == call.rows else []) if reduces else range(first, last)
        seen.setdefault((place.region, place.offset), {}).update(dict.fromkeys(rows, call.name))
        return
    readers = [
        done[other.name] * read.rows.stride - read.rows.pad
        for other in segment.calls
        for read, source in zip(other.reads, other.inputs, strict=True)
        if source == place and read.rows
    ]
    if place in call.inputs:
        windows[place.offset].rows.update(dict.fromkeys(range(first, last), call.name))
    else:
        windows[place.offset].write(min([first, *readers]), first, last, call.name)


@given(st.data())
def test_every_row_is_there_when_it_is_read_and_no_window_overflows(data):
    model = data.draw(repeats(data.draw(chains())))
    made = program(model, data.draw(cuts(stages_of_model(model))), ("c",))
    seen = {}
    for segment in made.segments:
        if segment.schedule == "stream":
            interpret(segment, seen)
        else:
            (call,) = segment.calls
            rows = range(call.output.shape[2])
            seen.setdefault((call.output.region, call.output.offset), {}).update(dict.fromkeys(rows, call.name))


@given(st.data())
def test_what_lives_in_one_segment_lies_apart(data):
    model = data.draw(chains())
    made = program(model, data.draw(cuts(stages_of_model(model))), ("c",))
    assert made.lower_bound <= made.arena
    for i, a in enumerate(made.buffers):
        for b in made.buffers[i + 1 :]:
            together = a.first <= b.last and b.first <= a.last
            assert not (together and a.offset < b.offset + b.bytes and b.offset < a.offset + a.bytes), (a, b)


@pytest.mark.parametrize("choice", [Choice("auto", "ram"), Choice("stream", "ram"), Choice("stream"), Choice()])
@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_arena_is_within_a_twentieth_of_the_largest_live_set(name, choice):
    made = planning.plan(graph.normalize(family(name, 0.35, 96), input="uint8"), ("c",), choice)
    assert made.lower_bound <= made.arena <= 1.05 * made.lower_bound


def test_streaming_for_ram_takes_a_fraction_of_the_memory():
    network = graph.assumed_int8(family("mobilenet_v2", 1.0, 224), "uint8")
    whole = planning.plan(network, ("c",), Choice("layer")).arena
    least = planning.plan(network, ("c",), Choice("auto", "ram")).arena
    assert (whole, least) == (1470 * 1024, 142 * 1024)


def test_small_maps_run_whole_for_speed_and_large_ones_do_not():
    small = graph.normalize(family("mobilenet_v1", 0.25, 96), input="uint8")
    large = graph.normalize(family("mobilenet_v2", 1.0, 224), input="uint8")
    for normal, isa, streamed in ((small, "avx2", False), (large, "avx2", True), (large, "c", False)):
        made = planning.plan(normal, (isa,))  # without vectors no cache is counted on, so there is no time to be won
        assert any(segment.schedule == "stream" for segment in made.segments) is streamed


def test_a_schedule_that_was_asked_for_is_kept():
    normal = graph.normalize(family("mobilenet_v2", 0.35, 96), input="uint8")
    layer = planning.plan(normal, ("c",), Choice("layer"))
    assert {segment.schedule for segment in layer.segments} == {"layer"}
    stream = planning.plan(normal, ("c",), Choice("stream"))
    alone = [segment.calls[0].op for segment in stream.segments if segment.schedule == "layer"]
    assert alone == ["FullyConnected"]  # all else can run row by row, the pooling too


def test_the_text_shows_segments_windows_rows_and_reasons():
    made = planning.plan(by_hand(), ("c",), Choice("stream", "ram"))
    text = explain(made)
    for expected in (
        "stream, 1 rows a step, ",
        "(3 of 5 rows)",
        "rows a step",
        "live 384 B instead of",
        "cannot run row by row",
    ):
        assert expected in text, text
