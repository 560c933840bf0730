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
from depthwise.ops.base import Rows, Shape

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
    """Where a tensor lies: at `offset` bytes into the arena, or into the caller's input or output.

    Attributes:
        shape: logical, [1, C, H, W] or [1, C]; memory is NHWC.
        type: element type, "float32" or "uint8".
        rows: how many of the map's rows it has room for at a time, which `bytes` counts; 0: all of them.
    """

    region: Region
    offset: int
    bytes: int
    shape: Shape
    type: str = "float32"
    rows: int = 0


@dataclass(frozen=True)
class Port:
    """An input or output of the network: its name, and its place in the caller's buffer."""

    name: str
    place: Place


@dataclass(frozen=True)
class Read:
    """What a call of a streamed segment reads of one activation.

    Attributes:
        source: name of the call of the same segment that makes it; empty: it was there before.
        height: its rows in all. rows: those that an output row needs; None: all, throughout.
    """

    source: str
    height: int
    rows: Rows | None


@dataclass(frozen=True)
class Call:
    """One run of a kernel.

    Attributes:
        name: of the node, hence of the layer.
        op: operator of the normal form.
        kernel: the one chosen; reason: why, in words.
        inputs, output: places of the activations; workspace: place of the scratch, if the kernel needs any.
        rows: rows that the kernel counts: of the output map (a vector has one), or of the input that it reduces.
        pace: most rows that one step of a stream makes; 0: the call runs as a whole.
        reads: how each input is read.
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
    pace: int
    reads: tuple[Read, ...]
    node: ir.Node = field(repr=False, compare=False)

    @property
    def function(self) -> Hashable:
        """The C function that the call needs: calls of one kernel with equal sizes share it."""
        return (
            self.kernel.name,
            tuple(self.kernel.parameters(self.node).items()),
            self.rows,
            len(self.inputs),
            self.pace > 0,
        )


@dataclass(frozen=True)
class Segment:
    """Calls that run under one schedule.

    Attributes:
        schedule: "layer": its one call does all its rows. "stream": in each of `steps` steps every call in turn makes
            the rows for which its inputs are there, so that maps between them are windows of a few rows.
        rows_per_step: rows of the first call's output that one step makes; for "layer" all of them.
        reason: why it was cut so, in words.
    """

    schedule: Literal["layer", "stream"]
    rows_per_step: int
    steps: int
    reason: str
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
        inputs, outputs: what lies in the caller's two buffers, which are not in the arena: of several one after the
            other, each at a multiple of `alignment`. Two outputs may be the same memory, one as a view of the other.
        classes: names of the first output's values, possibly none.
        preprocessing: how an image becomes the (first) image input, if known.
        has_weights: False for a network of shapes only, which can be planned but not compiled.
    """

    isa: tuple[str, ...]
    segments: tuple[Segment, ...]
    buffers: tuple[Buffer, ...]
    arena: int
    lower_bound: int
    alignment: int
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    classes: tuple[str, ...]
    preprocessing: Preprocessing | None
    has_weights: bool

    def calls(self) -> Iterator[Call]:
        """All calls in order of execution; their indices are the times in the buffers' lifetimes."""
        for segment in self.segments:
            yield from segment.calls

    @property
    def input_bytes(self) -> int:
        """Bytes of the caller's buffer of all inputs."""
        return max(port.place.offset + port.place.bytes for port in self.inputs)

    @property
    def output_bytes(self) -> int:
        """Bytes of the caller's buffer of all outputs."""
        return max(port.place.offset + port.place.bytes for port in self.outputs)

    @property
    def instructions(self) -> tuple[str, ...]:
        """Instruction sets that the chosen kernels need beyond plain C, best first."""
        used = {call.kernel.instructions for call in self.calls()}
        return tuple(name for name in self.isa if name in used and name != "c")
