"""The emitted C on several threads: the bits of one thread, inside its arena, free of races."""

import ctypes
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from test_streams_in_c import guarded, image_for

from chains import chains, cuts, program, stages_of_model
from depthwise import compiler, graph, planning
from depthwise.compiler.isa import flags_for
from depthwise.planning import Choice, parallel
from depthwise.planning.storage import Cut
from depthwise.planning.streaming import Flow
from networks import family

NATIVE = compiler.native_isa()
VECTORS = next((name for name in NATIVE if name != "c"), None)
THREADS = (1, 2, 3, 5)

pytestmark = pytest.mark.skipif(VECTORS is None, reason="this machine has no vector instructions: one thread only")


def build(folder, *flags, sources=("network.c", "network_threads.c"), out="network.so"):
    machine = [flag for flag in flags_for(NATIVE) if flag.startswith("-m")]
    strict = ("-std=c11", "-Wall", "-Wextra", "-Werror", "-pedantic", "-ffp-contract=off", "-pthread")
    command = ["cc", *strict, *machine, *flags, *sources, "-o", out]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return folder / out


class Parallel:
    """A Program's C with a pool of its own."""

    def __init__(self, made, folder, threads=5):
        self.manifest = compiler.emit(made, folder, weights="pointer")
        self.library = ctypes.CDLL(str(build(folder, "-O1", "-fPIC", "-shared")))
        weights, begin, self.weights = guarded(self.manifest.weights)
        weights[begin : begin + self.manifest.weights] = np.fromfile(folder / "network_weights.bin", np.uint8)
        self._keep = weights
        self.pool = ctypes.create_string_buffer(4096)
        assert self.library.network_threads_start(self.pool, threads) == threads

    def run(self, image, threads):
        """The output's bytes, on 0 threads by the entry for one; the arena has guard words round it."""
        more = self.manifest.thread * max(0, threads - 1)
        arena, begin, arena_at = guarded(self.manifest.arena + more)
        output, output_begin, output_at = guarded(self.manifest.output_bytes)
        pointers = (self.weights, ctypes.c_void_p(image.ctypes.data), output_at, arena_at)
        if threads:
            done = self.library.network_run_parallel(
                *pointers, ctypes.c_int(threads), self.library.network_threads_for, self.pool
            )
        else:
            done = self.library.network_run_with_weights(*pointers)
        assert done == 0
        for memory, start, size in (
            (arena, begin, self.manifest.arena + more),
            (output, output_begin, self.manifest.output_bytes),
        ):
            assert (memory[:start] == 0xA5).all()
            assert (memory[start + size :] == 0xA5).all()
        return output[output_begin : output_begin + self.manifest.output_bytes].tobytes()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.library.network_threads_stop(self.pool)


def agree(made, folder, image):
    """Any number of threads gives the bits of one."""
    with Parallel(made, folder) as network:
        expected = network.run(image, 0)
        for threads in THREADS:
            assert network.run(image, threads) == expected, f"{threads} threads"


@settings(max_examples=6)
@given(st.data())
def test_any_number_of_threads_gives_the_bits_of_one(tmp_path_factory, data):
    model = data.draw(chains(widest=70))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parallel, "_WAIT", data.draw(st.sampled_from([0, -100_000])))  # so that small maps are shared too
        made = program(model, data.draw(cuts(stages_of_model(model))), NATIVE)
    if not made.phases:
        return  # nothing in it for vectors
    event(" ".join(sorted({phase.axis for phase in made.phases})))
    agree(made, tmp_path_factory.mktemp("parallel") / "c", image_for(model))


@pytest.mark.parametrize(("name", "choice"), [("mobilenet_v1", Choice("stream")), ("mobilenet_v2", Choice())])
def test_whole_networks(tmp_path, name, choice):
    normal = graph.normalize(family(name, 0.5, 130), input="uint8")
    made = planning.plan(normal, NATIVE, choice)
    agree(made, tmp_path / "c", image_for(normal))


def test_the_pool_and_two_callers_at_once_are_free_of_races(tmp_path):
    model = graph.normalize(family("mobilenet_v2", 0.5, 96), input="uint8")
    stages = stages_of_model(model)
    flow = Flow(stages.calls, 1, 3)
    assert all(flow.extend() for _ in range(4))
    layers = [Cut(number, number + 1) for number in range(len(stages.calls))]
    made = program(model, [layers[0], Cut(1, 5, flow), *layers[5:]], NATIVE)
    assert {phase.axis for phase in made.phases} >= {"bands", "rows", "pixels", "channels"}
    compiler.emit(made, tmp_path / "c", weights="pointer")
    main = str(Path(__file__).parent / "c" / "threaded.c")
    sources = ("network.c", "network_threads.c", "-I.", main)
    build(tmp_path / "c", "-O1", "-g", "-fsanitize=thread", sources=sources, out="threaded")
    environment = {**os.environ, "TSAN_OPTIONS": "halt_on_error=1 exitcode=66"}
    done = subprocess.run(["./threaded"], cwd=tmp_path / "c", capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[:4000]
