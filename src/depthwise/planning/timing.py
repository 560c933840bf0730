"""What a schedule costs in time beyond the arithmetic, which is the same for all: an estimate in processor cycles.

A map that passes from one call to the next costs what the second-level cache does not hold of it. Streamed, the maps
between the calls stay in that cache as windows, if these fit beside the weights; but each step reads the weights anew,
fills its last tile of pixels badly, calls every kernel once more and moves the rows that windows keep. The rates below
were fitted to separable blocks of 6 to 112 pixels on a Zen 3 core with AVX2 (gcc 12), where streaming gained up to 8 %
on large maps and lost up to 50 % on small ones.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import onnx_ir as ir

from depthwise.ops import REGISTRY
from depthwise.ops._quantized import is_integer
from depthwise.ops.base import parameters_of, shape_of
from depthwise.planning.stages import Stage, height_of
from depthwise.planning.storage import bytes_of
from depthwise.planning.streaming import Flow

CACHE = 512 * 1024
"""Bytes of the second-level cache that a plan counts on where there are vector instructions.

A microcontroller has none (0): all its memory is equally near, so that streaming saves memory there and no time.
"""

_FAR = 32
"""Bytes a cycle between the second-level cache and what lies behind it."""

_NEAR = 64
"""Bytes a cycle from the second-level cache."""

_MACS = 16
"""Multiply-accumulates a cycle."""

_BYTES_FASTER = 4
"""Times as many multiply-accumulates of bytes."""

_CALL = 200
"""Cycles to begin a call."""

_TILE = 12
"""Pixels in a tile of pointwise convolution: a step's last one is computed whole however few pixels it has."""


@dataclass(frozen=True)
class Work:
    """What matters for the time of one call: bytes it reads, writes and of its weights; MACs; pixels and bytes a row.

    Attributes:
        tiled: whether its pixels are computed in tiles that cross rows.
    """

    read: int
    written: int
    weights: int
    macs: int
    width: int
    row: int
    tiled: bool


def work_of(call: Stage, element: int = 4) -> Work:
    """The work of a call whose elements have `element` bytes."""
    shape = shape_of(call.output)
    macs = REGISTRY[call.node.op_type].macs(call.node)
    if is_integer(call.node):
        macs //= _BYTES_FASTER
    written = bytes_of(call.output, element)
    width = shape[3] if len(shape) == 4 else 1
    return Work(
        read=sum(bytes_of(read.value, element) for read in call.reads),
        written=written,
        weights=sum(_bytes(value, element) for value in parameters_of(call.node)),
        macs=macs,
        width=width,
        row=written // height_of(call.output),
        tiled=macs > 0 and all(read.rows is not None and read.rows.aligned for read in call.reads),
    )


def _bytes(parameter: ir.Value, element: int) -> int:
    size = element if parameter.dtype in (None, ir.DataType.FLOAT) else int(parameter.dtype.itemsize)
    return math.prod(shape_of(parameter)) * size


def whole_cycles(work: Work, cache: int) -> float:
    """Cycles beyond the arithmetic of a call that runs as a whole, with so many bytes of cache."""
    waste = _waste(work, work.written // work.row)
    return missed_by(work, cache) / _FAR + work.weights / _NEAR + _CALL + waste


def missed_by(work: Work, cache: int) -> int:
    """Bytes of a call that runs as a whole which miss the cache: all that streaming could save it."""
    return _missed(work.read + work.written, work.weights, cache)


@dataclass(frozen=True)
class Stream:
    """A streamed segment: its calls, their flow, bytes of windows and of the whole maps that it reads and writes."""

    works: Sequence[Work]
    flow: Flow
    steps: int
    windows: int
    outside: int


def stream_cycles(stream: Stream, cache: int) -> float:
    """Cycles beyond the arithmetic of a streamed segment, with so many bytes of cache.

    Two in a hundred cycles of the arithmetic are added: what is not worth that much is not worth its code.
    """
    weights = sum(work.weights for work in stream.works)
    held = stream.windows + weights
    far = _missed(stream.outside, held, cache)
    cycles = stream.steps * weights / _NEAR
    if cache and held > cache:
        far += sum(work.read + work.written for work in stream.works)
        cycles = stream.steps * weights / _FAR
    for work, advance in zip(stream.works, stream.flow.advances, strict=False):
        cycles += stream.steps * _CALL + _waste(work, advance.pace) + work.macs / _MACS / 50
    return cycles + far / _FAR + stream.steps * stream.windows / _NEAR / 4


def _missed(traffic: int, held: int, cache: int) -> int:
    """Bytes of some traffic that miss a cache, in which `held` bytes more want to stay.

    Beyond its size a cache does not fail at once: twice the excess misses, until all does.
    """
    return min(traffic, 2 * max(0, traffic + held - cache)) if cache else 0


def _waste(work: Work, rows: int) -> float:
    """Cycles for the pixels that fill up the last tile, if `rows` rows are computed at a time."""
    pixels = work.width * rows
    return (math.ceil(pixels / _TILE) * _TILE / pixels - 1) * work.macs / _MACS if work.tiled else 0.0
