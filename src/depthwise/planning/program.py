"""The Program: which kernel runs when and where its operands lie. `planning.plan` makes it from a Graph in normal form.

    Program -> Segment (a schedule over its calls) -> Call (a kernel, its operands' Places, its rows)
            -> Buffer (bytes in the arena, with offset and lifetime)

All of it is frozen; `explain(program)` is the text of `compile --explain`.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Literal

import onnx_ir as ir

from depthwise.data.preprocessing import Preprocessing
from depthwise.ops import Kernel
from depthwise.ops.base import Shape

Region = Literal["input", "output", "arena"]


@dataclass(frozen=True)
class Buffer:
    """A tensor or a workspace in the arena: `bytes` from `offset`, alive from call `first` to call `last` inclusive."""

    name: str
    offset: int
    bytes: int
    first: int
    last: int


@dataclass(frozen=True)
class Place:
    """Where a tensor lies: at `offset` bytes into the arena, or in the caller's input or output (offset 0).

    Attributes:
        shape: logical, [1, C, H, W] or [1, C]; memory is NHWC.
        type: element type, "float32" or "uint8".
    """

    region: Region
    offset: int
    bytes: int
    shape: Shape
    type: str = "float32"


@dataclass(frozen=True)
class Call:
    """One run of a kernel.

    Attributes:
        name: of the node, hence of the layer.
        op: operator of the normal form.
        kernel: the one chosen; reason: why, in words.
        inputs, output: places of the activations; workspace: place of the scratch, if the kernel needs any.
        rows: rows of the output map (a vector has one).
        node: where the kernel's parameters and constants come from.
    """

    name: str
    op: str
    kernel: Kernel
    reason: str
    inputs: tuple[Place, ...]
    output: Place
    workspace: Place | None
    rows: int
    node: ir.Node = field(repr=False, compare=False)

    @property
    def function(self) -> Hashable:
        """The C function that the call needs: calls of one kernel with equal sizes share it."""
        return self.kernel.name, tuple(self.kernel.parameters(self.node).items()), self.rows, len(self.inputs)


@dataclass(frozen=True)
class Segment:
    """Calls that run under one schedule.

    Attributes:
        schedule: "layer": each call does all its rows before the next one starts.
        rows_per_step: rows of the last call's output that one step makes; for "layer" all of them.
    """

    schedule: Literal["layer"]
    rows_per_step: int
    calls: tuple[Call, ...]


@dataclass(frozen=True)
class Program:
    """A network as a flat list of kernel calls with every address fixed.

    Attributes:
        isa: instruction sets that the kernels were chosen from, best first.
        segments: in order of execution.
        buffers: what lies in the arena, by offset.
        arena: bytes of the arena, a multiple of `alignment` and never 0, so that a caller's array of it is legal C.
        lower_bound: largest sum of buffers that live at one time; no plan for these calls can do with less.
        input, output: the caller's buffers; they are not in the arena.
        classes: names of the outputs, possibly none. preprocessing: how an image becomes the input, if known.
        has_weights: False for a network of shapes only, which can be planned but not compiled.
    """

    isa: tuple[str, ...]
    segments: tuple[Segment, ...]
    buffers: tuple[Buffer, ...]
    arena: int
    lower_bound: int
    alignment: int
    input: Place
    output: Place
    classes: tuple[str, ...]
    preprocessing: Preprocessing | None
    has_weights: bool

    def calls(self) -> Iterator[Call]:
        """All calls in order of execution; their indices are the times in the buffers' lifetimes."""
        for segment in self.segments:
            yield from segment.calls

    @property
    def instructions(self) -> tuple[str, ...]:
        """Instruction sets that the chosen kernels need beyond plain C, best first."""
        used = {call.kernel.instructions for call in self.calls()}
        return tuple(name for name in self.isa if name in used and name != "c")
