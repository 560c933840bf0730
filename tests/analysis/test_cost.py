"""The counts that papers print, and that counting is quick."""

import math
import time

import pytest

from depthwise import graph
from depthwise.analysis import cost
from depthwise.design import architecture

# TensorFlow's MobileNetV2 grid: millions of MACs, printed rounded down, by width and resolution.
V2_GRID = {
    (1.4, 224): 582, (1.3, 224): 509, (1.0, 224): 300, (1.0, 192): 221, (1.0, 160): 154, (1.0, 128): 99, (1.0, 96): 56,
    (0.75, 224): 209, (0.75, 192): 153, (0.75, 160): 107, (0.75, 128): 69, (0.75, 96): 39,
    (0.5, 224): 97, (0.5, 192): 71, (0.5, 160): 50, (0.5, 128): 32, (0.5, 96): 18,
    (0.35, 224): 59, (0.35, 192): 43, (0.35, 160): 30, (0.35, 128): 20, (0.35, 96): 11,
}  # fmt: skip
V1_PARAMETERS = {1.0: 4.232, 0.75: 2.586, 0.5: 1.332, 0.25: 0.470}


def counted(name: str, width: float, resolution: int):  # type: ignore[no-untyped-def]
    return cost(graph.build(architecture(name, width=width, resolution=resolution).layers()))


@pytest.mark.parametrize(("width", "resolution"), V2_GRID)
def test_mobilenet_v2_grid(width: float, resolution: int) -> None:
    assert counted("mobilenet_v2", width, resolution).macs // 10**6 == V2_GRID[width, resolution]


def test_mobilenet_v2() -> None:
    total = counted("mobilenet_v2", 1.0, 224)
    assert total.parameters == 3_504_872
    assert total.macs == 300_774_272
    assert sum(row.macs for row in total.layers) == total.macs
    assert total.layers[0].model_dump() == {
        "name": "stem.conv",
        "op": "Convolution",
        "shape": [32, 112, 112],
        "parameters": 32 * 3 * 9 + 64,
        "macs": 32 * 27 * 112 * 112,
        "weight_bytes": 4 * (32 * 27 + 32),
        "activation_bytes": 4 * 32 * 112 * 112,
        "moved_bytes": 4 * (3 * 224 * 224 + 32 * 27 + 32 + 32 * 112 * 112),
    }


@pytest.mark.parametrize("width", V1_PARAMETERS)
def test_mobilenet_v1_parameters(width: float) -> None:
    assert round(counted("mobilenet_v1", width, 224).parameters / 1e6, 3) == V1_PARAMETERS[width]


def test_mobilenet_v1() -> None:
    total = counted("mobilenet_v1", 1.0, 224)
    assert round(total.macs / 1e6, 2) == 568.74
    assert round(total.parameters / 1e6, 2) == 4.23


def test_weights_do_not_change_the_count() -> None:
    layers = architecture("mobilenet_v2", width=0.35, resolution=96, classes=10).layers()
    assert cost(graph.build(layers, graph.initialize(layers))) == cost(graph.build(layers))


def test_pooling_addition_and_views_cost_no_macs() -> None:
    rows = {row.op: row for row in counted("mobilenet_v2", 0.35, 96).layers}
    assert rows["Add"].macs == rows["GlobalAveragePool"].macs == rows["Flatten"].macs == 0
    assert rows["Flatten"].activation_bytes == 0
    assert rows["Add"].activation_bytes == 4 * math.prod(rows["Add"].shape)


def test_counting_takes_no_memory_for_weights() -> None:
    layers = architecture("mobilenet_v2", width=1.4).layers()
    cost(graph.build(layers))  # imports
    start = time.process_time()
    cost(graph.build(layers))
    assert time.process_time() - start < 2  # a quarter of a second on a free core
