"""Blocks by themselves, on images and signals, are what torch's own modules compute, and compile."""

import numpy as np
import pytest

import depthwise
from depthwise.design.blocks.depthwise_convolution import Depthwise
from depthwise.design.blocks.depthwise_separable import DepthwiseSeparable
from depthwise.design.blocks.inverted_residual import InvertedResidual
from depthwise.design.blocks.pointwise_convolution import Pointwise
from depthwise.design.blocks.squeeze_excite import SqueezeExcite
from depthwise.design.blocks.universal_inverted_bottleneck import UniversalInvertedBottleneck
from depthwise.errors import UserError

torch = pytest.importorskip("torch")

BLOCKS = {
    "depthwise": (Depthwise(5, stride=2, multiplier=2), 16),
    "dilated": (Depthwise(3, dilation=2, activation="hard_swish"), 8),
    "pointwise": (Pointwise(12), 12),
    "separable": (DepthwiseSeparable(24, stride=2, multiplier=2, dilation=2), 24),
    "inverted": (InvertedResidual(8, expansion=4, dilation=2), 8),
    "universal": (UniversalInvertedBottleneck(16, stride=2, first=3, middle=5), 16),
    "squeeze_excite": (SqueezeExcite(), 8),
}


@pytest.mark.parametrize("padding", ["symmetric", "same"])
@pytest.mark.parametrize("signal", [False, True])
@pytest.mark.parametrize("name", BLOCKS)
def test_shapes_and_gradients(name: str, signal: bool, padding: str) -> None:
    kind, channels = BLOCKS[name]
    module = depthwise.block(kind, 8, 20, signal=signal, padding=padding)
    x = torch.randn(2, 8, 1 if signal else 20, 20, requires_grad=True)
    y = module(x)
    side = 20 // getattr(kind, "stride", 1)
    assert y.shape == (2, channels, 1 if signal else side, side)
    y.sum().backward()
    assert all(parameter.grad is not None for parameter in module.parameters())


@pytest.mark.parametrize("name", ["separable", "universal"])
def test_the_compiled_block_is_the_module(name: str) -> None:
    module = depthwise.block(BLOCKS[name][0], 8, 12).eval()
    for norm in (each for each in module.modules() if isinstance(each, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.running_mean, -0.2, 0.2)
        torch.nn.init.uniform_(norm.running_var, 0.5, 1.5)
    images = np.random.default_rng(0).normal(size=(2, 12, 12, 8)).astype(np.float32)
    with torch.no_grad():
        expected = module(torch.from_numpy(images.transpose(0, 3, 1, 2))).numpy()
    found = depthwise.compile(module, input="float")(images).reshape(expected.transpose(0, 2, 3, 1).shape)
    np.testing.assert_allclose(found.transpose(0, 3, 1, 2), expected, rtol=1e-4, atol=1e-5)


def test_a_signal_is_filtered_as_torch_filters_it() -> None:
    module = depthwise.block(Depthwise(5, stride=2, multiplier=2, dilation=3, activation="none"), 4, 33, signal=True)
    weight = module.block.depthwise.weight
    assert weight.shape == (8, 1, 1, 5)
    x = torch.randn(3, 4, 33)
    expected = torch.nn.functional.conv1d(x, weight[:, :, 0], stride=2, padding=6, dilation=3, groups=4)
    found = module.block.depthwise(x[:, :, None])[:, :, 0]
    torch.testing.assert_close(found, expected)


def test_the_multiplications_are_those_of_the_formula() -> None:
    counted = depthwise.cost(depthwise.block(DepthwiseSeparable(24, kernel=5, multiplier=2), 8, 10))
    assert counted.macs == 10 * 10 * (25 * 16 + 16 * 24)


def test_what_cannot_be() -> None:
    with pytest.raises(UserError, match="0 channels of 20 px"):
        depthwise.block(Pointwise(4), 0, 20)
    with pytest.raises(UserError, match="unknown padding 'valid'"):
        depthwise.block(Pointwise(4), 4, 20, padding="valid")
