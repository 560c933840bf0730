"""First layers that alone need more RAM than the device has

Activation memory peaks where maps are large: behind the first expansions, before the map has shrunk. MobileNetV2
1.0/224 in 8 bits needs 1470 KiB there, layer by layer, and at most 319 KiB behind its twelfth operator. Such a network
fits after all if its first layers run row by row, each keeping only the rows that the next one needs: then it takes
287 KiB, and computes the same numbers.

Found: the plan for speed takes more RAM than the device has, and only operators of the first half of the network have
maps that do not fit. Weights, and what a device has besides, are `depthwise check`'s.

Mended by: `compile --optimize ram` where that fits, for a file of 8 bits with `--input int8`, which takes bytes in
place of floats; else a lower resolution too (whole maps fall with its square, rows with its side) or, of the stem and
the first stages, fewer channels. A width multiplier that rounds the first stages up to 8 channels again saves nothing
there: MobileNetV2 has the same peak at 0.5 and at 0.35.
"""

from collections.abc import Iterator

import onnx_ir as ir

from depthwise import planning
from depthwise.analysis.peaks import bytes_by_layer
from depthwise.device import Device
from depthwise.graph import Graph, LayerList
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.bottlenecks import side_of
from depthwise.linter.examples import bottleneck, classifier, filtered, sketch
from depthwise.linter.subject import Subject
from depthwise.units import format_bytes


def _find(subject: Subject) -> Iterator[Found]:
    device, program = subject.device, subject.program()
    assert device is not None and subject.normal is not None
    if device.ram is None:
        return
    room = device.ram - device.ram_reserve
    if _taken(program, device) <= room:
        return
    names, alive = [str(node.name) for node in subject.form.graph], bytes_by_layer(subject.form)
    over = [number for number, size in enumerate(alive) if size > room - device.stack]
    if not over or 2 * over[-1] >= len(alive):
        return
    known = {str(node.name) for node in subject.normal.graph}
    rest = max(alive[over[-1] + 1 :])
    yield Found(
        tuple(names[number] for number in over if names[number] in known),
        f"{len(over)} of the first {over[-1] + 1} operators (of {len(alive)}) need up to "
        f"{format_bytes(max(alive))} for their maps; {device.name} has {format_bytes(room)}, and all behind them need "
        f"{format_bytes(rest)} at most",
        _fix(subject, device, room),
    )


def _fix(subject: Subject, device: Device, room: int) -> str:
    streamed = subject.program("ram")
    taken = _taken(streamed, device)
    if taken <= room:
        return f"`compile --optimize ram` runs them row by row: {format_bytes(taken)} in all, and the same numbers"
    image = subject.form.graph.inputs[0]
    spared = streamed.input_bytes * 3 // 4 if subject.precision == "int8" and image.dtype == ir.DataType.FLOAT else 0
    if (with_bytes := taken - spared) <= room:
        return f"`compile --optimize ram --input int8` takes {format_bytes(with_bytes)} at most, with an image of bytes"
    side = side_of(image)
    lower = side * (room - device.stack) // (taken - device.stack) // 8 * 8
    return (
        f"row by row (`compile --optimize ram`) it takes {format_bytes(taken)}: "
        + (f"lower the resolution too, from {side} to some {lower} px, or " if lower else "")
        + "give the first layers fewer channels"
    )


def _taken(program: planning.Program, device: Device) -> int:
    """Bytes of RAM."""
    return program.arena + program.input_bytes + program.output_bytes + device.stack


def _network() -> Graph:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 16, 3, 2)
        for i in range(4):
            x = bottleneck(layers, f"block{i}", x, 16, stride=2 if i < 2 else 1)
        classifier(layers, x)

    return sketch(draw, resolution=64)


def _example(ram: int, *layers: str) -> Example:
    return Example(_network(), layers, Device("board", "for the examples", ram=ram))


RULES = {
    "DW012": Rule(
        "early-peak",
        "warning",
        _find,
        bad=lambda: _example(300 * 1024, "block0.expansion", "block0.depthwise"),
        good=lambda: _example(600 * 1024),
        needs=("normal", "device"),
    )
}
