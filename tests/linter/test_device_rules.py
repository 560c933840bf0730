"""What rules say of a device: RAM that the first layers lack, and functions that suit it badly."""

import re

import pytest

from depthwise import graph, linter
from depthwise.design import architecture
from depthwise.device import Device, Precision, load_device
from depthwise.findings import Finding
from depthwise.linter import Settings, Source


def found(code: str, name: str, device: Device, precision: Precision, width: float, resolution: int) -> list[Finding]:
    network = architecture(name, width, resolution)
    return linter.look(Source(network), device, precision, Settings((code,))).findings


@pytest.mark.parametrize(
    ("ram", "fix"), [(100, "`compile --optimize ram` runs them"), (40, "lower the resolution too")]
)
def test_first_layers_that_lack_ram(ram: int, fix: str) -> None:
    """Layer by layer MobileNetV2 0.35/96 peaks at 135 KiB of 8 bits, as published tables have it."""
    (finding,) = found("DW012", "mobilenet_v2", Device("board", "", ram=ram * 1024), "int8", 0.35, 96)
    assert "need up to 135.0 KiB" in finding.reason
    assert "blocks.1.0.depthwise" in finding.layers
    assert not any(layer.startswith(("blocks.5", "blocks.6", "head")) for layer in finding.layers)
    assert fix in finding.fix


def test_a_file_of_8_bits_may_take_bytes() -> None:
    """27 KiB of image in place of 108."""
    network = graph.to_qdq(graph.assumed_int8(graph.build(architecture("mobilenet_v2", 0.35, 96).layers())))
    device = Device("board", "", ram=100 * 1024)
    (finding,) = linter.look(Source(network, file=True), device, "int8", Settings(("DW012",))).findings
    assert finding.fix.startswith("`compile --optimize ram --input int8` takes")


def test_the_resolution_that_is_named_fits() -> None:
    device = Device("board", "", ram=40 * 1024)
    (finding,) = found("DW012", "mobilenet_v2", device, "int8", 0.35, 96)
    (lower,) = re.findall(r"from 96 to some (\d+) px", finding.fix)
    fixes = [one.fix for one in found("DW012", "mobilenet_v2", device, "int8", 0.35, int(lower))]
    assert all(fix.startswith("`compile --optimize ram` runs them") for fix in fixes)


def test_ram_that_suffices() -> None:
    assert found("DW012", "mobilenet_v2", Device("board", "", ram=200 * 1024), "int8", 0.35, 96) == []


def test_ram_that_the_last_layers_lack_too() -> None:
    assert found("DW012", "mobilenet_v2", Device("board", "", ram=8 * 1024), "int8", 0.35, 96) == []


def test_functions_that_8_bits_suffer_from() -> None:
    silu, gates = found("DW010", "efficientnet_b0", load_device("phone"), "int8", 1.0, 224)
    assert (silu.severity, gates.severity) == ("warning", "info")
    assert "SiLU behind 49 layers" in silu.reason
    assert "squeeze-excite in 16 places" in gates.reason
    assert "5.29 M > 4.65 M parameters" in gates.fix


def test_functions_that_plain_processors_suffer_from() -> None:
    silu, gates = found("DW010", "efficientnet_b0", load_device("cortex-m4"), "float32", 1.0, 32)
    assert "exponentials an image" in silu.reason
    assert len(gates.layers) == 16
    assert found("DW010", "efficientnet_b0", load_device("phone"), "float32", 1.0, 32) == []


def test_a_deployable_variant_that_takes_more_is_not_recommended() -> None:
    """Its stem and head are as wide as at width 1."""
    fixes = {}
    for width in (0.1, 1.0):
        network = architecture("mobilenet_v3_small", width)
        said = linter.look(Source(network), None, "int8", Settings(("DW010",))).findings
        fixes[width] = [finding.fix for finding in said]
        assert said
    assert all(
        fix.startswith("take a family without these parts") and "it would take more" in fix for fix in fixes[0.1]
    )
    assert all(fix.startswith("train it `--deployable`") for fix in fixes[1.0])
