"""What EfficientNet and EfficientNet-Lite share: the table that a search found, and how members follow from it."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from depthwise.design.architecture import Architecture
from depthwise.design.scaling import scale_depth, scale_width

# expansion, output channels, repeats, stride of the first, kernel
TABLE = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)

PAPER = "Tan and Le 2019, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, arXiv:1905.11946"


def members(base: Architecture, sizes: Iterable[tuple[float, float, int, float]]) -> Mapping[str, Architecture]:
    """The members of a family by name, numbered from 0: `sizes` are width, depth, resolution and dropout of each."""
    found = [_member(base, number, *size) for number, size in enumerate(sizes)]
    return {model.name: model for model in found}


def _member(
    base: Architecture, number: int, width: float, depth: float, resolution: int, dropout: float
) -> Architecture:
    """A member is the base at its own size: a user's multipliers begin at 1 from there."""
    scaled = scale_depth(scale_width(base, width), depth)
    return replace(
        scaled,
        name=f"{base.name}{number}",
        head=replace(scaled.head, dropout=dropout),
        resolution=resolution,
        origin=(base, width, depth),
        width=1.0,
        depth=1.0,
    )
