"""Published weights: the libraries' names for our parameters, and what the table of them says."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from depthwise import UserError
from depthwise.design import MODELS, architecture
from depthwise.design.checkpoints import CHECKPOINTS, to_library
from depthwise.design.checkpoints.loading import from_library
from depthwise.design.checkpoints.names import Naming
from weight_files import weights_of


def naming(model: str, library: str) -> Naming:
    return next(one.naming for one in CHECKPOINTS.values() if (one.model, one.naming.library) == (model, library))


# our layer -> theirs, as the libraries' own code builds their modules
NAMES = {
    ("mobilenet_v1", "timm"): {
        "stem.conv": "conv_stem",
        "blocks.0.0.depthwise": "blocks.0.0.conv_dw",
        "blocks.0.0.depthwise_norm": "blocks.0.0.bn1",
        "blocks.3.5.pointwise": "blocks.3.5.conv_pw",
        "blocks.4.1.pointwise_norm": "blocks.4.1.bn2",
        "head.classifier": "classifier",
    },
    ("mobilenet_v2", "torchvision"): {
        "stem.norm": "features.0.1",
        "blocks.0.0.depthwise": "features.1.conv.0.0",
        "blocks.0.0.projection": "features.1.conv.1",
        "blocks.0.0.projection_norm": "features.1.conv.2",
        "blocks.1.0.expansion": "features.2.conv.0.0",
        "blocks.1.1.depthwise_norm": "features.3.conv.1.1",
        "blocks.6.0.projection": "features.17.conv.2",
        "blocks.6.0.projection_norm": "features.17.conv.3",
        "head.conv": "features.18.0",
        "head.classifier": "classifier.1",
    },
    ("mobilenet_v2", "timm"): {
        "blocks.0.0.projection": "blocks.0.0.conv_pw",
        "blocks.0.0.projection_norm": "blocks.0.0.bn2",
        "blocks.2.1.expansion": "blocks.2.1.conv_pw",
        "blocks.2.1.projection": "blocks.2.1.conv_pwl",
        "blocks.2.1.projection_norm": "blocks.2.1.bn3",
        "head.conv": "conv_head",
        "head.norm": "bn2",
    },
    ("mobilenet_v3_large", "torchvision"): {
        "blocks.0.0.projection": "features.1.block.1.0",
        "blocks.3.0.squeeze_excite.reduction": "features.4.block.2.fc1",
        "blocks.3.0.projection_norm": "features.4.block.3.1",
        "head.norm": "features.16.1",
        "head.features": "classifier.0",
        "head.classifier": "classifier.3",
    },
    ("mobilenet_v3_large", "timm"): {
        "blocks.1.0.expansion": "blocks.1.0.conv_pw",
        "blocks.2.0.expansion": "blocks.1.1.conv_pw",
        "blocks.3.2.squeeze_excite.excitation": "blocks.2.2.se.conv_expand",
        "blocks.3.2.projection_norm": "blocks.2.2.bn3",
        "blocks.6.1.depthwise": "blocks.3.3.conv_dw",
        "blocks.8.2.projection": "blocks.5.2.conv_pwl",
        "head.conv": "blocks.6.0.conv",
        "head.norm": "blocks.6.0.bn1",
        "head.features": "conv_head",
    },
    ("mobilenet_v3_small", "torchvision"): {
        "blocks.0.0.squeeze_excite.excitation": "features.1.block.1.fc2",
        "blocks.0.0.projection": "features.1.block.2.0",
        "head.conv": "features.12.0",
    },
    ("mobilenet_v3_small", "timm"): {
        "blocks.0.0.squeeze_excite.reduction": "blocks.0.0.se.conv_reduce",
        "blocks.0.0.projection": "blocks.0.0.conv_pw",
        "blocks.4.1.depthwise": "blocks.2.2.conv_dw",
        "head.conv": "blocks.5.0.conv",
    },
    ("efficientnet_lite0", "efficientnet_pytorch"): {
        "stem.conv": "_conv_stem",
        "blocks.0.0.projection_norm": "_blocks.0._bn2",
        "blocks.1.1.depthwise": "_blocks.2._depthwise_conv",
        "blocks.6.0.projection": "_blocks.15._project_conv",
        "head.norm": "_bn1",
        "head.classifier": "_fc",
    },
    ("efficientnet_b1", "torchvision"): {
        "blocks.0.1.depthwise": "features.1.1.block.0.0",
        "blocks.0.1.squeeze_excite.reduction": "features.1.1.block.1.fc1",
        "blocks.2.2.projection_norm": "features.3.2.block.3.1",
        "head.norm": "features.8.1",
        "head.classifier": "classifier.1",
    },
    ("efficientnet_b1", "timm"): {
        "blocks.0.1.squeeze_excite.excitation": "blocks.0.1.se.conv_expand",
        "blocks.5.4.projection_norm": "blocks.5.4.bn3",
        "head.norm": "bn2",
    },
    ("mnasnet_a1", "timm"): {
        "blocks.0.0.projection": "blocks.0.0.conv_pw",
        "blocks.4.1.squeeze_excite.reduction": "blocks.4.1.se.conv_reduce",
        "blocks.6.0.projection": "blocks.6.0.conv_pwl",
    },
}


@pytest.mark.parametrize(("model", "library"), NAMES, ids=" of ".join)
@pytest.mark.parametrize("width", [1.0, 0.35])
def test_names(model: str, library: str, width: float) -> None:
    """At small widths neighbouring stages have the same channels: numbers must not depend on them."""
    modules = naming(model, library).modules(architecture(model, width, 32, classes=3))
    assert {ours: modules[ours] for ours in NAMES[model, library]} == NAMES[model, library]
    assert len(set(modules.values())) == len(modules)


def inverted(stages: dict[str, int], parts: str) -> list[str]:
    """Names of so many blocks in each stage, with the same parts."""
    return [
        f"{stage}.{repeat}.{part}"
        for stage, repeats in stages.items()
        for repeat in range(repeats)
        for part in parts.split()
    ]


UNIVERSAL = {"start": "dw_start.conv dw_start.bn ", "exp": "pw_exp.conv pw_exp.bn ", "mid": "dw_mid.conv dw_mid.bn "}

# what stands in a row of networks: all modules with parameters, as the libraries' own code builds them
MODULES = {
    "mnasnet0_5.imagenet1k_v1": [
        *(f"layers.{number}" for number in (0, 1, 3, 4, 6, 7, 14, 15)),
        *inverted(
            {f"layers.{8 + i}": n for i, n in enumerate((3, 3, 3, 2, 4, 1))},
            " ".join(f"layers.{i}" for i in (0, 1, 3, 4, 6, 7)),
        ),
        "classifier.1",
    ],
    "lcnet_075.ra2_in1k": [
        *("conv_stem", "bn1", "conv_head", "classifier"),
        *inverted({f"blocks.{i}": n for i, n in enumerate((1, 2, 2, 2, 4, 2))}, "conv_dw bn1 conv_pw bn2"),
        *inverted({"blocks.5": 2}, "se.conv_reduce se.conv_expand"),
    ],
    "resnet18.imagenet1k_v1": [
        *("conv1", "bn1", "fc"),
        *inverted({f"layer{i}": 2 for i in range(1, 5)}, "conv1 bn1 conv2 bn2"),
        *inverted({f"layer{i}": 1 for i in range(2, 5)}, "downsample.0 downsample.1"),
    ],
    "vgg16.imagenet1k_v1": [
        *(f"features.{i}" for i in (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)),
        *(f"classifier.{i}" for i in (0, 3, 6)),
    ],
    "mobilenetv4_conv_small.e2400_r224_in1k": [
        *("conv_stem", "bn1", "conv_head", "norm_head", "classifier"),
        *inverted({"blocks.0": 2, "blocks.1": 2, "blocks.4": 1}, "conv bn1"),
        *inverted({"blocks.2": 6, "blocks.3": 6}, "pw_exp.conv pw_exp.bn pw_proj.conv pw_proj.bn"),
        *(f"blocks.{at}.dw_start.{part}" for at in ("2.0", "2.5", "3.0", "3.1") for part in ("conv", "bn")),
        *(f"blocks.2.{at}.dw_mid.{part}" for at in range(5) for part in ("conv", "bn")),
        *(f"blocks.3.{at}.dw_mid.{part}" for at in range(6) for part in ("conv", "bn")),
    ],
}


@pytest.mark.parametrize("name", MODULES)
def test_all_modules(name: str) -> None:
    known = CHECKPOINTS[name]
    modules = known.naming.modules(architecture(known.model, known.width))
    assert sorted(modules.values()) == sorted(MODULES[name])


def test_where_blocks_go_by_rules_of_their_own() -> None:
    modules = naming("mnasnet_b1", "torchvision").modules(architecture("mnasnet_b1"))
    assert modules["blocks.0.0.projection_norm"] == "layers.7"
    assert modules["blocks.5.3.depthwise"] == "layers.12.3.layers.3"
    modules = naming("pp_lcnet", "timm").modules(architecture("pp_lcnet"))
    assert modules["blocks.4.0.depthwise"] == "blocks.3.1.conv_dw"
    assert modules["blocks.4.4.pointwise"] == "blocks.4.3.conv_pw"
    modules = naming("mobilenet_v4_conv_medium", "timm").modules(architecture("mobilenet_v4_conv_medium"))
    assert modules["blocks.0.0.projection"] == "blocks.0.0.conv_pwl"
    assert modules["blocks.7.0.first_depthwise_norm"] == "blocks.2.5.dw_start.bn"


# parameters that the libraries state, in all or in millions
PARAMETERS = {
    **{
        f"efficientnet_b{i}.imagenet1k_v1": count
        for i, count in enumerate((5288548, 7794184, 9109994, 12233232, 19341616, 30389784, 43040704, 66347960))
    },
    "mnasnet0_5.imagenet1k_v1": 2218512,
    "mnasnet0_75.imagenet1k_v1": 3170208,
    "mnasnet1_0.imagenet1k_v1": 4383312,
    "mnasnet1_3.imagenet1k_v1": 6282256,
    "resnet18.imagenet1k_v1": 11689512,
    "vgg16.imagenet1k_v1": 138357544,
    "mobilenetv2_050.lamb_in1k": 1.97,
    "mobilenetv2_140.ra_in1k": 6.11,
    "semnasnet_075.rmsp_in1k": 2.91,
    "tf_mobilenetv3_large_075.in1k": 3.99,
    "tf_mobilenetv3_small_075.in1k": 2.04,
    "tf_mobilenetv3_large_minimal_100.in1k": 3.92,
    "tf_mobilenetv3_small_minimal_100.in1k": 2.04,
    "lcnet_050.ra2_in1k": 1.88,
    "lcnet_075.ra2_in1k": 2.36,
    "lcnet_100.ra2_in1k": 2.95,
    "mobilenetv4_conv_medium.e500_r256_in1k": 9.72,
    "mobilenetv4_conv_large.e600_r384_in1k": 32.59,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_those_of_the_library(name: str) -> None:
    known, stated = CHECKPOINTS[name], PARAMETERS[name]
    count = sum(layer.trained for layer in architecture(known.model, known.width).layers())
    assert stated == (count if isinstance(stated, int) else round(count / 1e6, 2))


@pytest.mark.parametrize("name", {(one.model, one.naming): name for name, one in CHECKPOINTS.items()}.values())
def test_there_and_back(name: str) -> None:
    known = CHECKPOINTS[name]
    network = replace(architecture(known.model, 0.1, 32, classes=3), padding=known.naming.padding)
    network = replace(network, epsilon=known.naming.epsilon or network.epsilon)
    weights = weights_of(network)
    theirs = to_library(weights, network, known.naming.library)
    assert len(theirs) == len(weights)
    back, new = from_library(theirs, network, known.naming, name)
    assert not new
    assert back.keys() == weights.keys()
    assert all(np.array_equal(back[key], weights[key]) for key in weights)


def test_layers_on_the_whole_map_are_matrices_in_torchvision() -> None:
    network = architecture("vgg16", 0.05, 224, classes=3)
    weights = weights_of(network)
    theirs = to_library(weights, network, "torchvision")
    first = weights["blocks.10.0.dense.weight"]
    assert first.shape[2:] == (7, 7)
    assert theirs["classifier.0.weight"].shape == (len(first), first[0].size)
    np.testing.assert_array_equal(theirs["classifier.0.weight"][1], first[1].ravel())


def test_a_depth_that_the_library_has_no_names_for() -> None:
    deep = architecture("pp_lcnet", depth=2)
    with pytest.raises(UserError, match="timm has no names for pp_lcnet at depth 2"):
        naming("pp_lcnet", "timm").modules(deep)


def test_every_entry_can_be_found_and_trained_like() -> None:
    assert {one.model for one in CHECKPOINTS.values()} == set(MODELS) - {"ds_cnn"}, "a model without weights"
    for one in CHECKPOINTS.values():
        assert one.source.startswith(("hf:", "https://")) or one.sha256
        assert one.naming.padding in ("symmetric", "same")
        assert one.top1 is None or 50 < one.top1 < 90
        assert one.sha256 in one.source or not one.source.endswith(".pth")


def table() -> list[str]:
    """Rows of a document: a model and a library each, with resolution and accuracy of each of their weights."""
    rows: dict[tuple[str, str], list[str]] = {}
    for name, one in sorted(CHECKPOINTS.items()):
        width = "" if one.width == 1 else f", width {one.width:g}"
        top1 = "" if one.top1 is None else f", {one.top1:.2f} %"
        rows.setdefault((one.model, one.naming.library), []).append(f"`{name}` ({one.resolution} px{width}{top1})")
    return [f"| {model} | {library} | {', '.join(names)} |" for (model, library), names in sorted(rows.items())]


def test_the_document_lists_them() -> None:
    """docs/checkpoints.md has the registry's table; where it has not, the assertion shows what belongs there."""
    text = (Path(__file__).parents[2] / "docs" / "checkpoints.md").read_text(encoding="utf-8")
    models = tuple(f"| {model} |" for model in MODELS)
    assert [line for line in text.splitlines() if line.startswith(models)] == table()
