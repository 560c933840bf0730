"""The calls of a Program as C expressions: functions that calls share, operands, and what a streamed segment needs.

The names in the expressions are those of the templates: x input, w weights, y output, a arena; in a stream d0, d1 ...
rows done of each call, m0, m1 ... windows, `last` the row before which the current call ends; in a part of what
several threads do `part` its number, begin .. end what it makes, b0 .. e0, b1 .. e1 ... the rows of each call for it.
"""

import math
import re
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from depthwise.planning import Call, PackedWeights, Phase, Place, Private, Program, Segment

C_TYPES = {"uint8": "uint8_t", "float32": "float"}
"""Element types by NumPy's name."""

_SIZES = {"uint8": 1, "float32": 4}
"""Their bytes."""


@dataclass(frozen=True)
class Function:
    """A kernel with one set of parameters: a C function that every call with these parameters shares.

    Attributes:
        range: what it hands to the kernel as base, first, last, and if it takes these as from, to: arguments where
            they vary, in a stream and along the axis by which threads share the work, else constants.
    """

    name: str
    kernel: str
    struct: str
    fields: tuple[tuple[str, str], ...]
    arguments: tuple[str, ...]
    operands: tuple[str, ...]
    range: tuple[str, ...]
    comment: str


@dataclass(frozen=True)
class CallText:
    """A call. In a stream: `done`, its counter; `last`, how far it may go; `room`, what makes room for that."""

    number: int
    comment: str
    function: str
    operands: tuple[str, ...]
    done: str = ""
    last: str = ""
    room: str = ""


@dataclass(frozen=True)
class SegmentText:
    """A segment: calls one after the other, or with `name`, `steps` and `windows` a stream in a function of its own.

    Attributes:
        steps: of the stream. rows: of its last call, if it computes a band of them, begin to end.
        windows: name, address, bytes of a row, rows, first row. used: which of x, w, y, a it mentions.
        bands: for every call, last first: its number in the stream, its first and its last row in a band.
    """

    calls: tuple[CallText, ...]
    name: str = ""
    steps: int = 0
    rows: int = 0
    windows: tuple[tuple[str, str, int, str, str], ...] = ()
    used: tuple[str, ...] = ()
    bands: tuple[tuple[int, str, str], ...] = ()


def functions_of(program: Program, name: str) -> dict[Hashable, Function]:
    """The distinct functions by what calls know them by, in order of first use."""
    functions: dict[Hashable, Function] = {}
    for call in program.calls():
        if call.function not in functions:
            functions[call.function] = _function(call, f"{name}_{len(functions)}_{call.kernel.name}")
    return functions


def segments_of(
    program: Program, name: str, functions: dict[Hashable, Function], packed: PackedWeights
) -> list[SegmentText]:
    """The segments in order of execution."""
    segments: list[SegmentText] = []
    bands = {phase.start: phase for phase in program.phases if phase.axis == "bands"}
    first = 0
    for number, segment in enumerate(program.segments):
        if segment.schedule == "layer":
            calls = (_layer(call, first + index, functions, packed) for index, call in enumerate(segment.calls))
            segments.append(SegmentText(tuple(calls)))
        else:
            stream = _Stream(segment, first, functions, packed, bands.get(number))
            segments.append(stream.text(f"{name}_stream_{number}"))
        first += len(segment.calls)
    return segments


def operands_in(calls: Sequence[CallText], names: str) -> tuple[str, ...]:
    """Which of some one-letter names the operands of calls mention."""
    used = {found for call in calls for text in call.operands for found in re.findall(r"\b[axyw]\b", text)}
    return tuple(name for name in names if name in used)


