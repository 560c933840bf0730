"""States of networks with random weights, encoded without a compiler: ranges are what the float module sees."""

import numpy as np
import onnx_ir as ir
import torch

from depthwise.graph import evaluate, normalize
from depthwise.graph.quantizing import MOVERS, separate_functions
from depthwise.quantization.ranges import encode
from depthwise.quantization.state import Rule, State, has_weights, layer_parameters
from depthwise.quantization.weights import quantize_weights
from depthwise.training.normal_module import NormalModule, run


def state_of(model: ir.Model, inputs: np.ndarray, per_tensor: bool = False) -> State:
    """A Graph's State with the ranges of inputs, float32 [N, C, H, W]."""
    network = separate_functions(normalize(model, "float"))
    module = NormalModule(network)
    encodings = {str(network.graph.inputs[0].name): encode(float(inputs.min()), float(inputs.max()))}
    weights = {}

    def compute(node: ir.Node, place: int, values: list[torch.Tensor]) -> torch.Tensor:
        y, read = module.compute(node, place, values), encodings[str(node.inputs[0].name)]
        moved = node.op_type in MOVERS
        encodings[str(node.outputs[0].name)] = read if moved else encode(float(y.min()), float(y.max()))
        if has_weights(node):
            weights[str(node.name)] = quantize_weights(*layer_parameters(node), read.scale, per_tensor=per_tensor)
        return y

    with torch.no_grad():
        run(network, torch.from_numpy(inputs), compute)
    return State(network, {}, Rule(per_tensor=per_tensor), encodings, weights)


def outputs_of(network: ir.Model, inputs: np.ndarray) -> np.ndarray:
    """A Graph's output of each image by the NumPy references."""
    return np.concatenate([evaluate(network, inputs[i : i + 1])[0] for i in range(len(inputs))])
