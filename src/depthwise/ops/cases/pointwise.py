"""Cases of Pointwise: channels round vector and panel widths, pixels round tiles, activations, real layers."""

from collections.abc import Mapping

from depthwise.ops.cases.base import ACTIVATIONS, Attribute, Case, window

_CHANNELS = (1, 3, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40)


def _case(
    size: tuple[int, int],
    channels: int,
    outputs: int,
    more: Mapping[str, Attribute] | None = None,
    camera: bool = False,
) -> Case:
    weight = (outputs, channels, 1, 1)
    return Case("Pointwise", ((1, channels, *size),), weight, {**window(1, group=1), **(more or {})}, camera)


CASES = {
    "Pointwise": (
        *(_case((3, 5), 5, outputs) for outputs in _CHANNELS),
        *(_case((3, 5), channels, 11) for channels in _CHANNELS),
        *(_case((1, pixels), 4, 20) for pixels in (*range(1, 16), 25, 27, 28, 29, 49, 196)),
        *(_case((7, 7), 9, outputs) for outputs in (8, 24, 40, 72)),
        *(_case((2, 7), 6, 19, activation) for activation in ACTIVATIONS),
        _case((40, 41), 40, 24),  # more inputs than one block that stays in the cache
        _case((14, 14), 96, 576, ACTIVATIONS[2]),
        _case((7, 7), 320, 1280, ACTIVATIONS[2]),
        _case((3, 3), 960, 160),
        _case((4, 5), 3, 8, ACTIVATIONS[1], camera=True),
    )
}
