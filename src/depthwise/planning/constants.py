"""The constants of a Program as one float32 array, each call's part at a multiple of the arena's alignment.

Programs of one network for several instruction sets share an array: what they pack alike of a call is there once, and
so is what a call that runs twice reads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from depthwise.errors import UserError
from depthwise.ops.base import array_of, parameters_of
from depthwise.planning.program import Call, Program
from depthwise.planning.repeats import AGAIN


@dataclass(frozen=True)
class PackedWeights:
    """`data` is the whole array; `offsets` gives, by call name, where its part begins, in floats."""

    data: np.ndarray
    offsets: dict[str, int]


def pack(program: Program) -> PackedWeights:
    """Packs the constants of every call as its kernel reads them.

    Raises:
        UserError: the network has no weights, or some that are not finite.
    """
    return pack_together([program])[0]


def pack_together(programs: Sequence[Program]) -> list[PackedWeights]:
    """The same for programs of one network, with offsets of each into one array.

    Raises:
        UserError: as `pack`.
    """
    if not programs[0].has_weights:
        raise UserError("the network has shapes only, no trained weights: train it with `depthwise fit`, or load them")
    for call in programs[0].calls():
        _check_finite(call)
    return _pack(programs)


def packed_bytes(program: Program) -> int:
    """Bytes of what `pack` makes; the network may be one of shapes only."""
    return _pack([program])[0].data.nbytes


def _pack(programs: Sequence[Program]) -> list[PackedWeights]:
    step = programs[0].alignment // 4
    parts: dict[tuple[str, bytes], tuple[int, np.ndarray]] = {}  # call and content -> offset in floats, array
    offsets: list[dict[str, int]] = []
    total = 0
    for program in programs:
        offsets.append({})
        for call in program.calls():
            constants = call.kernel.constants(call.node)
            if constants is None:
                continue
            part = np.ascontiguousarray(constants, "<f4").reshape(-1)
            key = call.name.removesuffix(AGAIN), part.tobytes()
            if key not in parts:
                parts[key] = total, np.pad(part, (0, -part.size % step))
                total += parts[key][1].size
            offsets[-1][call.name] = parts[key][0]
    # A network without constants still gets an array: C knows no empty ones.
    data = np.concatenate([part for _, part in parts.values()]) if parts else np.zeros(step, "<f4")
    return [PackedWeights(data, each) for each in offsets]


def _check_finite(call: Call) -> None:
    for value in parameters_of(call.node):
        array = array_of(value)
        bad = array.size - int(np.count_nonzero(np.isfinite(array)))
        if bad:
            raise UserError(
                f"{call.name}: {bad} of {array.size} weights of {value.name} {list(array.shape)} are NaN or infinite: "
                "training diverged, so lower the learning rate, or load other weights"
            )