class _Stream:
    """A streamed segment: its counters and windows by name."""

    def __init__(
        self,
        segment: Segment,
        first: int,
        functions: dict[Hashable, Function],
        packed: PackedWeights,
        phase: Phase | None,
    ) -> None:
        self._segment, self._first, self._functions, self._packed = segment, first, functions, packed
        self._private = {one.shared: one for one in phase.private} if phase else {}
        self._bands = phase is not None
        self._done = {call.name: f"d{index}" for index, call in enumerate(segment.calls)}
        outputs = (call.output for call in segment.calls)
        self._windows = {place.offset: place for place in outputs if place.rows}
        self._names = {offset: f"m{index}" for index, offset in enumerate(self._windows)}

    def text(self, name: str) -> SegmentText:
        calls = tuple(self._call(call, self._first + index) for index, call in enumerate(self._segment.calls))
        windows = tuple(self._window(place) for place in self._windows.values())
        used = set(operands_in(calls, "xwya")) | ({"a"} if windows else set())
        return SegmentText(
            calls,
            name,
            self._segment.steps,
            self._segment.calls[-1].rows if self._bands else 0,
            windows,
            tuple(each for each in "xwya" if each in used),
            tuple(self._band(index) for index in reversed(range(len(calls)))) if self._bands else (),
        )

    def _window(self, place: Place) -> tuple[str, str, int, str, str]:
        """What the window of a place is when the stream begins."""
        name, row = self._names[place.offset], _row(place) * _SIZES[place.type]
        if not self._bands:
            return name, f"a + {place.offset}", row, str(place.rows), "0"
        own = self._private[place.offset].rows
        maker = next(index for index, call in enumerate(self._segment.calls) if call.output == place)
        rows = str(own) if own == place.rows else f"part == 0 ? {place.rows} : {own}"
        return name, part_memory(place.offset, self._private), row, rows, f"b{maker}"

    def _band(self, index: int) -> tuple[int, str, str]:
        """The rows that a call makes for a band: those that the calls after it need."""
        call = self._segment.calls[index]
        if index == len(self._segment.calls) - 1:
            return index, "begin", "end"
        lows, highs = [], []
        for number, reader in enumerate(self._segment.calls):
            for rows in (read.rows for read in reader.reads if read.source == call.name):
                assert rows is not None
                lows.append(_first_row(f"b{number}", rows.stride, rows.pad))
                highs.append(_first_row(f"e{number}", rows.stride, rows.stride + rows.pad - rows.reach))
        low, high = _least(lows), _most(highs)
        return index, f"part_most(0, {low})", f"stream_least({call.rows}, {high})"

    def _call(self, call: Call, number: int) -> CallText:
        done = self._done[call.name]
        inputs = tuple(self._input(call, index) for index in range(len(call.inputs)))
        output = address(call.output) if _reduces(call) else self._rows_of(call.output, done)
        return CallText(
            number=number,
            comment=_describe(call),
            function=self._functions[call.function].name,
            operands=(
                *inputs,
                *_constants(call, self._packed),
                output,
                *self._workspace(call),
                self._base(call),
                done,
                "last",
            ),
            done=done,
            last=_least([f"{done} + {call.pace}", *self._ready(call), *([f"e{done[1:]}"] if self._bands else [])]),
            room=self._room(call),
        )

    def _workspace(self, call: Call) -> tuple[str]:
        if not self._bands or call.workspace is None:
            return _workspace(call)
        return (f"(float *){part_memory(call.workspace.offset, self._private)}",)

    def _ready(self, call: Call) -> Iterator[str]:
        """How many rows each input permits."""
        inside = False
        for read in call.reads:
            if read.source and read.rows:
                inside = True
                made, window = self._done[read.source], f"{read.rows.reach}, {read.rows.stride}, {read.rows.pad}"
                yield made if read.rows.aligned else f"stream_ready({made}, {read.height}, {call.rows}, {window})"
        if not inside and not self._bands:
            yield str(call.rows)

    def _input(self, call: Call, index: int) -> str:
        place, rows = call.inputs[index], call.reads[index].rows
        if rows is None:
            return address(place)
        if rows.aligned:
            return self._rows_of(place, self._done[call.name])
        return f"({C_TYPES[place.type]} *){self._names[place.offset]}.memory" if place.rows else address(place)

    def _rows_of(self, place: Place, row: str) -> str:
        if place.rows:
            return f"({C_TYPES[place.type]} *)stream_row(&{self._names[place.offset]}, {row})"
        return f"{address(place)} + {row} * {_row(place)}"

    def _base(self, call: Call) -> str:
        rows, place = call.reads[0].rows, call.inputs[0]
        if rows is None or rows.aligned:
            return self._done[call.name]
        return f"{self._names[place.offset]}.base" if place.rows else "0"

    def _room(self, call: Call) -> str:
        """Makes room in the window that a call writes to, unless it writes over what it reads."""
        place = call.output
        if not place.rows or place in call.inputs:
            return ""
        needed = [self._done[call.name]]
        for reader in self._segment.calls:
            for read, read_place in zip(reader.reads, reader.inputs, strict=True):
                if read_place == place and read.rows:
                    needed.append(_first_row(self._done[reader.name], read.rows.stride, read.rows.pad))
        return f"stream_make_room(&{self._names[place.offset]}, {_least(needed)}, {self._done[call.name]}, last)"


def _layer(call: Call, number: int, functions: dict[Hashable, Function], packed: PackedWeights) -> CallText:
    operands = (*map(address, call.inputs), *_constants(call, packed), address(call.output), *_workspace(call))
    if call.axis in ("rows", "pixels"):
        operands = (*operands, "0", "0", str(rows_of(call)))
    elif call.axis == "channels":
        operands = (*operands, *_channels(call))
    return CallText(number, _describe(call), functions[call.function].name, operands)


