"""The constants of a Program as one float32 array, each call's part at a multiple of the arena's alignment."""

from dataclasses import dataclass

import numpy as np

from depthwise.errors import UserError
from depthwise.ops.base import array_of, parameters_of
from depthwise.planning.program import Call, Program


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
    if not program.has_weights:
        raise UserError("the network has shapes only, no trained weights: train it with `depthwise fit`, or load them")
    for call in program.calls():
        _check_finite(call)
    return _pack(program)


def packed_bytes(program: Program) -> int:
    """Bytes of what `pack` makes; the network may be one of shapes only."""
    return _pack(program).data.nbytes


def _pack(program: Program) -> PackedWeights:
    step = program.alignment // 4
    parts: list[np.ndarray] = []
    offsets: dict[str, int] = {}
    total = 0
    for call in program.calls():
        constants = call.kernel.constants(call.node)
        if constants is None:
            continue
        part = np.ascontiguousarray(constants, "<f4").reshape(-1)
        offsets[call.name] = total
        parts.append(np.pad(part, (0, -part.size % step)))
        total += parts[-1].size
    # A network without constants still gets an array: C knows no empty ones.
    return PackedWeights(np.concatenate(parts) if parts else np.zeros(step, "<f4"), offsets)


def _check_finite(call: Call) -> None:
    for value in parameters_of(call.node):
        array = array_of(value)
        bad = array.size - int(np.count_nonzero(np.isfinite(array)))
        if bad:
            raise UserError(
                f"{call.name}: {bad} of {array.size} weights of {value.name} {list(array.shape)} are NaN or infinite: "
                "training diverged, so lower the learning rate, or load other weights"
            )
