import dataclasses

import numpy as np
import onnx_ir as ir
import pytest

from depthwise import graph, planning
from depthwise.errors import UserError
from depthwise.ops import REGISTRY
from depthwise.ops.base import activations_of, shape_of
from depthwise.planning.explain import explain
from networks import by_hand, family, node, tensor


def place_of(program, name):
    return next(call.output for call in program.calls() if call.name == name)


def chain(*ops: str) -> ir.Model:
    """A vector of eight floats through elementwise operators."""
    x = ir.Value(name="input", shape=ir.Shape([1, 8]), type=ir.TensorType(ir.DataType.FLOAT))
    nodes = []
    for i, op in enumerate(ops):
        source = [nodes[-1].outputs[0] if nodes else x]
        if op == "FullyConnected":
            source += [tensor(f"w{i}", np.eye(8)), tensor(f"b{i}", np.zeros(8))]
        nodes.append(node(op, f"n{i}", source, (1, 8)))
    inside = ir.Graph([x], list(nodes[-1].outputs), nodes=nodes, opset_imports={"depthwise": 1})
    return ir.Model(inside, ir_version=8)


def test_places_views_and_operators_in_place():
    program = planning.plan(by_hand(), ("c",))
    calls = {call.name: call for call in program.calls()}
    assert list(calls) == ["stem", "depthwise", "pointwise", "add", "pool", "classifier"]  # the view runs nothing
    assert calls["stem"].inputs[0].region == "input"
    assert calls["stem"].inputs[0].type == "uint8"
    assert calls["add"].output == calls["pointwise"].output  # in place: the projection dies there
    assert calls["add"].inputs[1] == calls["stem"].output
    assert calls["classifier"].inputs[0].offset == calls["pool"].output.offset  # through the view
    assert calls["classifier"].inputs[0].shape == (1, 4)
    assert calls["classifier"].output.region == "output"
    assert {buffer.name for buffer in program.buffers} == {"stem", "depthwise", "pointwise", "pool"}
    stem = next(buffer for buffer in program.buffers if buffer.name == "stem")
    assert (stem.bytes, stem.first, stem.last) == (4 * 5 * 4 * 4, 0, 3)  # alive until the sum


def test_arena_meets_the_lower_bound_and_excludes_the_callers_buffers():
    program = planning.plan(by_hand(), ("c",))
    assert program.arena == program.lower_bound == 3 * 320
    assert program.input_bytes == 9 * 7 * 3
    assert program.output_bytes == 12


def test_what_is_computed_in_place_into_the_output_is_written_there_at_once():
    program = planning.plan(chain("FullyConnected", "Softmax"), ("c",))
    assert [call.output.region for call in program.calls()] == ["output", "output"]
    assert program.buffers == ()
    assert program.arena == program.alignment  # never an empty array


def test_the_callers_input_is_never_overwritten():
    program = planning.plan(chain("Softmax", "FullyConnected"), ("c",))
    assert [call.output.region for call in program.calls()] == ["arena", "output"]


def test_a_value_that_is_still_read_is_not_overwritten():
    x = ir.Value(name="input", shape=ir.Shape([1, 4, 2, 2]), type=ir.TensorType(ir.DataType.FLOAT))
    first = node("Activation", "first", [x], (1, 4, 2, 2), activation="silu")
    second = node("Activation", "second", [first.outputs[0]], (1, 4, 2, 2), activation="sigmoid")
    last = node("Add", "last", [second.outputs[0], first.outputs[0]], (1, 4, 2, 2))
    inside = ir.Graph([x], list(last.outputs), nodes=[first, second, last], opset_imports={"depthwise": 1})
    program = planning.plan(ir.Model(inside, ir_version=8), ("c",))
    assert place_of(program, "first").region == "arena"
    assert place_of(program, "second") == place_of(program, "last")


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_live_buffers_never_overlap_in_a_whole_network(name):
    normal = graph.normalize(family(name, 0.35, 96), input="uint8")
    program = planning.plan(normal, ("c",))
    assert program.arena == program.lower_bound
    calls = list(program.calls())
    for i, a in enumerate(program.buffers):
        assert a.offset % program.alignment == 0
        assert a.offset + a.bytes <= program.arena
        for b in program.buffers[i + 1 :]:
            together = a.first <= b.last and b.first <= a.last
            assert not (together and a.offset < b.offset + b.bytes and b.offset < a.offset + a.bytes), (a, b)
    for time, call in enumerate(calls):
        for place in (*call.inputs, call.output):
            if place.region == "arena":
                assert any(
                    b.offset == place.offset and b.bytes >= place.bytes and b.first <= time <= b.last
                    for b in program.buffers
                ), (call.name, place)
    assert calls[-1].output.region == "output"
    assert sum(call.rows for call in calls) > len(calls)


