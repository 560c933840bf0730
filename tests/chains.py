"""Random networks in normal form for the tests of streams, and random ways to cut them into segments."""

import numpy as np
import onnx_ir as ir
from hypothesis import strategies as st

from depthwise import planning
from depthwise.ops import DOMAIN, REGISTRY
from depthwise.ops.base import shape_of
from depthwise.planning.repeats import possible_chains, repeated, waits
from depthwise.planning.stages import Stages, stages_of
from depthwise.planning.storage import Cut
from depthwise.planning.streaming import Flow
from networks import node, tensor


@st.composite
def chains(draw: st.DrawFn, widest: int = 20) -> ir.Model:
    """A chain of up to eight operators on a small map, with residuals, gates and possibly a pooled end.

    Args:
        widest: most channels of a pointwise convolution's output.
    """
    random = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    camera = draw(st.booleans())
    shape = (1, draw(st.integers(1, 9)), draw(st.integers(1, 14)), draw(st.integers(1, 9)))
    kind = ir.DataType.UINT8 if camera else ir.DataType.FLOAT
    x = ir.Value(name="input", shape=ir.Shape(shape), type=ir.TensorType(kind))
    nodes: list[ir.Node] = []
    value = x
    ops = ["Pointwise", "Depthwise", "Depthwise", "Convolution", "MaxPool", "AveragePool", "Activation", "Add", "Gate"]
    for index in range(draw(st.integers(2, 8))):
        op = "Convolution" if camera and index == 0 else draw(st.sampled_from(ops))
        nodes += _add(draw, op, f"n{index}", value, [x, *(one.outputs[0] for one in nodes)][camera:], random, widest)
        value = nodes[-1].outputs[0] if nodes else x
    if draw(st.booleans()) or not nodes:
        nodes.append(node("GlobalAveragePool", "pool", [value], (*shape_of(value)[:2], 1, 1)))
    more = draw(st.lists(st.sampled_from(nodes), max_size=2, unique=True)) if draw(st.booleans()) else []
    return _model(x, nodes, [one.outputs[0] for one in more if one is not nodes[-1]])


def _model(x: ir.Value, nodes: list[ir.Node], more: list[ir.Value]) -> ir.Model:
    """The graph that ends with the last node, and with more outputs from the middle; without what nothing reads."""
    kept, needed = [], {nodes[-1].outputs[0], *more}
    for one in reversed(nodes):
        if one.outputs[0] in needed:
            kept.append(one)
            needed.update(one.inputs)
    kept.reverse()
    constants = [value for one in kept for value in one.inputs if value.const_value is not None]
    inside = ir.Graph([x], [*kept[-1].outputs, *more], nodes=kept, initializers=constants, opset_imports={DOMAIN: 1})
    return ir.Model(inside, ir_version=8)


def _add(
    draw: st.DrawFn,
    op: str,
    name: str,
    x: ir.Value,
    earlier: list[ir.Value],
    random: np.random.Generator,
    widest: int,
) -> list[ir.Node]:
    """The nodes of one step, none where it does not fit."""
    shape = shape_of(x)
    if op == "Activation":
        return [node(op, name, [x], shape, activation=draw(st.sampled_from(["hard_swish", "silu", "sigmoid"])))]
    if op == "Add":
        alike = [value for value in earlier if shape_of(value) == shape]
        pair = [x, draw(st.sampled_from(alike))] if alike else [x, x]
        return [node(op, name, pair if draw(st.booleans()) else pair[::-1], shape, activation="clip", maximum=2.0)]
    if op == "Gate":
        pool = node("GlobalAveragePool", f"{name}.pool", [x], (*shape[:2], 1, 1))
        gate = _filter("Pointwise", f"{name}.gate", pool.outputs[0], (shape[1], shape[1], 1, 1), {}, random)
        return [pool, gate, node("Multiply", name, [x, gate.outputs[0]], shape)]
    if op == "Pointwise":
        return [_filter(op, name, x, (draw(st.integers(1, widest)), shape[1], 1, 1), {}, random)]
    if op == "Depthwise" and shape[1] == 1:
        return []
    window = _window(draw, shape, 7 if op == "Depthwise" else 3)
    if op.endswith("Pool"):
        one = node(op, name, [x], shape, **{key: value for key, value in window.items() if key != "dilations"})
        one.attributes["dilations"] = ir.AttrInt64s("dilations", [1, 1])
        return _sized(one)
    if op == "Depthwise":
        return [_filter(op, name, x, (shape[1], 1, *window["kernel_shape"]), window, random)]
    return [_filter(op, name, x, (draw(st.integers(1, 18)), shape[1], *window["kernel_shape"]), window, random)]


