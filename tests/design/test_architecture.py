"""Architectures, multipliers and the small-input rule, against published figures."""

import math
import re
from dataclasses import replace
from pathlib import Path

import pytest

from depthwise.design import MODELS, Architecture, architecture, searched_models
from depthwise.design.architecture import Rounding
from depthwise.design.naming import resolve
from depthwise.design.scaling import compound
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
    assert macs(architecture("mobilenet_v1", *setting).layers()) / 1e6 == pytest.approx(
        published, abs=max(0.5, 0.006 * published)
    )


# The other six, and what is counted here: the source's row of width 0.75 is 2.6 % low (the paper itself prints 325 at
# 224 px), 34 breaks the square law of its own column, and 14 is rounded.
V1_OTHERS = {
    (0.75, 224): (317, 325.4), (0.75, 192): (233, 239.3), (0.75, 160): (162, 166.4), (0.75, 128): (104, 106.8),
    (0.25, 192): (34, 30.2), (0.25, 128): (14, 13.6),
}  # fmt: skip


@pytest.mark.parametrize(("setting", "printed_and_ours"), V1_OTHERS.items(), ids=str)
def test_mobilenet_v1_where_the_published_grid_is_off(
    setting: tuple[float, int], printed_and_ours: tuple[int, float]
) -> None:
    printed, ours = printed_and_ours
    assert round(macs(architecture("mobilenet_v1", *setting).layers()) / 1e6, 1) == ours
    assert abs(ours / printed - 1) > 0.006


PARAMETERS = {
    "mobilenet_v1": 4_231_976,
    "mobilenet_v2": 3_504_872,
    "mobilenet_v3_large": 5_483_032,
    "mobilenet_v3_small": 2_542_856,
    "efficientnet_b0": 5_288_548,
    "efficientnet_b1": 7_794_184,
    "efficientnet_b2": 9_109_994,
    "efficientnet_b3": 12_233_232,
    "efficientnet_b4": 19_341_616,
    "efficientnet_b5": 30_389_784,
    "efficientnet_b6": 43_040_704,
    "efficientnet_b7": 66_347_960,
    "efficientnet_lite0": 4_652_008,
    "efficientnet_lite1": 5_416_680,
    "efficientnet_lite2": 6_092_072,
    "efficientnet_lite3": 8_197_096,
    "efficientnet_lite4": 13_006_568,
    "mnasnet_b1": 4_383_312,
    "ds_cnn": 23_756 - 9 * 64,  # MLPerf Tiny's, whose nine convolutions have a bias before each normalization
    "resnet18": 11_689_512,
    "vgg16": 138_357_544,
}
"""Of the published weights (torchvision's `num_params`, timm), BatchNorm's scale and shift included."""

MILLIONS = {
    ("mobilenet_v3_large_minimal", 1.0): 3.92,
    ("mobilenet_v3_small_minimal", 1.0): 2.04,
    ("mobilenet_v4_conv_small", 1.0): 3.77,
    ("mobilenet_v4_conv_small", 0.5): 2.24,
    ("mobilenet_v4_conv_medium", 1.0): 9.72,
    ("mobilenet_v4_conv_large", 1.0): 32.59,
    ("mnasnet_a1", 1.0): 3.89,
    ("pp_lcnet", 1.0): 2.95,
    ("pp_lcnet", 0.75): 2.36,
    ("pp_lcnet", 0.5): 1.88,
}
"""Model, width -> millions of parameters of timm's weights (results/results-imagenet.csv), as printed there."""


def test_every_model_has_a_published_count() -> None:
    assert {*PARAMETERS, *(name for name, _ in MILLIONS)} == set(MODELS)


@pytest.mark.parametrize("name", list(PARAMETERS))
def test_parameters(name: str) -> None:
    assert parameters(architecture(name).layers()) == PARAMETERS[name]


@pytest.mark.parametrize(("setting", "millions"), MILLIONS.items(), ids=str)
def test_millions_of_parameters(setting: tuple[str, float], millions: float) -> None:
    assert round(parameters(architecture(*setting).layers()) / 1e6, 2) == millions


# model -> billions of MACs, to the digits printed by torchvision (`_ops`) at the resolution of its weights.
BILLIONS = {
    ("efficientnet_b0", 224): 0.4, ("efficientnet_b1", 240): 0.7, ("efficientnet_b2", 288): 1.1,
    ("efficientnet_b3", 300): 1.8, ("efficientnet_b4", 380): 4.4, ("efficientnet_b5", 456): 10.3,
    ("efficientnet_b6", 528): 19.1, ("efficientnet_b7", 600): 37.7,
}  # fmt: skip


@pytest.mark.parametrize(("setting", "billions"), BILLIONS.items(), ids=str)
def test_macs_of_efficientnet(setting: tuple[str, int], billions: float) -> None:
    name, resolution = setting
    assert round(macs(architecture(name, resolution=resolution).layers()) / 1e9, 1) == billions


