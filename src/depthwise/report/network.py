"""The network behind the rows of the cost table: its blocks and stages. Pure functions."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from depthwise.counts import LayerCost

CONVOLUTIONS = ("Convolution", "Depthwise", "Pointwise", "FullyConnected")
"""Operators that hold weights and do multiply-accumulates."""


@dataclass(frozen=True)
class Block:
    """Consecutive rows of the cost table that share a name up to the last part.

    Attributes:
        name: e.g. "blocks.1.0".
        rows: its rows in order.
    """

    name: str
    rows: tuple[LayerCost, ...]

    @property
    def channels(self) -> int:
        """Channels of its output."""
        return map_shape(self.rows[-1])[0]

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of its output in pixels; 1 and 1 for a vector."""
        return map_shape(self.rows[-1])[1:]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of its rows."""
        return sum(row.macs for row in self.rows)

    @property
    def parameters(self) -> int:
        """Trainable parameters of its rows."""
        return sum(row.parameters for row in self.rows)

    @property
    def description(self) -> str:
        """Its operators in order, e.g. "pointwise, depthwise 3 x 3, pointwise, add"."""
        names = [operator_name(row) for row in self.rows]
        return ", ".join(
            name if n == 1 else f"{n} {name}" for name, n in ((k, len(list(g))) for k, g in groupby(names))
        )


def map_shape(row: LayerCost) -> tuple[int, int, int]:
    """(C, H, W) of a row's output, whether or not its shape carries the batch; H = W = 1 for a vector."""
    shape = tuple(row.shape[1:]) if len(row.shape) in (2, 4) else tuple(row.shape)
    return (shape[0], shape[1], shape[2]) if len(shape) == 3 else (shape[0] if shape else 1, 1, 1)


def operator_name(row: LayerCost) -> str:
    """An operator in words: "depthwise 3x3", "fully connected", "global average pool"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", row.op).lower()
    kernel = depthwise_kernel(row)
    if kernel is None:
        return words
    side = math.isqrt(kernel)
    return f"{words} {side}\N{MULTIPLICATION SIGN}{side}" if side * side == kernel else f"{words}, {kernel} taps"


def depthwise_kernel(row: LayerCost) -> int | None:
    """Taps of a depthwise filter, k * k: MACs per output element. None for other rows."""
    elements = math.prod(map_shape(row))
    return row.macs // elements if row.op == "Depthwise" and elements else None


def blocks(rows: Sequence[LayerCost]) -> list[Block]:
    """Cuts the rows into blocks by name: "blocks.1.0.depthwise" belongs to "blocks.1.0", and so does
    "blocks.1.0.squeeze_excite.scale", as there is a depthwise convolution in it.

    Rows of a part without depthwise convolution (stem, head) stand alone under their full names. Rows that hold nothing
    of their own (views such as Flatten) are left out.
    """

    separable = {_above(row.name)[0] for row in rows if row.op == "Depthwise"}

    def key(row: LayerCost) -> str:
        above = _above(row.name)
        return next((name for name in above if name in separable), above[0])

    found = []
    for name, group in groupby((row for row in rows if row.macs or row.activation_bytes), key):
        members = tuple(group)
        if any(row.op == "Depthwise" for row in members):
            found.append(Block(name, members))
        else:
            found += [Block(row.name, (row,)) for row in members]
    return found


def _above(name: str) -> list[str]:
    """What a dotted name is part of, the nearest first; a name without parts is its own."""
    whole = name.strip("/")
    ends = [match.start() for match in re.finditer(r"[./]", whole)]
    return [whole[:end] for end in reversed(ends)] or [whole]


@dataclass(frozen=True)
class Stage:
    """Consecutive blocks of one description and output shape. `first` and `last` are their names."""

    first: Block
    repeats: int
    last: Block
    macs: int
    parameters: int


def stages(parts: Sequence[Block]) -> list[Stage]:
    """Merges consecutive blocks of one output shape whose names differ in the last number only."""

    def key(block: Block) -> tuple[str, int, tuple[int, int]]:
        return re.sub(r"\d+$", "", block.name) or block.name, block.channels, block.sides

    found = []
    for _, group in groupby(parts, key):
        members = list(group)
        macs, parameters = sum(block.macs for block in members), sum(block.parameters for block in members)
        found.append(Stage(members[0], len(members), members[-1], macs, parameters))
    return found


def activations(rows: Sequence[LayerCost]) -> int:
    """Elements of the outputs of convolutions and classifier: what timm's tables call activations."""
    return sum(math.prod(map_shape(row)) for row in rows if row.op in CONVOLUTIONS)
