"""A Program as text for people: what `compile --explain` prints."""

from collections.abc import Sequence

from depthwise.device import format_bytes
from depthwise.planning.program import Place, Program


def explain(program: Program) -> str:
    """Input, output and arena, every call with its kernel and the reason for it, every buffer with its lifetime."""
    calls = list(program.calls())
    lines = [
        f"{len(calls)} calls in {len(program.segments)} segments, kernels for {', '.join(program.isa)}",
        f"input   {_describe(program.input)}",
        f"output  {_describe(program.output)}",
        f"arena   {format_bytes(program.arena)} ({program.arena} bytes, aligned to {program.alignment}); "
        f"no plan for these calls needs less than {program.lower_bound}",
        "",
    ]
    rows = [["call", "layer", "operator", "kernel", "schedule", "reads", "writes", "bytes", "why"]]
    time = 0
    for segment in program.segments:
        for call in segment.calls:
            schedule = f"{segment.schedule}, {segment.rows_per_step} of {call.rows} rows"
            reads = " ".join(map(_where, call.inputs))
            size = str(call.output.bytes)
            row = [
                str(time),
                call.name,
                call.op,
                call.kernel.name,
                schedule,
                reads,
                _where(call.output),
                size,
                call.reason,
            ]
            rows.append(row)
            time += 1
    lines += [*_table(rows), ""]
    lines += _table(
        [
            ["offset", "bytes", "calls", "buffer"],
            *(
                [str(buffer.offset), str(buffer.bytes), f"{buffer.first}..{buffer.last}", buffer.name]
                for buffer in program.buffers
            ),
        ]
    )
    return "\n".join(lines)


def _describe(place: Place) -> str:
    return f"{place.type} {list(place.shape)}, {place.bytes} bytes, the caller's"


def _where(place: Place) -> str:
    return place.region if place.region != "arena" else f"@{place.offset}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
