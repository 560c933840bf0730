"""Cases of Depthwise: channels round vector widths, all kinds of window, tiny maps, multipliers, real layers."""

from collections.abc import Mapping

from depthwise.ops.cases.base import ACTIVATIONS, Attribute, Case, window


def _case(
    size: tuple[int, int], channels: int, attributes: Mapping[str, Attribute], multiplier: int = 1, camera: bool = False
) -> Case:
    kernel = attributes["kernel_shape"]
    assert isinstance(kernel, tuple)
    weight = (channels * multiplier, 1, int(kernel[0]), int(kernel[1]))
    return Case("Depthwise", ((1, channels, *size),), weight, {**attributes, "group": channels}, camera)


CASES = {
    "Depthwise": (
        *(_case((6, 7), channels, window(3)) for channels in (2, 3, 7, 8, 9, 15, 16, 17, 24, 31, 32, 33, 40)),
        *(_case((9, 19), channels, window(3, 2)) for channels in (3, 8, 12, 24)),
        *(_case((9, 12), channels, {**window(3), **ACTIVATIONS[4]}) for channels in (3, 8, 12)),
        *(
            _case((11, 13), 20, window(kernel, stride, pads))
            for kernel in (3, 5, 7)
            for stride in (1, 2, 3)
            for pads in (None, 0, (0, 0, 1, 1), (2, 1, 0, 3))
        ),
        *(_case((height, width), 17, window(3)) for height, width in ((1, 1), (1, 9), (9, 1), (2, 2), (3, 3))),
        *(_case((1, 1), 40, window(5, stride)) for stride in (1, 2)),
        *(_case((12, 14), 18, window(3, stride, 2, dilation=2)) for stride in (1, 2)),
        *(_case((9, 10), 16, window(kernel)) for kernel in (1, 2, 4, 6, (1, 3), (3, 1), (3, 5), (5, 3))),
        *(_case((9, 10), 5, window(kernel)) for kernel in (1, 2, 4, 5, 6, 7)),
        *(_case((5, 6), channels, window(3), multiplier) for multiplier in (2, 3, 8) for channels in (3, 9, 33)),
        _case((9, 11), 17, {**window(5, 2, (0, 0, 1, 1)), **ACTIVATIONS[6]}, 2),
        _case((12, 14), 6, window(3, 1, 2, dilation=2), 4),
        _case((12, 14), 18, {**window(3, 1, (1, 2, 1, 2)), "dilations": (1, 2)}),
        *(_case((5, 6), 19, {**window(3), **activation}) for activation in ACTIVATIONS),
        _case((14, 14), 576, {**window(3), **ACTIVATIONS[2]}),
        _case((28, 28), 192, {**window(3, 2), **ACTIVATIONS[2]}),
        _case((112, 112), 8, window(3)),  # channels are cut into blocks
        _case((7, 7), 480, window(5)),
        _case((8, 8), 3, {**window(3), "pad_values": (120.0, 110.5, 99.0)}, 2, camera=True),
    )
}
