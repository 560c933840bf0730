"""Every registered model keeps one contract: thin, shallow and on small images, so that the largest are quick, too."""

from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import torch

from depthwise import compiler, graph
from depthwise.analysis import check, cost
from depthwise.design import MODELS, Architecture, architecture
from depthwise.design.network import build_network
from depthwise.device import Device, load_device
from depthwise.engine import Engine
from depthwise.graph import Graph
from networks import FIRST_MEMBERS

CLASSES = 7

every_model = pytest.mark.parametrize("name", list(MODELS))


def small(name: str, resolution: int = 32, width: float = 0.1, depth: float = 0.3) -> Architecture:
    return architecture(name, width, resolution, CLASSES, depth=depth)


def with_weights(model: Architecture) -> Graph:
    layers = model.layers()
    form, names = model.preprocessing(std=(0.25,) * model.channels), [f"class {i}" for i in range(CLASSES)]
    return graph.build(layers, graph.initialize(layers), preprocessing=form, classes=names)


def shape_of(model: Architecture) -> tuple[int, int, int]:
    """Channels, height and width of its input."""
    return (model.channels, *model.sides)


@every_model
def test_torch_and_graph_agree(name: str) -> None:
    """Forward, with the weights moved by name, from an odd number of pixels."""
    model = small(name, 33)
    layers = model.layers()
    weights = graph.initialize(layers, seed=3)
    network = build_network(layers).eval()
    keys = network.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()}, strict=False)
    assert not keys.unexpected_keys
    assert all(key.endswith("num_batches_tracked") for key in keys.missing_keys)

    images = np.random.default_rng(0).standard_normal((2, *shape_of(model))).astype(np.float32)
    with torch.inference_mode():
        expected = network(torch.from_numpy(images)).numpy()
    file = ir.to_proto(graph.build(layers, weights)).SerializeToString()
    (actual,) = onnxruntime.InferenceSession(file).run(None, {"input": images})
    assert actual.shape == (2, CLASSES)
    assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()
    assert np.abs(expected).max() > 1e-3, "a network of zeros would agree with everything"


@every_model
def test_every_parameter_learns(name: str) -> None:
    model = small(name)
    network = build_network(model.layers())
    network(torch.randn(4, *shape_of(model))).square().sum().backward()
    for key, parameter in network.named_parameters():
        assert parameter.grad is not None, key
        assert torch.isfinite(parameter.grad).all(), key


@every_model
def test_features_and_another_classifier(name: str) -> None:
    model = small(name)
    network = build_network(model.layers()).eval()
    pool = next(layer for layer in network.layers if layer.name == "head.pool")
    source = next(layer for layer in network.layers if layer.name == pool.inputs[0])
    with torch.inference_mode():
        images = torch.randn(2, *shape_of(model))
        assert network.forward_features(images).shape == (2, *source.shape)
        network.reset_classifier(11)
        assert network(images).shape == (2, 11)
    assert cost(graph.build(network.layers)).layers[-1].shape == [11]


@every_model
def test_every_path_counts_alike(name: str, tmp_path: Path) -> None:
    """Layers, the Graph of shapes, the Graph of an .onnx file, and what `check` says."""
    model = small(name)
    layers = model.layers()
    expected = (sum(layer.macs for layer in layers), sum(layer.trained for layer in layers))
    graph.save(with_weights(model), tmp_path / "model.onnx")
    for counted in (cost(graph.build(layers)), cost(graph.load(tmp_path / "model.onnx"))):
        assert (counted.macs, counted.parameters) == expected
    rows = [(row.op, row.macs) for row in counted.layers if row.macs]
    assert rows == [(layer.operator, layer.macs) for layer in layers if layer.operator]
    figures = {figure.name: figure.value for figure in check(model, load_device("nrf52840")).figures}
    assert (figures["macs"], figures["parameters"]) == expected


@every_model
def test_scales_in_every_direction(name: str) -> None:
    def size(model: Architecture) -> tuple[int, int]:
        layers = model.layers()
        return sum(layer.trained for layer in layers), sum(layer.macs for layer in layers)

    base = MODELS[name]
    parameters, macs = size(base)
    thin, wide = size(architecture(name, 0.5)), size(architecture(name, 1.5))
    assert thin < (parameters, macs) < wide
    assert size(architecture(name, resolution=base.resolution // 2))[1] < macs / 3
    assert size(architecture(name, depth=2.0)) > (parameters, macs)


@every_model
def test_compiles_to_c(name: str, tmp_path: Path) -> None:
    made = compiler.compile_folder(
        with_weights(small(name)), tmp_path / "c", device=load_device("nrf52840"), build=False
    )
    assert made.memory.arena > 0
    assert (tmp_path / "c" / "network.c").is_file()


@pytest.mark.parametrize("name", FIRST_MEMBERS)
def test_the_c_of_one_member_of_each_family_is_right(name: str) -> None:
    model = small(name)
    batch = np.random.default_rng(1).integers(0, 256, (1, *model.sides, model.channels), dtype=np.uint8)
    network = with_weights(model)
    (expected,) = graph.evaluate(graph.normalize(network, input="uint8"), [batch.transpose(0, 3, 1, 2)])
    found = Engine.build(network, device=Device("here", "plain C").with_isa(("c",)))(batch)
    assert np.abs(found - expected).max() <= 2e-5 * np.abs(expected).max()
