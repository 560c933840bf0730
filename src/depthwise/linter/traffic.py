"""Bytes that operators of a file move, as it is written."""

import math
from collections.abc import Iterable

import onnx_ir as ir

from depthwise.ops.base import is_constant
from depthwise.units import format_bytes


def moved(nodes: Iterable[ir.Node], instead: Iterable[ir.Node] = ()) -> str:
    """Bytes of the maps that nodes read and write for one image, less those of what stands `instead`, for reading."""
    count = _bytes(nodes) - _bytes(instead)
    return format_bytes(count) if count > 0 else "maps of unknown size"


def _bytes(nodes: Iterable[ir.Node]) -> int:
    return sum(_bytes_of(value) for node in nodes for value in (*node.inputs, *node.outputs))


def _bytes_of(value: ir.Value | None) -> int:
    if value is None or is_constant(value) or value.shape is None or value.dtype is None:
        return 0
    sizes = [size for size in value.shape if isinstance(size, int)]
    return math.prod(sizes) * math.ceil(value.dtype.itemsize) if len(sizes) == len(value.shape) else 0
