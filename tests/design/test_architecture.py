"""Architectures, multipliers and the small-input rule, against published figures."""

import math

import pytest

from depthwise.design import MODELS, Architecture, architecture, searched_models
from depthwise.design.architecture import Rounding
from depthwise.errors import UserError
from depthwise.graph.layers import Layer


def macs(layers: tuple[Layer, ...]) -> int:
    pixels = {layer.name: math.prod(layer.shape[1:]) for layer in layers}
    return sum(math.prod(x.parameters["weight"]) * pixels[x.name] for x in layers if x.op in ("Conv", "Gemm"))


def parameters(layers: tuple[Layer, ...]) -> int:
    return sum(math.prod(s) for x in layers for name, s in x.parameters.items() if not name.startswith("running"))


# width / resolution -> millions of MACs, as published with the reference implementation (rounded down there).
V2_GRID = {
    (1.4, 224): 582, (1.3, 224): 509, (1.0, 224): 300, (1.0, 192): 221, (1.0, 160): 154, (1.0, 128): 99, (1.0, 96): 56,
    (0.75, 224): 209, (0.75, 192): 153, (0.75, 160): 107, (0.75, 128): 69, (0.75, 96): 39,
    (0.5, 224): 97, (0.5, 192): 71, (0.5, 160): 50, (0.5, 128): 32, (0.5, 96): 18,
    (0.35, 224): 59, (0.35, 192): 43, (0.35, 160): 30, (0.35, 128): 20, (0.35, 96): 11,
}  # fmt: skip


@pytest.mark.parametrize(("setting", "published"), V2_GRID.items(), ids=str)
def test_mobilenet_v2_grid(setting: tuple[float, int], published: int) -> None:
    assert macs(architecture("mobilenet_v2", *setting).layers()) // 10**6 == published


# The rows of the published V1 grid that agree with the paper's own figures.
V1_GRID = {
    (1.0, 224): 569, (1.0, 192): 418, (1.0, 160): 291, (1.0, 128): 186,
    (0.5, 224): 150, (0.5, 192): 110, (0.5, 160): 77, (0.5, 128): 49, (0.25, 224): 41, (0.25, 160): 21,
}  # fmt: skip


@pytest.mark.parametrize(("setting", "published"), V1_GRID.items(), ids=str)
def test_mobilenet_v1_grid(setting: tuple[float, int], published: int) -> None:
    assert macs(architecture("mobilenet_v1", *setting).layers()) / 1e6 == pytest.approx(published, rel=0.013)


PARAMETERS = {
    "mobilenet_v1": 4_231_976,
    "mobilenet_v2": 3_504_872,
    "mobilenet_v3_large": 5_483_032,
    "mobilenet_v3_small": 2_542_856,
    "efficientnet_lite0": 4_652_008,
    "efficientnet_lite1": 5_416_680,
    "efficientnet_lite2": 6_092_072,
    "efficientnet_lite3": 8_197_096,
    "efficientnet_lite4": 13_006_568,
}
"""Of the published weights, BatchNorm's scale and shift included."""


@pytest.mark.parametrize("name", list(MODELS))
def test_parameters(name: str) -> None:
    assert parameters(architecture(name).layers()) == PARAMETERS[name]


# model, width -> millions of MACs and parameters of its paper's authors (rounded there).
V3 = {("mobilenet_v3_large", 1.0): (217, 5.48), ("mobilenet_v3_large", 0.75): (155, 3.99)}


@pytest.mark.parametrize(("setting", "published"), V3.items(), ids=str)
def test_mobilenet_v3_scales_as_published(setting: tuple[str, float], published: tuple[int, float]) -> None:
    layers = architecture(*setting).layers()
    assert round(macs(layers) / 1e6) == published[0]
    assert round(parameters(layers) / 1e6, 2) == published[1]


def test_mobilenet_v3_has_the_hidden_channels_of_its_tables() -> None:
    def hidden(name: str) -> list[int]:
        return [x.shape[0] for x in architecture(name).layers() if x.name.endswith(".depthwise")]

    assert hidden("mobilenet_v3_large") == [16, 64, 72, 72, 120, 120, 240, 200, 184, 184, 480, 672, 672, 960, 960]
    assert hidden("mobilenet_v3_small") == [16, 72, 88, 96, 240, 240, 120, 144, 288, 576, 576]


