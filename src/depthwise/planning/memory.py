"""Where each buffer lies in the arena: a pure function from sizes and lifetimes to offsets.

Buffers are placed one after the other, each as low as it goes. Two greedy orders are tried, by size and by breadth
(Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020). Where the better one leaves
holes, whatever reaches highest is moved to the front of the order, again and again. No arrangement can be smaller than
`lower_bound`, the largest sum of buffers that live at one time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

ALIGNMENT = 64
"""Every offset, and the arena itself, is a multiple of this many bytes: a cache line, the widest vector register."""


TRIES = 40
"""Orders that are tried from each of the two that the search begins with."""


@dataclass(frozen=True)
class Lifetime:
    """A buffer of `size` bytes that holds its content from step `first` to step `last` inclusive."""

    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Layout:
    """Offsets of the buffers in bytes, in the order they were given, and the bytes of the whole arena."""

    offsets: tuple[int, ...]
    total: int


def plan_offsets(buffers: Sequence[Lifetime], alignment: int = ALIGNMENT) -> Layout:
    """Offsets such that no two buffers that live at the same time overlap: the best that the search finds."""
    bound = lower_bound(buffers, alignment)
    best = Layout((), bound + 1)
    for order in (_by_size(buffers), _by_breadth(buffers)):
        tried: set[tuple[int, ...]] = set()
        while len(tried) < TRIES and tuple(order) not in tried:
            tried.add(tuple(order))
            layout = _first_fit(buffers, order, alignment)
            if layout.total < best.total or not best.offsets:
                best = layout
            if best.total <= bound or not buffers:
                return best
            highest = max(order, key=lambda i: layout.offsets[i] + buffers[i].size)
            order = [highest, *(i for i in order if i != highest)]
    return best


def lower_bound(buffers: Sequence[Lifetime], alignment: int = ALIGNMENT) -> int:
    """Largest sum of the aligned sizes of the buffers that live at one step, in bytes."""
    steps = {buffer.first for buffer in buffers}
    return max((_live(buffers, step, alignment) for step in steps), default=0)


def align(size: int, alignment: int = ALIGNMENT) -> int:
    """The smallest multiple of `alignment` that is at least `size`."""
    return -(-size // alignment) * alignment


def apart(size: int) -> int:
    """Bytes of a buffer that lies in a cache, so that it and the next do not begin a multiple of a page apart.

    Loads from an address are held up by stores to one that is so far from it (the processor compares 12 bits at first),
    and both fall into the same few sets of the cache: a kernel that reads one map and writes the next is slowed down.
    """
    return size + 5 * ALIGNMENT if size % 2048 == 0 else size


def _live(buffers: Sequence[Lifetime], step: int, alignment: int) -> int:
    return sum(align(buffer.size, alignment) for buffer in buffers if buffer.first <= step <= buffer.last)


def _by_size(buffers: Sequence[Lifetime]) -> list[int]:
    """Largest first; of equal ones, the one that lives longer."""
    return sorted(range(len(buffers)), key=lambda i: (-buffers[i].size, buffers[i].first - buffers[i].last, i))


def _by_breadth(buffers: Sequence[Lifetime]) -> list[int]:
    """Step by step, the step with the most live bytes first; within a step, largest first."""
    steps = sorted({buffer.first for buffer in buffers}, key=lambda step: (-_live(buffers, step, 1), step))
    order: dict[int, None] = {}
    for step in steps:
        for i in _by_size(buffers):
            if buffers[i].first <= step <= buffers[i].last:
                order.setdefault(i)
    return list(order)


def _first_fit(buffers: Sequence[Lifetime], order: Sequence[int], alignment: int) -> Layout:
    """Places the buffers in `order`, each at the lowest offset that is free over its whole lifetime."""
    offsets = [0] * len(buffers)
    placed: list[int] = []
    for i in order:
        offset = 0
        for other in sorted(placed, key=lambda j: offsets[j]):
            apart = buffers[i].last < buffers[other].first or buffers[other].last < buffers[i].first
            if apart or offsets[other] + buffers[other].size <= offset:
                continue
            if offset + buffers[i].size <= offsets[other]:
                break
            offset = align(offsets[other] + buffers[other].size, alignment)
        offsets[i] = offset
        placed.append(i)
    ends = (align(offsets[i] + buffers[i].size, alignment) for i in range(len(buffers)))
    return Layout(tuple(offsets), max(ends, default=0))
