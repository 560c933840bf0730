"""The torch module of Layers; that it computes what the Graph does is in the contract of every model."""

from dataclasses import replace

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import torch

from depthwise import graph
from depthwise.design import architecture
from depthwise.design.network import build_network
from depthwise.errors import UserError


def test_state_dict_names_are_layer_names() -> None:
    layers = architecture("mobilenet_v2", 0.35, 32, classes=5).layers()
    expected = {f"{layer.name}.{parameter}" for layer in layers for parameter in layer.parameters}
    keys = {key for key in build_network(layers).state_dict() if not key.endswith("num_batches_tracked")}
    assert keys == expected
    assert keys == set(graph.initialize(layers))


@pytest.mark.parametrize("resolution", [33, 64])
def test_same_padding_is_tensorflows(resolution: int) -> None:
    """Against ONNX Runtime's own rule, SAME_UPPER; odd and even sides, windows of 3 and 5."""
    layers = replace(architecture("efficientnet_lite0", 0.35, resolution, classes=7), padding="same").layers()
    weights = graph.initialize(layers, seed=3)
    model = graph.build(layers, weights)
    for node in model.graph:
        if node.op_type == "Conv":
            del node.attributes["pads"]
            node.attributes["auto_pad"] = ir.AttrString("auto_pad", "SAME_UPPER")
    images = np.random.default_rng(0).standard_normal((2, 3, resolution, resolution)).astype(np.float32)
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString())
    (expected,) = session.run(None, {"input": images})
    network = build_network(layers).eval()
    network.load_state_dict({key: torch.from_numpy(value) for key, value in weights.items()}, strict=False)
    with torch.inference_mode():
        actual = network(torch.from_numpy(images)).numpy()
    assert np.abs(actual - expected).max() <= 1e-4 * np.abs(expected).max()
    symmetric = graph.build(architecture("efficientnet_lite0", 0.35, resolution, classes=7).layers(), weights)
    (other,) = onnxruntime.InferenceSession(ir.to_proto(symmetric).SerializeToString()).run(None, {"input": images})
    assert (np.abs(other - expected).max() > 1e-2 * np.abs(expected).max()) == (resolution % 2 == 0)


def test_unknown_padding() -> None:
    with pytest.raises(UserError, match=r"unknown padding 'sane'\. Did you mean 'same'"):
        replace(architecture("mobilenet_v1"), padding="sane").layers()
