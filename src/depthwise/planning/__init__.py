"""From a Graph in normal form to a Program: kernels chosen, segments cut, memory planned. Pure functions, no C text."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import onnx_ir as ir

from depthwise.device import Precision
from depthwise.errors import UserError
from depthwise.graph import classes_of, preprocessing_of
from depthwise.ops import REGISTRY, Kernel
from depthwise.ops.base import activations_of, parameters_of, shape_of
from depthwise.planning.constants import PackedWeights, pack, packed_bytes
from depthwise.planning.memory import ALIGNMENT, Lifetime, align, lower_bound, plan_offsets
from depthwise.planning.program import Buffer, Call, Place, Program, Region, Segment
from depthwise.planning.storage import Storage, assign_storages, bytes_of, called

__all__ = [
    "Buffer",
    "Call",
    "Footprint",
    "PackedWeights",
    "Place",
    "Program",
    "Segment",
    "footprint",
    "pack",
    "packed_bytes",
    "plan",
]

PRECISIONS: tuple[Precision, ...] = ("float32",)
"""What there are kernels for, so what can be compiled; others can be estimated only."""


@dataclass(frozen=True)
class Footprint:
    """Bytes of the arena, of the caller's buffers and of the constants."""

    arena: int
    input: int
    output: int
    weights: int


def footprint(graph: ir.Model, element: int) -> Footprint:
    """What a network in normal form would take if its elements had `element` bytes (uint8 pixels keep their one).

    Planned as `plan` does, layer by layer, but without the workspaces of kernels, which need not exist yet. Biases, and
    other constants of one axis, keep 4 bytes an element.

    Raises:
        UserError: as `plan`.
    """
    source, result = _ends(graph)
    nodes = list(graph.graph)
    storages = assign_storages(nodes, source, result, element)
    callers = storages[source], storages[result]
    _, arena, _ = _arena(storages, callers, called(nodes), [0] * len(called(nodes)))
    weights = sum(
        align(
            sum(math.prod(shape) * (element if len(shape) > 1 else 4) for shape in map(shape_of, parameters_of(node)))
        )
        for node in nodes
    )
    return Footprint(max(arena, ALIGNMENT), callers[0].bytes, callers[1].bytes, max(weights, ALIGNMENT))


def plan(graph: ir.Model, isa: tuple[str, ...]) -> Program:
    """Plans a network in normal form for a target.

    Args:
        graph: in normal form, with one input and one output.
        isa: instruction sets of the target, best first; plain C ("c") need not be named.

    Raises:
        UserError: several inputs or outputs, or an output that no operator computes.
    """
    source, result = _ends(graph)
    nodes = list(graph.graph)
    isa = (*(name for name in isa if name != "c"), "c")
    storages = assign_storages(nodes, source, result)
    if storages[result] is storages[source]:
        raise UserError(f"the network's output '{result.name}' is its input: there is nothing to compile")
    choices = [choose_kernel(node, isa) for node in called(nodes)]
    workspaces = [kernel.workspace(node) for (kernel, _), node in zip(choices, called(nodes), strict=True)]
    buffers, total, bound = _arena(storages, (storages[source], storages[result]), called(nodes), workspaces)
    places = _places(storages, source, result, buffers)
    segments = []
    for node, (kernel, reason), workspace in zip(called(nodes), choices, workspaces, strict=True):
        scratch = buffers[f"{node.name}.workspace"].offset if workspace else 0
        shape = shape_of(node.outputs[0])
        call = Call(
            name=node.name or "",
            op=node.op_type,
            kernel=kernel,
            reason=reason,
            inputs=tuple(places[value] for value in activations_of(node)),
            output=places[node.outputs[0]],
            workspace=Place("arena", scratch, workspace, (workspace,), "uint8") if workspace else None,
            rows=shape[2] if len(shape) == 4 else 1,
            node=node,
        )
        segments.append(Segment("layer", call.rows, (call,)))
    return Program(
        isa=isa,
        segments=tuple(segments),
        buffers=tuple(sorted(buffers.values(), key=lambda buffer: (buffer.offset, buffer.first))),
        arena=max(total, ALIGNMENT),
        lower_bound=max(bound, ALIGNMENT),
        alignment=ALIGNMENT,
        input=places[source],
        output=places[result],
        classes=classes_of(graph),
        preprocessing=preprocessing_of(graph),
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
        if kernel.input_type != element:
            continue
        if kernel.instructions not in isa:
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


def _ends(graph: ir.Model) -> tuple[ir.Value, ir.Value]:
    inputs = [value for value in graph.graph.inputs if value.const_value is None]
    outputs = list(graph.graph.outputs)
    for kind, values in (("input", inputs), ("output", outputs)):
        if len(values) != 1:
            names = ", ".join(str(value.name) for value in values) or "none"
            raise UserError(f"the network has {len(values)} {kind}s ({names}); one {kind} can be compiled")
    return inputs[0], outputs[0]


def _arena(
    storages: Mapping[ir.Value, Storage],
    callers: tuple[Storage, Storage],
    nodes: Sequence[ir.Node],
    workspaces: Sequence[int],
) -> tuple[dict[str, Buffer], int, int]:
    """Buffers by name (storages that are not the caller's, and workspaces), bytes of the arena, its lower bound."""
    lives = {
        storage.name: Lifetime(storage.bytes, storage.first, storage.last)
        for storage in {id(storage): storage for storage in storages.values()}.values()
        if storage is not callers[0] and storage is not callers[1]
    }
    for time, (node, workspace) in enumerate(zip(nodes, workspaces, strict=True)):
        if workspace:
            lives[f"{node.name}.workspace"] = Lifetime(workspace, time, time)
    layout = plan_offsets(list(lives.values()))
    buffers = {
        name: Buffer(name, offset, life.size, life.first, life.last)
        for (name, life), offset in zip(lives.items(), layout.offsets, strict=True)
    }
    return buffers, layout.total, lower_bound(list(lives.values()))


def _places(
    storages: Mapping[ir.Value, Storage], source: ir.Value, result: ir.Value, buffers: Mapping[str, Buffer]
) -> dict[ir.Value, Place]:
    """The place of every activation."""
    places = {}
    for value, storage in storages.items():
        region: Region = "arena"
        if storage is storages[source]:
            region = "input"
        elif storage is storages[result]:
            region = "output"
        offset = buffers[storage.name].offset if region == "arena" else 0
        places[value] = Place(region, offset, bytes_of(value), shape_of(value), type_of(value))
    return places
