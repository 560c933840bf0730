"""Networks of 8 bits for tests: ranges by min and max over random images, the nearest weights."""

from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from depthwise import graph
from depthwise.graph.quantizing import WeightScales, quantize_graph, separate_functions
from depthwise.ops import REGISTRY
from depthwise.ops._quantized import Quantization
from depthwise.ops.base import activations_of, array_of, parameters_of, shape_of


def quantized(model: ir.Model, seed: int = 0, keep: Callable[[ir.Node], bool] = lambda _: True) -> ir.Model:
    """The 8-bit network, in normal form with float input, of any Graph; layers that are not `keep` stay in float."""
    normal = separate_functions(graph.normalize(model, "float"))
    random = np.random.default_rng(seed)
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    for _ in range(3):
        values = {value: images(shape_of(value), random) for value in normal.graph.inputs}
        for node in normal.graph:
            inputs = (values[value] for value in activations_of(node))
            values[node.outputs[0]] = REGISTRY[node.op_type].compute(node, *inputs)
        for value, array in values.items():
            low[value.name] = min(low.get(value.name, 0.0), float(array.min()))
            high[value.name] = max(high.get(value.name, 0.0), float(array.max()))
    encodings = {name: encoding(low[name], high[name]) for name in low}
    weights = {
        str(node.name): WeightScales(np.abs(array_of(node.inputs[1])).reshape(-1, part(node)).max(1) / 127 + 1e-9)
        for node in normal.graph
        if parameters_of(node) and keep(node)
    }
    return quantize_graph(normal, encodings, weights)


def images(shape: tuple[int, ...], random: np.random.Generator) -> np.ndarray:
    """A random input of a network."""
    return random.standard_normal(shape).astype(np.float32)


def encoding(low: float, high: float) -> Quantization:
    """Scale and zero point of a range that holds 0."""
    scale = max(high - low, 1e-6) / 255
    return Quantization(float(np.float32(scale)), int(np.clip(round(-low / scale), 0, 255)))


def part(node: ir.Node) -> int:
    """Weights of one output."""
    return int(np.prod(shape_of(node.inputs[1])[1:]))
