"""Cases of Convolution: stems over floats and camera pixels, groups, dilation, window as large as the map."""

from collections.abc import Mapping

from depthwise.ops.cases.base import ACTIVATIONS, Attribute, Case, window


def _case(
    size: tuple[int, int], channels: int, outputs: int, attributes: Mapping[str, Attribute], camera: bool = False
) -> Case:
    kernel, group = attributes["kernel_shape"], attributes.get("group", 1)
    assert isinstance(kernel, tuple) and isinstance(group, int)
    weight = (outputs, channels // group, int(kernel[0]), int(kernel[1]))
    return Case("Convolution", ((1, channels, *size),), weight, {"group": 1, **attributes}, camera)


_GREY, _COLOUR = {"pad_values": (72.94,)}, {"pad_values": (123.675, 116.28, 103.53)}

CASES = {
    "Convolution": (
        *(_case((9, 10), 3, outputs, window(3, 2)) for outputs in (1, 7, 8, 9, 15, 16, 17, 24, 32, 33)),
        *(
            _case((11, 12), 4, 10, window(kernel, stride, pads))
            for kernel in (1, 2, 3, 5)
            for stride in (1, 2, 3)
            for pads in (0, (0, 0, 1, 1), (2, 1, 0, 3))
        ),
        *(_case((6, 7), 5, 12, {**window(3), **activation}) for activation in ACTIVATIONS),
        *(_case((1, width), 3, 9, window(3)) for width in (1, 2, 5, 6, 7)),
        _case((3, 2), 4, 19, {**window((5, 2), 1, (2, 0, 0, 0)), "strides": (3, 1)}),  # gcc 12 -O3: convolution_simd.h
        _case((3, 4), 1, 8, window(7, 1, 5)),  # whole rows and columns of windows see only padding
        _case((8, 9), 6, 8, window(3, group=2)),
        _case((8, 9), 6, 6, window((3, 1), 2, group=3)),
        *(_case((6, 15), 2 * group, 3 * group, window(3, group=group)) for group in (2, 5, 32)),
        *(_case((5, 9), 6, 2 * members, window(3, 2, group=2)) for members in (1, 7, 8, 9, 16, 17, 24, 32, 33, 40)),
        *(
            _case((5, 13), 12, 12, {**window(1, group=3), **activation})
            for activation in (ACTIVATIONS[2], ACTIVATIONS[4])
        ),
        _case((9, 16), 8, 12, window((5, 2), 2, (2, 0, 1, 1), group=4)),
        _case((14, 14), 128, 128, window(3, group=32)),
        _case((12, 12), 4, 8, window(3, 1, 2, dilation=2)),
        *(_case((9, 20), 5, outputs, {**window(3, 1, (1, 2, 1, 2)), "dilations": (1, 2)}) for outputs in (7, 17, 33)),
        *(_case((9, 11), 7, 20, window(1, stride, 0)) for stride in (2, 3)),  # pointwise, some pixels passed over
        _case((4, 4), 32, 40, window(4, 1, 0)),  # what Flatten and a fully connected layer become
        _case((32, 32), 3, 16, {**window(3, 2), **ACTIVATIONS[2]}),
        *(_case((9, 10), 3, outputs, {**window(3, 2), **_COLOUR}, camera=True) for outputs in (8, 13, 16, 32)),
        _case((8, 8), 3, 8, {**window(3, 2, (0, 0, 1, 1)), **_COLOUR, **ACTIVATIONS[6]}, camera=True),
        _case((7, 6), 1, 16, {**window(3, 1), **_GREY, **ACTIVATIONS[1]}, camera=True),
        _case((7, 6), 3, 9, {**window(3, 1, 2, dilation=2), **_COLOUR}, camera=True),
        _case((5, 5), 1, 4, window(3, 1, 0), camera=True),
        _case((96, 96), 3, 16, {**window(3, 2), **_COLOUR, **ACTIVATIONS[2]}, camera=True),
    )
}