# width -> millions of MACs and of parameters of the authors' weights (PaddleClas, docs/en/models/PP-LCNet_en.md).
LCNET = {0.25: (18, 1.5), 0.35: (29, 1.6), 0.5: (47, 1.9), 0.75: (99, 2.4), 1.0: (161, 3.0), 1.5: (342, 4.5)} | {
    2.0: (590, 6.5), 2.5: (906, 9.0)
}  # fmt: skip


@pytest.mark.parametrize(("width", "published"), LCNET.items(), ids=str)
def test_pp_lcnet_scales_as_published(width: float, published: tuple[int, float]) -> None:
    """Its authors' counter adds two operations for each normalized element: with them all eight are exact."""
    layers = architecture("pp_lcnet", width).layers()
    normalized = sum(math.prod(layer.shape) for layer in layers if layer.op == "BatchNormalization")
    assert round((macs(layers) + 2 * normalized) / 1e6) == published[0]
    assert parameters(layers) / 1e6 == pytest.approx(published[1], abs=0.06)


# resolution -> millions of MACs at widths 1.4, 1.0, 0.75, 0.5, 0.35 (tensorflow/tpu, models/official/mnasnet).
MNASNET = {
    224: (591.5, 315.2, 226.7, 105.2, 63.2),
    192: (435.1, 232.0, 166.9, 77.6, 46.8),
    160: (302.8, 161.6, 116.4, 54.4, 32.9),
    128: (194.5, 104.1, 75.0, 35.3, 21.6),
    96: (110.3, 59.3, 42.9, 20.5, 12.7),
}


@pytest.mark.parametrize("resolution", MNASNET)
def test_mnasnet_grid(resolution: int) -> None:
    """Ours are 0.9 to 2.7 % below: by about one elementwise operation per pointwise output."""
    for width, published in zip((1.4, 1.0, 0.75, 0.5, 0.35), MNASNET[resolution], strict=True):
        share = macs(architecture("mnasnet_a1", width, resolution).layers()) / 1e6 / published
        assert 0.972 < share < 0.992, (width, share)


def test_efficientnet_is_b0_scaled() -> None:
    """By the paper's coefficients B1 to B3 follow exactly; from B4 on its rounded ones are no powers of them."""
    base = MODELS["efficientnet_b0"]
    for member, phi in ((1, 0.5), (2, 1.0), (3, 2.0)):
        scaled, published = compound(base, phi), MODELS[f"efficientnet_b{member}"]
        assert scaled.stages == published.stages
        assert scaled.resolution == pytest.approx(published.resolution, rel=0.015)
        assert parameters(scaled.layers()) == PARAMETERS[published.name]
    assert compound(base, 0.5).layers() == MODELS["efficientnet_b1"].layers()
    for member, phi in ((4, 3.5), (5, 5.0), (6, 6.0), (7, 7.0)):
        scaled, published = compound(base, phi), MODELS[f"efficientnet_b{member}"]
        assert scaled.resolution == pytest.approx(published.resolution, rel=0.04)
        assert parameters(scaled.layers()) == pytest.approx(PARAMETERS[published.name], rel=0.2)


def test_compound_scaling_doubles_the_work() -> None:
    base = architecture("mobilenet_v2")
    assert macs(compound(base, 1).layers()) == pytest.approx(2 * macs(base.layers()), rel=0.15)
    assert macs(compound(base, -1).layers()) < macs(base.layers())
    with pytest.raises(UserError, match="gamma 0 is out of range"):
        compound(base, 1, gamma=0)
    with pytest.raises(UserError, match="phi 99 is out of range"):
        compound(base, 99)


@pytest.mark.parametrize("member", range(5))
def test_lite_is_the_deployable_efficientnet(member: int) -> None:
    lite = MODELS[f"efficientnet_lite{member}"]
    made = architecture(f"efficientnet_b{member}", resolution=lite.resolution, deployable=True)
    ours, published = (
        [replace(x, attributes={}) if x.op == "Dropout" else x for x in model.layers()] for model in (made, lite)
    )
    assert ours == published


def test_deployable_leaves_out_what_8_bits_take_badly() -> None:
    made = architecture("mobilenet_v3_large", 0.5, deployable=True)
    layers = made.layers()
    assert {layer.op for layer in layers}.isdisjoint({"HardSwish", "HardSigmoid", "Sigmoid", "Mul"})
    assert (made.stem.channels, made.head.channels, made.head.features) == (16, 960, 1280)
    assert architecture("mobilenet_v3_large", deployable=False) == architecture("mobilenet_v3_large")


