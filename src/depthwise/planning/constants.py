"""The constants of a Program as one array, each call's part at a multiple of the arena's alignment.

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
    """All constants.

    Attributes:
        data: the bytes, as a float32 array whatever they mean.
        sections: the same as arrays of the types that kernels read, one after the other, each of whole words.
        offsets: by call name, where its part begins, in floats.
    """

    data: np.ndarray
    sections: tuple[np.ndarray, ...]
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
    parts: dict[tuple[str, bytes], tuple[int, list[np.ndarray]]] = {}  # call and content -> offset in floats, arrays
    offsets: list[dict[str, int]] = []
    total = 0
    for program in programs:
        offsets.append({})
        for call in program.calls():
            constants = call.kernel.constants(call.node)
            if constants is None:
                continue
            arrays = _whole_words([constants] if isinstance(constants, np.ndarray) else constants, step)
            key = call.name.removesuffix(AGAIN), b"".join(array.tobytes() for array in arrays)
            if key not in parts:
                parts[key] = total, arrays
                total += len(key[1]) // 4
            offsets[-1][call.name] = parts[key][0]
    # A network without constants still gets an array: C knows no empty ones.
    sections = _joined([array for _, arrays in parts.values() for array in arrays] or [np.zeros(step, "<f4")])
    data = np.concatenate([section.view("<f4") for section in sections])
    return [PackedWeights(data, sections, each) for each in offsets]


def _whole_words(arrays: Sequence[np.ndarray], step: int) -> list[np.ndarray]:
    """Vectors, each filled up with zeros to whole words; all together a multiple of `step` words."""
    flat = [np.ascontiguousarray(array, array.dtype.newbyteorder("<")).reshape(-1) for array in arrays]
    filled = [np.pad(array, (0, -array.nbytes % 4 // array.itemsize)) for array in flat]
    words = sum(array.nbytes for array in filled) // 4
    filled[-1] = np.pad(filled[-1], (0, -words % step * (4 // filled[-1].itemsize)))
    return filled


def _joined(arrays: Sequence[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Neighbours of one type become one array."""
    groups: list[list[np.ndarray]] = []
    for array in arrays:
        if groups and groups[-1][0].dtype == array.dtype:
            groups[-1].append(array)
        else:
            groups.append([array])
    return tuple(np.concatenate(group) for group in groups)


def _check_finite(call: Call) -> None:
    for value in parameters_of(call.node):
        array = array_of(value)
        bad = array.size - int(np.count_nonzero(np.isfinite(array)))
        if bad:
            raise UserError(
                f"{call.name}: {bad} of {array.size} weights of {value.name} {list(array.shape)} are NaN or infinite: "
                "training diverged, so lower the learning rate, or load other weights"
            )
