"""A trained network and its images, once for all tests of quantization."""

import onnx_ir as ir
import pytest

from depthwise import data
from depthwise.data import ImageData
from small_network import train


@pytest.fixture(scope="session")
def images(cache) -> ImageData:
    return data.load("fashion-mnist-subset", size=28, channels=1)


@pytest.fixture(scope="session")
def trained(images: ImageData) -> ir.Model:
    return train(images)
