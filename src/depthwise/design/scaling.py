"""Width, depth and resolution multipliers: functions from Architecture to Architecture."""

import math
from dataclasses import replace

from depthwise.design.architecture import Architecture, Head, Rounding, Stage
from depthwise.errors import UserError

SMALLEST_MAP = 3
"""Side of the last map, in pixels, below which the small-input rule removes a stride. The published grids go down to
3 px (MobileNetV2 at 96 px), so they are untouched by the rule."""

SMALLEST_RESOLUTION = 8


def scale_width(architecture: Architecture, width: float) -> Architecture:
    """Multiplies all channel counts by `width`, rounded by the family's rule (MobileNetV1, section 3.3).

    Raises:
        UserError: if `width` is not a number above 0 and at most 8.
    """
    if not 0 < width <= 8:
        raise UserError(f"width multiplier {width:g} is out of range: give a number above 0 and at most 8, e.g. 0.35")
    rounding, stem = architecture.rounding, architecture.stem
    return replace(
        architecture,
        stem=stem if stem.fixed else replace(stem, channels=rounding(stem.channels * width)),
        stages=tuple(
            replace(stage, block=replace(stage.block, channels=rounding(stage.block.channels * width)))  # type: ignore[type-var]
            for stage in architecture.stages
        ),
        head=_scale_head(architecture.head, width, rounding),
        width=architecture.width * width,
    )


def _scale_head(head: Head, width: float, rounding: Rounding) -> Head:
    last = max(1.0, width) if head.grows_only else width  # of what the classifier reads
    if head.fixed:
        return head
    if head.features is not None:
        head = replace(head, features=rounding(head.features * last))
        last = width
    return head if head.channels is None else replace(head, channels=rounding(head.channels * last))


def scale_depth(architecture: Architecture, depth: float) -> Architecture:
    """Multiplies the repeats of every repeated stage by `depth`, rounded up (EfficientNet's depth coefficient).

    Raises:
        UserError: if `depth` is not a number above 0 and at most 8.
    """
    if not 0 < depth <= 8:
        raise UserError(f"depth multiplier {depth:g} is out of range: give a number above 0 and at most 8")
    stages = tuple(
        Stage(stage.block, math.ceil(stage.repeats * depth) if stage.repeats > 1 else 1)
        for stage in architecture.stages
    )
    return replace(architecture, stages=stages, depth=architecture.depth * depth)


def set_resolution(architecture: Architecture, resolution: int) -> Architecture:
    """Sets the input resolution and applies the small-input rule.

    The rule: while the last map would be smaller than 3 x 3 px, the earliest stride of 2 becomes 1. Families made for
    224 px shrink the image 32 times; at 28 px that leaves one pixel, and depthwise filters that see padding only.

    Raises:
        UserError: if `resolution` is below 8 px or above 4096 px.
    """
    if not SMALLEST_RESOLUTION <= resolution <= 4096:
        raise UserError(f"resolution {resolution} px is out of range: give {SMALLEST_RESOLUTION} to 4096 px, e.g. 96")
    stem, stages = architecture.stem, list(architecture.stages)

    def last_map() -> int:
        total = stem.stride * math.prod(stage.block.stride for stage in stages)
        return math.ceil(resolution / total)

    if last_map() < SMALLEST_MAP:
        stem = replace(stem, stride=1)
    for i, stage in enumerate(stages):
        if last_map() >= SMALLEST_MAP:
            break
        stages[i] = replace(stage, block=replace(stage.block, stride=1))  # type: ignore[type-var]
    return replace(architecture, stem=stem, stages=tuple(stages), resolution=resolution)
