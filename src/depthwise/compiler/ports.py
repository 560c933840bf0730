"""NumPy arrays to and from the two buffers that the C takes: several inputs, or outputs, lie in one of them."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from depthwise.compiler.manifest import Manifest, Part, Tensor
from depthwise.errors import UserError

Inputs = np.ndarray | Sequence[np.ndarray] | Mapping[str, np.ndarray]
"""Images [N, H, W, C], or one [H, W, C]; of a network with several inputs one array for each, in order or by name."""


def pack_inputs(manifest: Manifest, inputs: Inputs) -> np.ndarray:
    """An array [N, ...], contiguous, of which each row is what the C takes for one image.

    Raises:
        UserError: another shape or element type; names or numbers that are not those of the network's inputs.
    """
    if not manifest.inputs:
        return _checked(np.asarray(inputs), manifest.input, "the network")
    arrays = _in_order(manifest.inputs, inputs)
    arrays = [
        _checked(np.asarray(array), part, f"input '{part.name}'")
        for part, array in zip(manifest.inputs, arrays, strict=True)
    ]
    count = len(arrays[0])
    if any(len(array) != count for array in arrays):
        counts = ", ".join(
            f"{len(array)} of '{part.name}'" for part, array in zip(manifest.inputs, arrays, strict=True)
        )
        raise UserError(f"the network takes as many images of each input, got {counts}")
    whole = -(-manifest.input_bytes // manifest.alignment) * manifest.alignment
    rows = np.zeros((count, whole), np.uint8)
    for part, array in zip(manifest.inputs, arrays, strict=True):
        rows[:, part.offset : part.offset + part.bytes] = array.reshape(count, math.prod(part.shape)).view(np.uint8)
    return rows


def empty_outputs(manifest: Manifest, count: int) -> np.ndarray:
    """Room for the outputs of `count` images: float32, [count, ...], each row as the C writes it."""
    return np.empty((count, manifest.output_bytes // 4), np.float32)


def unpack_outputs(manifest: Manifest, rows: np.ndarray) -> Any:
    """The outputs [N, ...] in what the C wrote; of a network with several a dictionary by name."""
    if not manifest.outputs:
        return rows.reshape(len(rows), *manifest.output.shape)
    return {
        part.name: rows[:, part.offset // 4 : (part.offset + part.bytes) // 4].reshape(len(rows), *part.shape)
        for part in manifest.outputs
    }


def _in_order(parts: Sequence[Part], inputs: Inputs) -> list[np.ndarray]:
    names = [part.name for part in parts]
    if isinstance(inputs, Mapping):
        if sorted(inputs) != sorted(names):
            raise UserError(f"the network's inputs are {', '.join(names)}, got {', '.join(map(str, inputs)) or 'none'}")
        return [inputs[name] for name in names]
    if isinstance(inputs, np.ndarray) or len(inputs) != len(names):
        got = f"{len(inputs)} arrays" if not isinstance(inputs, np.ndarray) else "one array"
        raise UserError(f"the network takes {len(names)} inputs, one array for each of {', '.join(names)}; got {got}")
    return list(inputs)


def _checked(images: np.ndarray, expected: Tensor, what: str) -> np.ndarray:
    """Images as [N, ...], contiguous."""
    shape = tuple(expected.shape)
    if images.dtype != np.dtype(expected.type):
        hint = "pixels 0 to 255" if expected.type == "uint8" else "values normalized as in training"
        if expected.scale is not None:
            hint = f"values round(x / {expected.scale:g}) + {expected.zero}"
        raise UserError(f"{what} takes {expected.type} {hint}, got {images.dtype} {list(images.shape)}")
    given = list(images.shape)
    if images.shape == shape:
        images = images[None]
    if images.ndim != len(shape) + 1 or images.shape[1:] != shape:
        sizes = ", ".join(map(str, shape))
        raise UserError(f"{what} takes images [N, {sizes}] or one [{sizes}] (NHWC), got {given}")
    return np.ascontiguousarray(images)
