"""From a Graph in normal form to a Program: kernels chosen, segments cut, memory planned. Pure functions, no C text."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.graph import classes_of, preprocessing_of
from depthwise.ops import REGISTRY, Kernel, with_implied
from depthwise.ops.base import activations_of, shape_of
from depthwise.planning.constants import PackedWeights, pack, pack_together, packed_bytes
from depthwise.planning.growth import Network
from depthwise.planning.memory import ALIGNMENT, Lifetime, align, apart, lower_bound, plan_offsets
from depthwise.planning.parallel import Share, Sharing
from depthwise.planning.phases import phases_of, through_phases
from depthwise.planning.program import Axis, Buffer, Call, Phase, Place, Port, Private, Program, Read, Region, Segment
from depthwise.planning.repeats import choose_plan
from depthwise.planning.segmentation import DEFAULT, Choice
from depthwise.planning.stages import Stages, stages_of
from depthwise.planning.storage import Cut, Storage, assign_storages, bytes_of
from depthwise.planning.timing import CACHE

__all__ = [
    "DEFAULT",
    "Buffer",
    "Call",
    "Choice",
    "PackedWeights",
    "Phase",
    "Place",
    "Port",
    "Private",
    "Program",
    "Read",
    "Segment",
    "pack",
    "pack_together",
    "packed_bytes",
    "plan",
]


def plan(graph: ir.Model, isa: tuple[str, ...], choice: Choice = DEFAULT) -> Program:
    """Plans a network in normal form for a target.

    Args:
        graph: in normal form.
        isa: instruction sets of the target, best first; plain C ("c") need not be named. The kernels are those of the
            first set, of what it adds to, and plain C: one program has vectors of one width.
        choice: which schedules may be taken, and what is to be least.

    Raises:
        UserError: no input, no output, or an output that no operator computes.
    """
    isa = (*(each for name in isa[:1] if name != "c" for each in with_implied(name)), "c")

    def network_of(graph: ir.Model) -> Network:
        stages = _stages(graph)
        workspaces = [choose_kernel(call.node, isa)[0].workspace(call.node) for call in stages.calls]
        return Network(stages, workspaces, 4, _cache(isa))

    found = choose_plan(graph, network_of, choice)
    stages = found.network.stages
    kernels = [choose_kernel(call.node, isa) for call in stages.calls]
    return program_of(found.graph, stages, found.cuts, isa, kernels)


def program_of(
    graph: ir.Model, stages: Stages, cuts: Sequence[Cut], isa: tuple[str, ...], kernels: Sequence[tuple[Kernel, str]]
) -> Program:
    """The Program of a network whose segments and kernels (each with its reason) are chosen."""
    storages = assign_storages(stages, cuts)
    lives = {**_lives(stages, storages, _cache(isa)), **_scratch(stages, cuts, [kernel for kernel, _ in kernels])}
    shares: list[Share] = []
    if any(kernel.instructions != "c" for kernel, _ in kernels):
        shares = Sharing(stages, cuts, storages, [kernel for kernel, _ in kernels], lives).phases()
        lives = through_phases(lives, cuts, shares)
    buffers, total = _arena(lives)
    places = _places(storages, stages, buffers)
    segments = []
    axes: list[Axis | Literal[""]] = [share.axis for share in shares for _ in range(share.start, share.stop)]
    if not axes:
        axes = [""] * len(cuts)
    for cut, axis in zip(cuts, axes, strict=True):
        calls = [_call(stages, cut, number, kernels[number], places, axis) for number in range(cut.start, cut.stop)]
        segments.append(_segment(cut, _with_workspace(calls, buffers)))
    return Program(
        isa=isa,
        segments=tuple(segments),
        buffers=tuple(sorted(buffers.values(), key=lambda buffer: (buffer.offset, buffer.first))),
        arena=max(total, ALIGNMENT),
        lower_bound=max(lower_bound(list(lives.values())), ALIGNMENT),
        alignment=ALIGNMENT,
        inputs=_ports(stages.sources, places),
        outputs=_ports(graph.graph.outputs, places),
        classes=classes_of(graph),
        preprocessing=preprocessing_of(graph),
        phases=phases_of(shares, stages, cuts, storages, buffers),
        has_weights=graph.metadata_props.get("depthwise.weights") != "none",
    )


def choose_kernel(node: ir.Node, isa: Sequence[str]) -> tuple[Kernel, str]:
    """The first kernel of the node's operator that serves it on the target, and the reason in words.

    Raises:
        UserError: no kernel serves the node.
    """
    element = type_of(activations_of(node)[0])
    lacking: dict[str, list[str]] = {}
    unfit: list[str] = []
    for kernel in REGISTRY[node.op_type].kernels:
        if (kernel.input_type, kernel.output_type) != (element, type_of(node.outputs[0])):
            continue
        if kernel.instructions not in isa:
            if kernel.fits(node) and lacking.keys() <= {kernel.name}:  # one example says enough
                lacking.setdefault(kernel.name, []).append(kernel.instructions)
        elif not kernel.fits(node):
            unfit.append(f"{kernel.name} does not serve this shape")
        else:
            return kernel, "; ".join(["first that fits", *_needs(lacking), *unfit])
    why = "; ".join([*_needs(lacking), *unfit]) or f"none reads {element}"
    raise UserError(f"{node.name}: no kernel for {node.op_type} on {element} {shape_of(node.inputs[0])} ({why})")


def _needs(lacking: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{kernel} needs {' or '.join(sets)}" for kernel, sets in lacking.items()]


def type_of(value: ir.Value) -> str:
    """Element type of an activation by NumPy's name."""
    return "uint8" if value.dtype == ir.DataType.UINT8 else "float32"


