"""The Program: which kernel runs when and where its operands lie. `planning.plan` makes it from a Graph in normal form.

    Program -> Segment (a schedule over its calls) -> Call (a kernel, its operands' Places, its rows)
            -> Buffer (bytes in the arena, with offset and lifetime)

All of it is frozen; `explain(program)` is the text of `compile --explain`.
"""

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import onnx_ir as ir

from depthwise.data.preprocessing import Preprocessing
from depthwise.ops import REGISTRY, Kernel
from depthwise.ops._quantized import Quantization, is_integer, output_quantization
from depthwise.ops.base import Rows, Shape
from depthwise.planning.memory import align

Region = Literal["input", "output", "arena"]
Axis = Literal["whole", "rows", "pixels", "channels", "bands"]


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
        axis: that of its phase; empty in a Program without phases.
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
    axis: Axis | Literal[""] = ""

    @property
    def flat(self) -> bool:
        """Whether its kernel is told of a map of one pixel a row, so that it may be cut between any two pixels."""
        return self.axis == "pixels"

    @property
    def ranged(self) -> bool:
        """Whether it makes some of its rows at a time."""
        return self.pace > 0 or self.axis in ("rows", "pixels")

    @property
    def fields(self) -> Mapping[str, int | float | str]:
        """The kernel's parameters. A flat call's map has as many rows as pixels."""
        fields = dict(self.kernel.parameters(self.node))
        if self.flat:
            fields |= {name: self.rows * fields["width"] for name in fields if name == "height"} | {"width": 1}
        return fields

    @property
    def macs(self) -> int:
        """Its multiply-accumulates."""
        return REGISTRY[self.op].macs(self.node)

    @property
    def quantization(self) -> Quantization | None:
        """What the bytes that it writes stand for; None: it writes floats."""
        return output_quantization(self.node) if is_integer(self.node) else None

    @property
    def in_float(self) -> bool:
        """Whether it computes with floats: it neither writes bytes nor reads some."""
        return not is_integer(self.node) and "x_scales" not in self.node.attributes

    @property
    def function(self) -> Hashable:
        """The C function that the call needs: calls of one kernel with equal sizes share it."""
        return (
            self.kernel.name,
            tuple(self.fields.items()),
            0 if self.ranged else self.rows,
            len(self.inputs),
            self.ranged,
            self.axis == "channels",
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
class Private:
    """Memory of which every thread has its own, a window or a workspace.

    Attributes:
        shared: its offset in the arena, where the first thread's is; offset: in the part of each further thread.
        bytes: for a further thread. rows: that a window has there; 0: a workspace.
    """

    shared: int
    offset: int
    bytes: int
    rows: int = 0


@dataclass(frozen=True)
class Phase:
    """Segments that several threads share out, each its part of every call, before they wait for each other.

    Attributes:
        start, stop: the segments, from number `start` to before `stop`.
        axis: what is cut: rows, pixels or channels of each call's output; "bands": rows of a stream's last output;
            "whole": nothing, one thread computes it.
        total, unit: how many there are; borders of parts are multiples of unit, the last one takes what is left over.
        private: memory of the threads. reason: why it was cut so, in words.
    """

    start: int
    stop: int
    axis: Axis
    total: int
    unit: int
    private: tuple[Private, ...]
    reason: str

    @property
    def private_bytes(self) -> int:
        """Bytes of the private memory of one further thread."""
        return max((one.offset + one.bytes for one in self.private), default=0)


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
        phases: how threads share it out, all segments in order; none without vector instructions: such a device has
            one core, and no byte to spare.
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
    phases: tuple[Phase, ...]
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
    def private_bytes(self) -> int:
        """Bytes of the arena that every thread beyond the first needs."""
        return align(max((phase.private_bytes for phase in self.phases), default=0))

    @property
    def instructions(self) -> tuple[str, ...]:
        """Instruction sets that the chosen kernels need beyond plain C, best first."""
        used = {call.kernel.instructions for call in self.calls()}
        return tuple(name for name in self.isa if name in used and name != "c")
