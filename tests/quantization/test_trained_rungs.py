"""The rungs that need torch, on a network that uneven channels and one scale for all weights of a layer have broken."""

import numpy as np
import onnx_ir as ir
import pytest

from depthwise.data import ImageData
from depthwise.engine import Engine
from depthwise.graph import normalize
from depthwise.graph.quantizing import separate_functions
from depthwise.quantization.pairs import REACHED, divide, pairs_of
from depthwise.quantization.state import Rule, State, encoded, in_bytes
from depthwise.quantization.statistics import collect, inputs_of
from depthwise.training.byte_module import ByteModule
from depthwise.training.evaluate import predict
from depthwise.training.learning import Learning
from depthwise.training.normal_module import NormalModule
from depthwise.training.rounding import Rounding


@pytest.fixture(scope="module")
def broken(trained: ir.Model, images: ImageData) -> State:
    """The trained network with ranges of channels up to four times apart, where no clip is reached."""
    network, random = separate_functions(normalize(trained, "float")), np.random.default_rng(0)
    chosen = np.asarray(images.train.pixels[:64])
    seen = collect(network, chosen)
    for pair in pairs_of(network):
        highs = seen[pair.value].highs
        factors = 4 ** random.uniform(0, 1, len(highs))
        factors[highs >= pair.maximum * REACHED] = 1
        divide(network, pair, factors)
    return encoded(State(network, collect(network, chosen), Rule("minmax", per_tensor=True)), "")


@pytest.fixture(scope="module")
def rounded(broken: State, images: ImageData) -> State:
    return Rounding(np.asarray(images.train.pixels[:64]), images.preprocessing, steps=60)(broken)


@pytest.fixture(scope="module")
def learned(rounded: State, trained: ir.Model, images: ImageData) -> State:
    teacher = normalize(trained, "float")
    return Learning(teacher, images.train.pixels, images.preprocessing, epochs=1)(rounded)


def right(outputs: np.ndarray, images: ImageData) -> float:
    return 100 * float((outputs.argmax(1) == images.validation.labels).mean())


def simulated(state: State, images: ImageData) -> float:
    """Accuracy by torch, in percent."""
    return right(predict(ByteModule(state), images.validation.pixels, images.preprocessing), images)


def test_learned_rounding_mends_a_part(broken: State, rounded: State, images: ImageData) -> None:
    assert simulated(rounded, images) > simulated(broken, images) + 3


def test_training_in_8_bits_comes_back_to_the_float_network(broken: State, learned: State, images: ImageData) -> None:
    exact = right(predict(NormalModule(broken.network), images.validation.pixels, images.preprocessing), images)
    assert simulated(broken, images) < exact - 10
    assert simulated(learned, images) > exact - 1.5


def test_what_was_trained_is_what_is_compiled(learned: State, images: ImageData) -> None:
    engine = Engine.build(in_bytes(learned), "float")
    compiled = right(engine(inputs_of(engine, np.asarray(images.validation.pixels))), images)
    assert abs(compiled - simulated(learned, images)) <= 0.2
