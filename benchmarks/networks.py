"""The networks that are measured: any registered model with random weights, by a name."""

from pathlib import Path

import numpy as np
import onnx_ir as ir

from depthwise import design, graph
from depthwise.design import Architecture
from depthwise.errors import UserError
from depthwise.graph.quantizing import WeightScales, quantize_graph, separate_functions
from depthwise.ops import REGISTRY
from depthwise.ops.base import activations_of, array_of, parameters_of, shape_of
from depthwise.profiling.network import SEED, Network, with_random_weights
from depthwise.quantization.ranges import encode

NETWORKS = (
    "mobilenet_v1_1.0_224",
    "mobilenet_v2_1.0_224",
    "mobilenet_v3_large_1.0_224",
    "efficientnet_lite0_1.0_224",
    "mobilenet_v1_0.25_128",
    "mobilenet_v2_0.35_96",
)
"""What is measured if nothing is said: families at the papers' full size, and the smallest of two grids."""

QUICK_NETWORKS = ("mobilenet_v1_0.25_128", "mobilenet_v2_0.35_96")
"""What `--quick` measures."""


def architecture_of(name: str) -> Architecture:
    """What a name stands for: MODEL_WIDTH_RESOLUTION, e.g. "mobilenet_v2_0.35_96"; a bare MODEL is the paper's size.

    Raises:
        UserError: an unknown model, or a size that is out of range.
    """
    model, width, resolution = _parsed(name)
    return design.architecture(model, width=width, resolution=resolution)


def write(name: str, folder: Path, precision: str = "float32") -> Network:
    """The network of a name, with random weights (time does not depend on their values), in a folder.

    Args:
        name: see `architecture_of`. folder: is made. precision: "float32", or "int8" as `quantized` makes it.

    Raises:
        UserError: as `architecture_of`.
    """
    network = with_random_weights(architecture_of(name).layers())
    return Network.write(name, network if precision == "float32" else quantized(network), folder)


def quantized(network: ir.Model) -> ir.Model:
    """A network of 8 bits: activations by the least and the largest value on one random image, weights by channel."""
    normal = separate_functions(graph.normalize(network))
    image = np.random.default_rng(SEED + 1).standard_normal(shape_of(normal.graph.inputs[0])).astype(np.float32)
    values = {normal.graph.inputs[0]: image}
    for node in normal.graph:
        operands = (values[value] for value in activations_of(node))
        values[node.outputs[0]] = REGISTRY[node.op_type].compute(node, *operands)
    weights = {
        str(node.name): WeightScales(
            np.abs(array_of(node.inputs[1]).reshape(len(array_of(node.inputs[1])), -1)).max(1) / 127
        )
        for node in normal.graph
        if parameters_of(node)
    }
    return quantize_graph(
        normal, {str(value.name): encode(array.min(), array.max()) for value, array in values.items()}, weights
    )


def _parsed(name: str) -> tuple[str, float, int | None]:
    """Model, width and resolution of a network's name."""
    if name in design.MODELS:
        return name, 1.0, None
    *model, width, resolution = name.rsplit("_", 2)
    try:
        found = float(width), int(resolution)
    except ValueError:
        raise UserError(f"'{name}' is no network: write MODEL_WIDTH_RESOLUTION, e.g. {NETWORKS[0]}") from None
    return "_".join(model), *found
