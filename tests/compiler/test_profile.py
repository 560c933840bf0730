"""Time taken inside the C: every call once, by any clock, and nothing of it where it is not asked for."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import depthwise
from depthwise import compiler, graph, planning
from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.planning import Choice
from networks import by_hand

C = Path(__file__).parent / "c"
STRICT = ("cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-pedantic", "-I.")
CHOICES = pytest.mark.parametrize("choice", [Choice("layer"), Choice("stream", "ram")], ids=["layer", "stream"])


def emitted(folder, choice=planning.DEFAULT, model=None, **options):
    program = planning.plan(model or by_hand(), ("c",), choice)
    compiler.emit(program, folder, profile=True, **options)
    return program


def built(folder, *arguments, command=STRICT):
    done = subprocess.run([*command, *map(str, arguments)], cwd=folder, capture_output=True, text=True)
    assert done.stderr == ""


@CHOICES
@pytest.mark.parametrize("tick", ["uint64_t", "uint8_t"])  # the latter runs over
def test_every_look_at_the_clock_is_counted_once(tmp_path, choice, tick):
    folder = tmp_path / "c"
    program = emitted(folder, choice)
    built(folder, "-DNETWORK_CLOCK=ticks", f"-DNETWORK_TICK={tick}", C / "profiled.c", "network.c", "-o", "profiled")
    lines = subprocess.run([folder / "profiled"], capture_output=True, text=True, check=True).stdout.splitlines()
    names, ticks, counts, segments = zip(*(line.split() for line in lines), strict=True)
    assert names == tuple(call.name for call in program.calls())
    assert ticks == counts  # one look at the clock ends each call
    steps = [call.rows if segment.steps > 1 else 1 for segment in program.segments for call in segment.calls]
    for count, most in zip(counts, steps, strict=True):
        assert 2 <= int(count) <= 2 * most
    expected = [str(number) for number, segment in enumerate(program.segments) for _ in segment.calls]
    assert list(segments) == expected
    assert (max(map(int, counts)) > 2) == (choice.schedule == "stream")


@CHOICES
def test_an_engine_says_what_each_call_takes(choice):
    model = by_hand()
    plain, engine = (Engine.build(model, choice=choice, profile=profile) for profile in (False, True))
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    assert np.array_equal(engine(image), plain(image))
    begin = time.perf_counter()
    rows = engine.profile(image[None], runs=5)
    took = time.perf_counter() - begin
    assert [row.name for row in rows] == plain.manifest.calls
    assert {row.op for row in rows} == {node.op_type for node in graph.normalize(model, "uint8").graph} - {"Flatten"}
    assert all(row.kernel.endswith(("f32", "simd")) for row in rows)
    assert 0 < sum(row.seconds for row in rows) < took / 3  # the median of 7 runs is below a fourth of them
    assert (max(row.steps for row in rows) > 1) == (choice.schedule == "stream")


def test_what_cannot_be_profiled_is_refused(tmp_path):
    image = np.zeros((9, 7, 3), np.uint8)
    with pytest.raises(UserError, match="compile it with --profile"):
        Engine.build(by_hand()).profile(image)
    emitted(tmp_path / "c")
    engine = Engine.load(tmp_path / "c")
    with pytest.raises(UserError, match="one image and at least one run, got 2 and 20"):
        engine.profile(np.zeros((2, 9, 7, 3), np.uint8))
    with pytest.raises(UserError, match="got 1 and 0"):
        engine.profile(image, runs=0)
    assert depthwise.compile(by_hand(), profile=True).profile(image, runs=1)[0].name == "stem"


def test_without_a_clock_the_source_says_how_to_give_one(tmp_path):
    pytest.importorskip("ziglang")
    zig = (sys.executable, "-m", "ziglang", "cc", "-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m4+vfp4d16sp")
    emitted(tmp_path / "c")
    command = [*zig, "-std=c11", "-Os", "-Wall", "-Wextra", "-Werror", "-fno-sanitize=all", "-c", "network.c"]
    done = subprocess.run(command, cwd=tmp_path / "c", capture_output=True, text=True)
    assert "there is no clock: define NETWORK_CLOCK" in done.stderr
    built(tmp_path / "c", "-DNETWORK_CLOCK=cycles", "-DNETWORK_TICK=uint32_t", command=command)


def test_without_profile_nothing_of_it_is_emitted(tmp_path):
    compiler.emit(planning.plan(by_hand(), ("c",)), tmp_path / "c")
    for file in ("network.c", "network.h", "manifest.json"):
        text = (tmp_path / "c" / file).read_text().lower()
        assert not any(word in text for word in ("profile", "clock", "ticks"))
