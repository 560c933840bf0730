"""Multipliers, compound scaling, and what a family is without its costly parts: from Architecture to Architecture."""

import math
from dataclasses import replace

from depthwise.design.architecture import Architecture, Block, Head, Rounding, Stage
from depthwise.errors import UserError
from depthwise.graph.layers import Window, both

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
    if not stem.fixed:
        stem = replace(stem, channels=rounding(stem.channels * (max(1.0, width) if stem.grows_only else width)))
    return replace(
        architecture,
        stem=stem,
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

    Stages of one block stay so, unless the architecture says otherwise.

    Raises:
        UserError: if `depth` is not a number above 0 and at most 8.
    """
    if not 0 < depth <= 8:
        raise UserError(f"depth multiplier {depth:g} is out of range: give a number above 0 and at most 8")
    stages = tuple(
        Stage(stage.block, math.ceil(stage.repeats * depth) if stage.repeats > 1 or architecture.repeats_single else 1)
        for stage in architecture.stages
    )
    return replace(architecture, stages=stages, depth=architecture.depth * depth)


def set_resolution(architecture: Architecture, resolution: int) -> Architecture:
    """Sets the input resolution (the height, where the width differs) and applies the small-input rule.

    The rule: while the last map would be smaller than 3 x 3 px, the earliest stride of 2 becomes 1. Families made for
    224 px shrink the image 32 times; at 28 px that leaves one pixel, and depthwise filters that see padding only.

    Raises:
        UserError: if `resolution` is below 8 px or above 4096 px, or the width that follows is below 3 px.
    """
    if not SMALLEST_RESOLUTION <= resolution <= 4096:
        raise UserError(f"resolution {resolution} px is out of range: give {SMALLEST_RESOLUTION} to 4096 px, e.g. 96")
    architecture = replace(architecture, resolution=resolution)
    height, width = architecture.sides
    if min(height, width) < SMALLEST_MAP:
        least = math.ceil((SMALLEST_MAP - 0.5) / min(1.0, architecture.aspect))
        raise UserError(
            f"resolution {resolution} px makes the input of {architecture.name} {height} x {width} px, too small for "
            f"its filters: give at least {least} px"
        )
    stem, stages = architecture.stem, list(architecture.stages)

    def last_map() -> int:
        """The smaller side of it."""
        sides = []
        for side, kernel in zip(architecture.sides, both(stem.kernel), strict=True):
            after = Window(kernel, stem.stride).outputs(side, architecture.padding)
            for block in (stage.block for stage in stages if stage.block.stride > 1):
                window = Window(getattr(block, "kernel", 3), block.stride)  # 3: as any odd one
                after = window.outputs(after, architecture.padding)
            sides.append(after)
        return min(sides)

    if last_map() < SMALLEST_MAP:
        stem = replace(stem, stride=1)
    for i, stage in enumerate(stages):
        if last_map() >= SMALLEST_MAP:
            break
        stages[i] = replace(stage, block=replace(stage.block, stride=1))  # type: ignore[type-var]
    return replace(architecture, stem=stem, stages=tuple(stages))


def compound(
    architecture: Architecture, phi: float, alpha: float = 1.2, beta: float = 1.1, gamma: float = 1.15
) -> Architecture:
    """Scales depth by alpha^phi, width by beta^phi and resolution by gamma^phi (EfficientNet, equation 3).

    With alpha beta^2 gamma^2 near 2, phi = 1 about doubles the MACs. Depth and width are rounded to tenths, as the
    paper's are. The defaults are its coefficients.

    Args:
        architecture: the base, e.g. `design.MODELS[...]`.
        phi: how far; below 0 the network shrinks.
        alpha, beta, gamma: growth of depth, width and resolution with phi, each above 0.

    Raises:
        UserError: a coefficient or what follows from it is out of range.
    """
    for name, growth in (("alpha", alpha), ("beta", beta), ("gamma", gamma)):
        if not 0 < growth <= 8:
            raise UserError(f"{name} {growth:g} is out of range: give a number above 0, usually from 1 to 1.5")
    if not -10 <= phi <= 10:
        raise UserError(f"phi {phi:g} is out of range: give -10 to 10, e.g. 1 for twice the MACs")
    deeper = scale_depth(architecture, round(alpha**phi, 1))
    return set_resolution(scale_width(deeper, round(beta**phi, 1)), round(architecture.resolution * gamma**phi))


def make_deployable(architecture: Architecture) -> Architecture:
    """The family without what 8 bits and simple processors take badly, as EfficientNet-Lite was made of EfficientNet.

    Squeeze-excite is left out, hard-swish and SiLU are ReLU6; stem and head keep the size of the family's base whatever
    width is asked for. Nothing else changes.
    """
    if architecture.origin:
        base, width, depth = architecture.origin
        base = replace(make_deployable(base), repeats_single=False)
        scaled = scale_depth(scale_width(base, width), depth)
        parts = (scaled.stem, scaled.stages, replace(scaled.head, dropout=architecture.head.dropout))
    else:
        parts = (
            replace(architecture.stem, activation=_simple(architecture.stem.activation), fixed=True),
            tuple(replace(stage, block=_simple_block(stage.block)) for stage in architecture.stages),
            replace(architecture.head, activation=_simple(architecture.head.activation), fixed=True),
        )
    stem, stages, head = parts
    return replace(architecture, stem=stem, stages=stages, head=head, repeats_single=False, deployable=True)


def _simple_block(block: Block) -> Block:
    plain: Block = getattr(block, "ungated", lambda: block)()
    if not hasattr(plain, "activation"):
        return plain
    return replace(plain, activation=_simple(plain.activation))  # type: ignore[type-var]


def _simple(activation: str) -> str:
    return "relu6" if activation in ("hard_swish", "silu") else activation