def test_workspaces_lie_in_the_arena_while_their_call_runs(monkeypatch):
    operator = REGISTRY["Pointwise"]
    hungry = tuple(dataclasses.replace(kernel, workspace=lambda node: 1000) for kernel in operator.kernels)
    monkeypatch.setitem(REGISTRY._objects, "Pointwise", dataclasses.replace(operator, kernels=hungry))
    program = planning.plan(by_hand(), ("c",))
    call = next(call for call in program.calls() if call.name == "pointwise")
    assert call.workspace.bytes == 1000
    (buffer,) = (buffer for buffer in program.buffers if buffer.name == "pointwise.workspace")
    assert (buffer.offset, buffer.first, buffer.last) == (call.workspace.offset, 2, 2)
    assert program.arena == 3 * 320 + 1024


def test_the_first_kernel_that_serves_is_chosen_and_says_why(monkeypatch):
    operator = REGISTRY["Pointwise"]
    plain = operator.kernels[-1]
    table = (
        dataclasses.replace(plain, name="fast", instructions="avx512"),
        dataclasses.replace(plain, name="special", fits=lambda node: False),
        dataclasses.replace(plain, name="camera", input_type="uint8"),
        plain,
    )
    monkeypatch.setitem(REGISTRY._objects, "Pointwise", dataclasses.replace(operator, kernels=table))
    one = next(one for one in by_hand().graph if one.op_type == "Pointwise")
    assert planning.choose_kernel(one, ("avx512", "c"))[0].name == "fast"
    kernel, reason = planning.choose_kernel(one, ("c",))
    assert kernel is plain
    assert reason == "first that fits; fast needs avx512; special does not serve this shape"
    monkeypatch.setitem(REGISTRY._objects, "Pointwise", dataclasses.replace(operator, kernels=table[:3]))
    with pytest.raises(UserError, match=r"pointwise: no kernel for Pointwise on float32 \(1, 4, 5, 4\)"):
        planning.choose_kernel(one, ("c",))


def test_a_program_has_vectors_of_one_width():
    thin = graph.normalize(family("mobilenet_v1", 0.25, 32))  # 8 channels: AVX2's vectors, not those of AVX-512
    program = planning.plan(thin, ("avx512", "avx2", "c"))
    assert program.instructions == ("avx512",)
    assert program.isa == ("avx512", "c")


def test_the_text_names_kernels_buffers_bytes_and_reasons():
    program = planning.plan(by_hand(), ("c",))
    text = explain(program)
    for call in program.calls():
        assert call.name in text
        assert call.kernel.name in text
    for expected in (
        "6 calls in 6 segments",
        "960 bytes",
        "first that fits",
        "5 of 5",
        "uint8 [1, 3, 9, 7]",
    ):
        assert expected in text
    assert all(len(line) < 200 for line in text.splitlines())


def test_a_program_is_frozen():
    program = planning.plan(by_hand(), ("c",))
    with pytest.raises(dataclasses.FrozenInstanceError):
        program.arena = 0


def test_a_network_that_computes_nothing_is_refused():
    x = ir.Value(name="input", shape=ir.Shape([1, 4, 1, 1]), type=ir.TensorType(ir.DataType.FLOAT))
    view = node("Flatten", "view", [x], (1, 4))
    with pytest.raises(UserError, match="nothing to compile"):
        planning.plan(ir.Model(ir.Graph([x], list(view.outputs), nodes=[view]), ir_version=8), ("c",))
    for kind in ("input", "output"):
        without = by_hand()
        getattr(without.graph, f"{kind}s").clear()
        with pytest.raises(UserError, match=f"has no {kind}"):
            planning.plan(without, ("c",))


def test_the_hand_made_network_is_in_normal_form():
    model = by_hand()
    for one in model.graph:
        assert REGISTRY[one.op_type].shape(one) == shape_of(one.outputs[0])
        assert activations_of(one)
    graph.verify(model)
