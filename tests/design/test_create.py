"""Names, features and classifiers, as users of other model libraries expect them."""

import pytest

import depthwise
from depthwise.design import MODELS, architecture
from depthwise.design.naming import resolve
from depthwise.errors import UserError

torch = pytest.importorskip("torch")


@pytest.mark.parametrize(
    ("name", "model", "width"),
    [
        ("mobilenetv2_050", "mobilenet_v2", 0.5),
        ("mobilenetv2_100.ra_in1k", "mobilenet_v2", 1.0),
        ("mobilenet_v2", "mobilenet_v2", 1.0),
        ("MobileNet-V2", "mobilenet_v2", 1.0),
        ("mobilenetv1_125", "mobilenet_v1", 1.25),
        ("mobilenetv3_large_075", "mobilenet_v3_large", 0.75),
        ("tf_efficientnet_lite0", "efficientnet_lite0", 1.0),
        ("mobilenet_v2_0_35", "mobilenet_v2_0_35", 1.0),
    ],
)
def test_names_that_people_know(name: str, model: str, width: float) -> None:
    assert resolve(name, MODELS) == (model, width)


def test_the_width_of_a_name_is_the_networks() -> None:
    assert (
        architecture("mobilenetv2_050", classes=10).layers() == architecture("mobilenet_v2", 0.5, classes=10).layers()
    )
    assert architecture("mobilenetv2_050", 0.7).width == pytest.approx(0.35)
    with pytest.raises(UserError, match="Did you mean 'mobilenet_v2'"):
        architecture("mobilnet_v2")


def test_no_known_name_means_two_models() -> None:
    letters = [alias for model in MODELS.values() for alias in (model.name, *model.aliases)]
    assert len({name.replace("_", "") for name in letters}) == len(letters)


def test_models_are_listed_by_pattern() -> None:
    assert depthwise.list_models("mobilenet_v?") == ["mobilenet_v1", "mobilenet_v2"]
    assert depthwise.list_models() == sorted(MODELS)
    assert depthwise.list_models("nothing*") == []


def test_the_last_map_and_another_classifier() -> None:
    network = depthwise.create("mobilenet_v2", width=0.35, resolution=64, classes=10).eval()
    images = torch.randn(2, 3, 64, 64)
    assert network.forward_features(images).shape == (2, 1280, 4, 4)
    network.reset_classifier(3)
    assert network(images).shape == (2, 3)
    assert depthwise.cost(network).layers[-1].shape == [3]
    with pytest.raises(UserError, match="classes 0"):
        network.reset_classifier(0)


def test_maps_of_each_size() -> None:
    network = depthwise.create("mobilenet_v2", width=0.35, resolution=96, features_only=True).eval()
    maps = network(torch.randn(1, 3, 96, 96))
    assert [tuple(found.shape[1:]) for found in maps] == [
        (8, 48, 48),
        (8, 24, 24),
        (16, 12, 12),
        (32, 6, 6),
        (112, 3, 3),
    ]
    assert [feature.reduction for feature in network.features] == [2, 4, 8, 16, 32]
    assert [feature.channels for feature in network.features] == [found.shape[1] for found in maps]
    whole = depthwise.create("mobilenet_v2", width=0.35, resolution=96)
    whole.load_state_dict(network.state_dict(), strict=False)
    last = network.features[-1].layer
    assert torch.equal(
        whole.eval().values(torch.ones(1, 3, 96, 96), {last})[last], network(torch.ones(1, 3, 96, 96))[-1]
    )
