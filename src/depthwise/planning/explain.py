"""A Program as text for people: what `compile --explain` prints."""

from collections.abc import Sequence

from depthwise.planning.program import Call, Place, Port, Program, Segment
from depthwise.planning.repeats import AGAIN
from depthwise.units import format_bytes


def explain(program: Program) -> str:
    """Input, output and arena; segments, calls and buffers as tables, with the reason for every choice."""
    calls = list(program.calls())
    return "\n".join(
        [
            f"{len(calls)} calls in {len(program.segments)} segments, kernels for {', '.join(program.isa)}",
            *_ports("input", program.inputs),
            *_ports("output", program.outputs),
            f"arena   {format_bytes(program.arena)} ({program.arena} bytes, aligned to {program.alignment}); "
            f"no plan for these calls needs less than {program.lower_bound}",
            *_floats(calls),
            *_repeats(calls),
            "",
            *_segments(program),
            "",
            *(_phases(program) if program.phases else []),
            *_calls(program),
            "",
            *_buffers(program),
        ]
    )


def _floats(calls: Sequence[Call]) -> list[str]:
    """Of a network in 8 bits, what is computed in float."""
    floats = [call.name for call in calls if call.in_float]
    return [f"in float between bytes: {', '.join(floats)}"] if floats and len(floats) < len(calls) else []


def _repeats(calls: Sequence[Call]) -> list[str]:
    again = [call for call in calls if call.name.endswith(AGAIN)]
    if not again:
        return []
    more, all_macs = sum(call.macs for call in again), sum(call.macs for call in calls)
    return [
        f"{len(again)} calls run twice, which costs {more / 1e6:.2f} M MACs of {all_macs / 1e6:.2f} M, so that a map "
        "which waits for its gate need not be stored"
    ]


def _segments(program: Program) -> list[str]:
    rows = [["segment", "calls", "schedule", "live bytes", "why"]]
    first = 0
    for number, segment in enumerate(program.segments):
        last = first + len(segment.calls) - 1
        live = sum(buffer.bytes for buffer in program.buffers if buffer.first <= last and buffer.last >= first)
        rows.append([str(number), f"{first}..{last}", _schedule(segment), str(live), segment.reason])
        first = last + 1
    return _table(rows)


def _phases(program: Program) -> list[str]:
    """How several threads share the segments out."""
    rows = [["phase", "segments", "shared out by", "bytes a thread", "why"]]
    for number, phase in enumerate(program.phases):
        segments = f"{phase.start}..{phase.stop - 1}"
        rows.append([str(number), segments, phase.axis, str(phase.private_bytes), phase.reason])
    more = f"{format_bytes(program.private_bytes)} of arena for every thread beyond the first"
    return [f"several threads: {len(program.phases)} phases, {more}", *_table(rows), ""]


def _calls(program: Program) -> list[str]:
    calls = list(program.calls())
    bytewise = any(call.quantization for call in calls)
    values = ["values"] if bytewise else []
    rows = [["call", "layer", "operator", "kernel", "rows a step", "reads", "writes", "bytes", *values, "why"]]
    for time, call in enumerate(calls):
        rows.append(
            [
                *(str(time), call.name, call.op, call.kernel.name, f"{call.pace or call.rows} of {call.rows}"),
                " ".join(map(_where, call.inputs)),
                _where(call.output) + _held(call),
                str(call.output.bytes),
                *([_values(call)] if bytewise else []),
                call.reason,
            ]
        )
    return _table(rows)


def _values(call: Call) -> str:
    """What the elements that a call writes stand for."""
    form = call.quantization
    return call.output.type if form is None else f"{form.scale:.6g} (q - {form.zero})"


def _buffers(program: Program) -> list[str]:
    rows = [
        [str(buffer.offset), str(buffer.bytes), f"{buffer.first}..{buffer.last}", buffer.name]
        for buffer in program.buffers
    ]
    return _table([["offset", "bytes", "calls", "buffer"], *rows])


def _schedule(segment: Segment) -> str:
    if segment.schedule == "layer":
        return "layer"
    return f"stream, {segment.rows_per_step} rows a step, {segment.steps} steps"


def _ports(kind: str, ports: Sequence[Port]) -> list[str]:
    several = len(ports) > 1
    return [
        f"{kind:<8}{port.place.type} {list(port.place.shape)}, {port.place.bytes} bytes, the caller's"
        + (f", from {port.place.offset}: {port.name}" if several else "")
        for port in ports
    ]


def _where(place: Place) -> str:
    if place.region == "arena":
        return f"@{place.offset}"
    return place.region + (f"+{place.offset}" if place.offset else "")


def _held(call: Call) -> str:
    return f" ({call.output.rows} of {call.output.shape[2]} rows)" if call.output.rows else ""


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
