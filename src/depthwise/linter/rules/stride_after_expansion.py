"""An expansion at full resolution before a filter that shrinks the map

A bottleneck with stride 2 expands every pixel, and its depthwise filter then keeps one of four. A depthwise filter of
stride 2 before the expansion (a universal inverted bottleneck that starts with one: Qin et al. 2024, MobileNetV4)
leaves it a quarter of the work, and the largest map of the block, that of the expanded channels, a quarter of its
bytes. What is dropped before the expansion is dropped for good, so it is a trade to try, not a mistake.

Found: an expansion before a strided depthwise filter, where a strided filter first would save a twentieth of the
network's MACs or more. That is counted with the k x k taps that it takes at the front, all else unchanged.

Mended by: a depthwise filter with the stride before the expansion (the one behind it stays, with stride 1, or goes),
and training again; or less expansion in this block.
"""

from collections.abc import Iterator

from depthwise.graph import Graph, LayerList
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.bottlenecks import Bottleneck, macs_of, pixels_of
from depthwise.linter.examples import bottleneck, classifier, filtered, sketch
from depthwise.linter.subject import Subject
from depthwise.ops._window import window_of
from depthwise.units import format_count

SHARE = 0.05
"""Of the network's MACs that must be saved."""


def _find(subject: Subject) -> Iterator[Found]:
    for block in subject.bottlenecks:
        if block.expansion is None or block.stride == 1:
            continue
        before, after = macs_of(block.expansion), _macs_after(block)
        if before - after < SHARE * subject.macs:
            continue
        yield Found(
            (str(block.expansion.name), str(block.depthwise.name)),
            f"the expansion takes {format_count(before)} MACs at the size that stride {block.stride} shrinks at once; "
            f"behind a depthwise filter with this stride both take {format_count(after)}, which saves "
            f"{100 * (before - after) / subject.macs:.1f} % of the network",
            "try a depthwise filter with the stride before the expansion, or less expansion here, and train again",
        )


def _macs_after(block: Bottleneck) -> int:
    """MACs of a strided depthwise filter, and of the expansion behind it."""
    read, expanded, _ = block.channels
    window = window_of(block.depthwise)
    return pixels_of(block.depthwise.outputs[0]) * read * (window.kernel[0] * window.kernel[1] + expanded)


def _network(expansion: int) -> Graph:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 16, 3, 2)
        x = bottleneck(layers, "block", x, 24, expansion, 2)
        classifier(layers, filtered(layers, "last", x, 256))

    return sketch(draw)


RULES = {
    "DW020": Rule(
        "stride-after-expansion",
        "info",
        _find,
        bad=lambda: Example(_network(6), ("block.expansion", "block.depthwise")),
        good=lambda: Example(_network(1)),
    )
}