def part_of(
    call: Call, number: int, phase: Phase, functions: dict[Hashable, Function], packed: PackedWeights
) -> CallText:
    """A call of a phase along rows, pixels or channels: what part `part` computes of it, begin to end."""
    inputs, output = list(map(address, call.inputs)), address(call.output)
    base: tuple[str, ...] = ()
    if phase.axis != "channels":
        base = ("0",)
        output += f" + begin * {_row(call.output, flat=call.flat)}"
        for index, (place, read) in enumerate(zip(call.inputs, call.reads, strict=True)):
            if read.rows is not None and read.rows.aligned:
                base = ("begin",)
                inputs[index] += f" + begin * {_row(place, flat=call.flat)}"
    private = {one.shared: one for one in phase.private}
    workspace = _workspace(call)
    if call.workspace is not None and call.workspace.offset in private:
        workspace = (f"(float *){part_memory(call.workspace.offset, private)}",)
    operands = (*inputs, *_constants(call, packed), output, *workspace, *base, "begin", "end")
    return CallText(number, _describe(call), functions[call.function].name, operands)


def part_memory(offset: int, private: Mapping[int, Private]) -> str:
    """Where memory lies of which every part has its own, by the offset of the first part's."""
    return f"part_memory(a, part, {offset}, {private[offset].offset})"


def rows_of(call: Call) -> int:
    """Rows as the kernel counts them."""
    return call.rows * call.output.shape[3] if call.flat else call.rows


def _function(call: Call, name: str) -> Function:
    inputs = ["x", *(f"x{i}" for i in range(2, len(call.inputs) + 1))]
    types = [C_TYPES[call.kernel.input_type], *(C_TYPES[place.type] for place in call.inputs[1:])]
    arguments = [f"const {kind} *{x}" for kind, x in zip(types, inputs, strict=True)]
    rows = ("base", "first", "last") if call.ranged else ()
    channels = ("from", "to") if call.axis == "channels" else ()
    return Function(
        name=name,
        kernel=call.kernel.name,
        struct=call.kernel.struct,
        fields=tuple((field, _literal(value)) for field, value in call.fields.items()),
        arguments=(
            *(*arguments, "const float *constants", f"{C_TYPES[call.output.type]} *y", "float *workspace"),
            *(f"int {each}" for each in (*rows, *channels)),
        ),
        operands=(*inputs, "constants", "y", "workspace"),
        range=(*(rows or ("0", "0", str(call.rows))), *(channels or _channels(call))),
        comment=comment(f"{call.op} {list(call.inputs[0].shape)} -> {list(call.output.shape)}"),
    )


def _channels(call: Call) -> tuple[str, ...]:
    """The channels that a kernel which takes a range of them is to compute: all."""
    return ("0", str(call.output.shape[1])) if call.kernel.channels else ()


def address(place: Place) -> str:
    """Where a place begins, as an expression."""
    if place.region == "arena":
        return f"({C_TYPES[place.type]} *)(a + {place.offset})"
    if place.region == "output":
        return f"y + {place.offset // 4}" if place.offset else "y"
    return f"(const {C_TYPES[place.type]} *)((const unsigned char *)x + {place.offset})" if place.offset else "x"


def comment(text: str) -> str:
    """Text that is safe inside a C comment."""
    return re.sub(r"[^\x20-\x7e]|\\", "?", text).replace("*/", "* /").replace("/*", "/ *")


def _describe(call: Call) -> str:
    return comment(f"{call.name}: {call.op} {list(call.inputs[0].shape)} -> {list(call.output.shape)}")


def _constants(call: Call, packed: PackedWeights) -> tuple[str]:
    offset = packed.offsets.get(call.name)
    return ("NULL" if offset is None else f"w + {offset}",)


def _workspace(call: Call) -> tuple[str]:
    return ("NULL" if call.workspace is None else f"(float *)(a + {call.workspace.offset})",)


def _reduces(call: Call) -> bool:
    return any(read.rows is not None and read.rows.reduces for read in call.reads)


def _row(place: Place, *, flat: bool = False) -> int:
    """Elements of a row of a map, or of a pixel."""
    return place.shape[1] * (1 if flat else math.prod(place.shape[3:]))


def _first_row(done: str, stride: int, pad: int) -> str:
    """The first input row that the output row `done` needs."""
    scaled = done if stride == 1 else f"{stride} * {done}"
    return scaled if pad == 0 else f"{scaled} {'-' if pad > 0 else '+'} {abs(pad)}"


def _least(terms: Sequence[str]) -> str:
    """The least of some expressions, each once."""
    first, *rest = dict.fromkeys(terms)
    for term in rest:
        first = f"stream_least({first}, {term})"
    return first


def _most(terms: Sequence[str]) -> str:
    """The largest of some expressions, each once."""
    first, *rest = dict.fromkeys(terms)
    for term in rest:
        first = f"part_most({first}, {term})"
    return first


def _literal(value: int | float | str) -> str:
    """A field of a kernel's parameters: text is an expression already, floats read back exactly."""
    if isinstance(value, str):
        return value
    if isinstance(value, int | np.integer):
        return str(int(value))
    if math.isnan(value):
        raise ValueError("a kernel's parameter is not a number")
    if math.isinf(value):
        return "UNBOUNDED" if value > 0 else "-UNBOUNDED"
    return f"{np.float32(value):.8e}f"