def test_a_gate_stands_between_depthwise_and_projection() -> None:
    layers = {layer.name: layer for layer in architecture("mobilenet_v3_large").layers()}
    gated = [name.removesuffix(".squeeze_excite.scale") for name in layers if name.endswith(".scale")]
    assert gated == [f"blocks.{stage}.{repeat}" for stage, count in ((3, 3), (7, 2), (8, 3)) for repeat in range(count)]
    gate = layers["blocks.3.0.squeeze_excite.scale"]
    assert gate.inputs == ("blocks.3.0.depthwise_activation", "blocks.3.0.squeeze_excite.gate")
    assert layers["blocks.3.0.projection"].inputs == (gate.name,)
    assert layers["blocks.3.0.squeeze_excite.reduction"].shape == (24, 1, 1)  # 72 / 4 = 18, rounded to eights


def test_stem_and_head_keep_their_size_where_the_family_says_so() -> None:
    for name, width, stem, last in (
        ("efficientnet_lite0", 0.5, 32, 1280),
        ("efficientnet_lite0", 2.0, 32, 1280),
        ("efficientnet_lite4", 1.0, 32, 1280),
        ("mobilenet_v3_large", 0.5, 8, 1280),
        ("mobilenet_v3_large", 2.0, 32, 2560),
        ("mobilenet_v2", 0.5, 16, 1280),
    ):
        layers = {layer.name: layer for layer in architecture(name, width, 64).layers()}
        assert (layers["stem.conv"].shape[0], layers["head.classifier"].parameters["weight"][1]) == (stem, last)


def test_members_of_a_compound_scaling_are_scaled_from_where_they_are() -> None:
    lite = architecture("efficientnet_lite4")
    assert (lite.width, lite.depth, lite.resolution) == (1.0, 1.0, 300)
    assert [stage.repeats for stage in lite.stages] == [1, 4, 4, 6, 6, 8, 1]
    assert [stage.repeats for stage in architecture("efficientnet_lite4", depth=0.5).stages] == [1, 2, 2, 3, 3, 4, 1]


def test_searches_try_a_family_only_if_it_says_so() -> None:
    assert searched_models() == ("mobilenet_v1", "mobilenet_v2")


def strides(network: Architecture) -> list[int]:
    return [network.stem.stride, *(stage.block.stride for stage in network.stages)]


def last_map(network: Architecture) -> int:
    layers = {layer.name: layer for layer in network.layers()}
    return layers[layers["head.pool"].inputs[0]].shape[1]


def test_small_images_lose_the_earliest_strides() -> None:
    full = strides(architecture("mobilenet_v2"))
    assert full == [2, 1, 2, 2, 2, 1, 2, 1]
    assert strides(architecture("mobilenet_v2", resolution=96)) == full
    assert strides(architecture("mobilenet_v2", resolution=64)) == [1, 1, 2, 2, 2, 1, 2, 1]
    assert strides(architecture("mobilenet_v2", resolution=28)) == [1, 1, 1, 2, 2, 1, 2, 1]


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("resolution", [8, 9, 28, 32, 33, 64, 65, 96, 97, 160, 224])
def test_the_last_map_stays_useful(name: str, resolution: int) -> None:
    assert last_map(architecture(name, 0.25, resolution)) >= 3


@pytest.mark.parametrize(
    ("channels", "width", "expected"), [(32, 0.35, 16), (16, 0.35, 8), (24, 0.35, 8), (96, 0.35, 32), (320, 0.35, 112)]
)
def test_rounding_to_multiples_of_8_never_loses_a_tenth(channels: int, width: float, expected: int) -> None:
    assert Rounding()(channels * width) == expected
    assert expected >= 0.9 * channels * width


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 0}, "width multiplier 0 is out of range"),
        ({"width": -1}, "width multiplier -1 is out of range"),
        ({"width": math.nan}, "width multiplier nan is out of range"),
        ({"resolution": 4}, "resolution 4 px is out of range"),
        ({"classes": 0}, "classes 0 is out of range"),
        ({"channels": 0}, "channels 0 is out of range"),
    ],
)
def test_values_out_of_range(options: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message):
        architecture("mobilenet_v2", **options)  # type: ignore[arg-type]


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown model 'mobilnet-v2'\. Did you mean 'mobilenet_v2'"):
        architecture("mobilnet-v2")


@pytest.mark.parametrize("name", list(MODELS))
def test_layer_names_are_unique_and_inputs_come_first(name: str) -> None:
    seen: set[str] = set()
    for layer in architecture(name, 0.5, 64).layers():
        assert layer.name not in seen
        assert set(layer.inputs) <= seen
        seen.add(layer.name)


def test_every_projection_of_v2_is_linear() -> None:
    layers = architecture("mobilenet_v2").layers()
    readers = {name: layer for layer in layers for name in layer.inputs}
    for layer in layers:
        if layer.name.endswith("projection_norm"):
            assert readers[layer.name].op in ("Add", "Conv")