def test_a_universal_bottleneck_is_one_of_four_blocks() -> None:
    def parts(stage: int) -> list[str]:
        found = [x.name.split(".")[-1] for x in architecture("mobilenet_v4_conv_medium").layers() if x.op == "Conv"]
        names = [x.name for x in architecture("mobilenet_v4_conv_medium").layers() if x.op == "Conv"]
        return [leaf for leaf, name in zip(found, names, strict=True) if name.startswith(f"blocks.{stage}.0.")]

    assert parts(1) == ["first_depthwise", "expansion", "depthwise", "projection"]
    assert parts(7) == ["first_depthwise", "expansion", "projection"]
    assert parts(8) == ["expansion", "projection"]
    layers = {layer.name: layer for layer in architecture("mobilenet_v4_conv_medium").layers()}
    assert layers["blocks.1.0.first_depthwise"].attributes["strides"] == (1, 1)
    assert layers["blocks.1.0.depthwise"].attributes["strides"] == (2, 2)
    assert layers["blocks.1.0.expansion"].inputs == ("blocks.1.0.first_depthwise_norm",), "the first is linear"


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
    assert searched_models(("mnasnet_*", "mobilenet_v1")) == ("mnasnet_a1", "mnasnet_b1", "mobilenet_v1")
    with pytest.raises(UserError, match=r"unknown model 'mobilenetv2'\. Did you mean 'mobilenet_v2'"):
        searched_models(("mobilenetv2",))
    assert "ds_cnn" not in searched_models(("*",))
    with pytest.raises(UserError, match="ds_cnn reads images of a shape of its own"):
        searched_models(("ds_cnn", "mobilenet_v1"))


def strides(network: Architecture) -> list[int]:
    return [network.stem.stride, *(stage.block.stride for stage in network.stages)]


def last_map(network: Architecture) -> int:
    """Side of the smallest map of more than one pixel: one pixel is what pooling or a fully connected layer leaves."""
    return min(side for layer in network.layers() for side in layer.shape[1:] if side > 1)


def test_small_images_lose_the_earliest_strides() -> None:
    full = strides(architecture("mobilenet_v2"))
    assert full == [2, 1, 2, 2, 2, 1, 2, 1]
    assert strides(architecture("mobilenet_v2", resolution=96)) == full
    assert strides(architecture("mobilenet_v2", resolution=64)) == [1, 1, 2, 2, 2, 1, 2, 1]
    assert strides(architecture("mobilenet_v2", resolution=28)) == [1, 1, 1, 2, 2, 1, 2, 1]


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("resolution", [8, 9, 28, 32, 33, 64, 65, 96, 97, 160, 224])
def test_the_last_map_stays_useful(name: str, resolution: int) -> None:
    smallest = math.ceil(2.5 / MODELS[name].aspect)  # 3 px across
    assert last_map(architecture(name, 0.25, max(resolution, smallest))) >= 3


def test_an_input_that_is_not_square_keeps_its_proportion() -> None:
    """The smaller side decides which strides stay, and which resolution is too small."""
    sizes = {resolution: architecture("ds_cnn", resolution=resolution) for resolution in (98, 49, 24, 22, 13)}
    assert [one.layers()[0].shape for one in sizes.values()] == [
        (1, 98, 20), (1, 49, 10), (1, 24, 5), (1, 22, 4), (1, 13, 3)
    ]  # fmt: skip
    stem = {resolution: one.layers()[1] for resolution, one in sizes.items()}
    assert stem[49].shape == (64, 25, 5) and stem[49].parameters["weight"] == (64, 1, 10, 4)
    assert stem[49].attributes["pads"] == (4, 1, 5, 1)
    assert [one.stem.stride for one in sizes.values()] == [2, 2, 2, 1, 1]
    with pytest.raises(UserError, match=r"resolution 12 px makes the input of ds_cnn 12 x 2 px.*at least 13 px"):
        architecture("ds_cnn", resolution=12)


def test_keyword_spotting_as_published() -> None:
    """2.66 M MACs (MLPerf Tiny), 12 words; dropout behind the first convolution and before the classifier."""
    layers = architecture("ds_cnn").layers()
    assert (macs(layers), layers[-1].shape) == (2_656_768, (12,))
    ratios = {layer.name: layer.attributes["ratio"] for layer in layers if layer.op == "Dropout"}
    assert ratios == {"stem.dropout": 0.2, "head.dropout": 0.4}
    assert architecture("ds_cnn", 172 / 64).stem.channels == 172  # the paper's medium one


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


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tf_mobilenetv3_small_minimal_100", ("mobilenet_v3_small_minimal", 1.0)),
        ("mobilenetv4_conv_small_050", ("mobilenet_v4_conv_small", 0.5)),
        ("efficientnet_b0.ra_in1k", ("efficientnet_b0", 1.0)),
        ("semnasnet_075", ("mnasnet_a1", 0.75)),
        ("mnasnet_100", ("mnasnet_b1", 1.0)),
        ("mnasnet0_5", ("mnasnet_b1", 0.5)),
        ("lcnet_050", ("pp_lcnet", 0.5)),
    ],
)
def test_names_that_people_know(name: str, expected: tuple[str, float]) -> None:
    assert resolve(name, MODELS) == expected


def test_the_table_of_the_documents_is_what_is_counted() -> None:
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\d+) \| ([\d.]+) \| ([\d.]+) \|", text, re.MULTILINE)
    layers = {name: model.layers() for name, model in MODELS.items()}
    assert rows == [
        (
            name,
            str(MODELS[name].resolution),
            f"{parameters(layers[name]) / 1e6:.2f}",
            f"{macs(layers[name]) / 1e6:.1f}",
        )
        for name, *_ in rows
    ]
    assert sorted(name for name, *_ in rows) == sorted(MODELS)
