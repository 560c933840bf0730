"""What a separable convolution saves, on two networks of standard ones, beside figures by hand."""

import pytest

from depthwise import linter
from depthwise.design import architecture
from depthwise.linter import Settings, Source
from depthwise.units import format_count

RESNET = [
    *[(64, 56, 64)] * 4,
    *[(128, 28, 64), *[(128, 28, 128)] * 3],
    *[(256, 14, 128), *[(256, 14, 256)] * 3],
    *[(512, 7, 256), *[(512, 7, 512)] * 3],
]
VGG = [
    *[(64, 224, 64)],
    *[(128, 112, 64), (128, 112, 128)],
    *[(256, 56, 128), *[(256, 56, 256)] * 2],
    *[(512, 28, 256), *[(512, 28, 512)] * 2],
    *[(512, 14, 512)] * 3,
]
"""Output channels, side in pixels and input channels of all 3x3 convolutions but the first, by the papers' tables."""

RESNET_MACS, VGG_MACS = 1_814_073_344, 15_470_264_320
"""Whole networks: those, the first layer, and 1x1 shortcuts or fully connected layers."""


@pytest.mark.parametrize(("name", "table", "total"), [("resnet18", RESNET, RESNET_MACS), ("vgg16", VGG, VGG_MACS)])
def test_savings_are_those_by_hand(name: str, table: list[tuple[int, int, int]], total: int) -> None:
    network = architecture(name)
    assert sum(layer.macs for layer in network.layers()) == total
    found = linter.look(Source(network), settings=Settings(select=("DW008",))).findings
    warned, left = ([one for one in found if one.severity == severity] for severity in ("warning", "info"))
    assert [one.layers for one in left] == [["stem.conv"]]
    for finding, (outputs, side, inputs) in zip(warned, table, strict=True):
        standard, share = 9 * outputs * inputs * side**2, 1 / outputs + 1 / 9
        assert finding.reason == (
            f"3x3, {inputs} > {outputs} channels: {format_count(standard)} MACs; a separable one takes "
            f"{format_count(share * standard)} ({100 * share:.1f} %), which saves "
            f"{100 * (1 - share) * standard / total:.1f} % of the network"
        )
