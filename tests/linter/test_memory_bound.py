"""DW009 where the device's bandwidth is known: what waits for bytes is the roofline's to say."""

from depthwise import linter
from depthwise.design import architecture
from depthwise.device import Device
from depthwise.findings import Finding
from depthwise.linter import Settings, Source


def found(bandwidth: float) -> list[Finding]:
    device = Device("board", "", peak_macs={"float32": 1e10}, bandwidth={"memory": bandwidth})
    return linter.look(Source(architecture("mobilenet_v1", 0.25, 96)), device, settings=Settings(("DW009",))).findings


def test_slow_memory_bounds_the_depthwise_layers() -> None:
    (finding,) = found(3e9)
    assert len(finding.layers) == 13
    assert all(layer.endswith(".depthwise") for layer in finding.layers)
    assert "13 of 13 depthwise layers wait for bytes from memory" in finding.reason


def test_fast_memory_bounds_none() -> None:
    assert found(1e12) == []