def _cache(isa: Sequence[str]) -> int:
    """Bytes of the second-level cache to count on."""
    return CACHE if any(name != "c" for name in isa) else 0


def _stages(graph: ir.Model) -> Stages:
    """The calls of a network."""
    inputs, outputs = list(graph.graph.inputs), list(graph.graph.outputs)
    for kind, values in (("input", inputs), ("output", outputs)):
        if not values:
            raise UserError(f"the network has no {kind}: there is nothing to compile")
    stages = stages_of(list(graph.graph), inputs, outputs)
    for output in outputs:
        if stages.seen[output] in stages.sources:
            raise UserError(f"the network's output '{output.name}' is its input: there is nothing to compile")
    return stages


def _scratch(stages: Stages, cuts: Sequence[Cut], kernels: Sequence[Kernel]) -> dict[str, Lifetime]:
    """The workspaces by name: the calls of a segment take turns in one, but for kernels that keep theirs."""
    scratch = {}
    for cut in cuts:
        shared = 0
        for number in range(cut.start, cut.stop):
            call, kernel = stages.calls[number], kernels[number]
            size = kernel.workspace(call.node)
            if kernel.keeps:
                scratch[f"{call.name}.kept"] = Lifetime(size, cut.start, cut.stop - 1)
            else:
                shared = max(shared, size)
        if shared:
            scratch[f"{stages.calls[cut.start].name}.workspace"] = Lifetime(shared, cut.start, cut.stop - 1)
    return scratch


def _lives(stages: Stages, storages: Mapping[ir.Value, Storage], cache: int) -> dict[str, Lifetime]:
    """When the storages live that are not the caller's, by name; with a cache they do not end a page apart."""
    callers = {id(storages[value]) for value in (*stages.sources, *stages.results)}
    return {
        storage.name: Lifetime(apart(storage.bytes) if cache else storage.bytes, storage.first, storage.last)
        for storage in {id(storage): storage for storage in storages.values()}.values()
        if id(storage) not in callers
    }


def _arena(lives: Mapping[str, Lifetime]) -> tuple[dict[str, Buffer], int]:
    """Buffers by name, and the bytes of the arena."""
    layout = plan_offsets(list(lives.values()))
    buffers = {
        name: Buffer(name, offset, life.size, life.first, life.last)
        for (name, life), offset in zip(lives.items(), layout.offsets, strict=True)
    }
    return buffers, layout.total


def _offsets(storages: Mapping[ir.Value, Storage], ends: Sequence[ir.Value]) -> tuple[dict[int, int], int]:
    """Where inputs, or outputs, begin in the caller's buffer, by identity of their storages; and its bytes."""
    offsets: dict[int, int] = {}
    total = 0
    for end in ends:
        offsets[id(storages[end])] = align(total)
        total = align(total) + storages[end].bytes
    return offsets, total


def _places(
    storages: Mapping[ir.Value, Storage], stages: Stages, buffers: Mapping[str, Buffer]
) -> dict[ir.Value, Place]:
    """The place of every activation."""
    regions: dict[int, tuple[Region, int]] = {}
    for storage in storages.values():
        if storage.name in buffers:
            regions[id(storage)] = "arena", buffers[storage.name].offset
    callers: dict[Region, Sequence[ir.Value]] = {"input": stages.sources, "output": stages.results}
    for region, ends in callers.items():
        regions.update({key: (region, offset) for key, offset in _offsets(storages, ends)[0].items()})
    places = {}
    for value, storage in storages.items():
        size = storage.bytes if storage.rows else bytes_of(value)
        places[value] = Place(*regions[id(storage)], size, shape_of(value), type_of(value), storage.rows)
    return places


def _ports(values: Sequence[ir.Value], places: Mapping[ir.Value, Place]) -> tuple[Port, ...]:
    return tuple(Port(str(value.name), places[value]) for value in values)


def _call(
    stages: Stages,
    cut: Cut,
    number: int,
    kernel: tuple[Kernel, str],
    places: Mapping[ir.Value, Place],
    axis: Axis | Literal[""],
) -> Call:
    """Call `number`, which is in segment `cut`; without its workspace. `axis`: of its phase."""
    stage = stages.calls[number]
    names = [stages.calls[read.source].name if read.source >= cut.start else "" for read in stage.reads]
    return Call(
        name=stage.name,
        op=stage.node.op_type,
        kernel=kernel[0],
        reason=kernel[1],
        inputs=tuple(places[value] for value in activations_of(stage.node)),
        output=places[stage.output],
        workspace=None,
        rows=stage.height,
        pace=cut.flow.advances[number - cut.start].pace if cut.flow else 0,
        reads=tuple(Read(name, read.height, read.rows) for name, read in zip(names, stage.reads, strict=True)),
        node=stage.node,
        axis=axis,
    )


def _with_workspace(calls: Sequence[Call], buffers: Mapping[str, Buffer]) -> tuple[Call, ...]:
    """The calls of a segment, each that needs a workspace with the segment's, or with the one that it keeps."""
    placed = []
    for call in calls:
        size = call.kernel.workspace(call.node)
        if size:
            buffer = buffers[f"{call.name}.kept" if call.kernel.keeps else f"{calls[0].name}.workspace"]
            call = replace(call, workspace=Place("arena", buffer.offset, size, (size,), "uint8"))
        placed.append(call)
    return tuple(placed)


def _segment(cut: Cut, calls: tuple[Call, ...]) -> Segment:
    if cut.flow is None:
        return Segment("layer", calls[0].rows, 1, cut.reason, calls)
    return Segment("stream", cut.flow.rows_per_step, cut.flow.steps(cut.stop), cut.reason, calls)