def _window(draw: st.DrawFn, shape: tuple[int, ...], largest: int) -> dict[str, list[int]]:
    """A window that fits into the padded map."""
    kernel = [draw(st.integers(1, largest)) for _ in range(2)]
    dilations = [draw(st.integers(1, 2)) for _ in range(2)]
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True)]
    before = [draw(st.integers(0, r - 1)) for r in reach]
    after = [
        max(draw(st.integers(0, r - 1)), r - size - pad) for r, size, pad in zip(reach, shape[2:], before, strict=True)
    ]
    strides = [draw(st.integers(1, 3)) for _ in range(2)]
    return {"kernel_shape": kernel, "dilations": dilations, "pads": [*before, *after], "strides": strides}


def _filter(
    op: str, name: str, x: ir.Value, weight: tuple[int, ...], window: dict[str, list[int]], random: np.random.Generator
) -> ir.Node:
    """A convolution of some kind with random weights."""
    scale = 1 / np.sqrt(np.prod(weight[1:])) / (128 if x.dtype == ir.DataType.UINT8 else 1)
    parameters = [
        tensor(f"{name}.weight", random.normal(0, scale, weight)),
        tensor(f"{name}.bias", random.normal(0, 0.5, weight[0])),
    ]
    group = weight[0] if op == "Depthwise" else 1
    (one,) = _sized(node(op, name, [x, *parameters], (1, 1, 1, 1), group=group, **window))
    return one


def _sized(one: ir.Node) -> list[ir.Node]:
    """A node whose output has the shape that its operator gives it."""
    one.outputs[0].shape = ir.Shape(REGISTRY[one.op_type].shape(one))
    return [one]


def stages_of_model(model: ir.Model) -> Stages:
    """The calls of a network."""
    return stages_of(list(model.graph), model.graph.inputs, model.graph.outputs)


@st.composite
def repeats(draw: st.DrawFn, model: ir.Model) -> ir.Model:
    """The same network, in which some of the calls that make a gate's map run twice."""
    stages, found, taken = stages_of_model(model), {}, set()
    for call in stages.calls:
        possible = [chain for chain, _ in possible_chains(stages, call)] if waits(call) else []
        chain = draw(st.sampled_from([[], *possible]))
        if chain and not taken.intersection(chain):
            found[call.name] = chain
            taken.update(chain)
    return repeated(model, found)


@st.composite
def cuts(draw: st.DrawFn, stages: Stages) -> list[Cut]:
    """Any way to cut a network into segments, streamed ones as long as drawn or as the calls permit."""
    found, start = [], 0
    while start < len(stages.calls):
        flow = Flow(stages.calls, start, draw(st.integers(1, 5)))
        wanted = draw(st.integers(0, len(stages.calls) - start))
        count = 0
        while count < wanted and flow.extend():
            count += 1
        found.append(Cut(start, start + count, flow) if count else Cut(start, start + 1))
        start = found[-1].stop
    return found


def program(model: ir.Model, segments: list[Cut], isa: tuple[str, ...]) -> planning.Program:
    """The Program of a network that is cut in a given way."""
    stages = stages_of_model(model)
    kernels = [planning.choose_kernel(call.node, isa) for call in stages.calls]
    return planning.program_of(model, stages, segments, isa, kernels)
