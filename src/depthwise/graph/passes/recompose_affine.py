"""Elementwise arithmetic with a constant per channel is a BatchNorm, and is folded as one.

x + c, x - c -> scale 1, shift +-c;   c - x -> scale -1, shift c;   x * c, x / c -> scale c, 1 / c, shift 0
"""

import numpy as np
import onnx_ir as ir

from depthwise.graph.passes.base import constant, new_node, nodes_of, parameter, refuse, replace, shape_at


def recompose_affine(model: ir.Model) -> bool:
    """Replaces Add, Sub, Mul and Div with one constant input by BatchNormalization; two activations stay.

    Raises:
        UserError: a constant that varies within a channel; constant / x; a difference or quotient of two activations.
    """
    changed = False
    for node in nodes_of(model, "Add", "Sub", "Mul", "Div"):
        constants = [index for index in (0, 1) if constant(node, index) is not None]
        if not constants:
            if node.op_type in ("Sub", "Div"):
                raise refuse(node, "has no counterpart: only sums and products of two activations are supported")
            continue
        side = constants[0]
        shape = shape_at(node, 1 - side)
        scale, shift = _affine(node, side, _per_channel(node, side, shape))
        ones, zeros = np.ones(shape[1], np.float32), np.zeros(shape[1], np.float32)
        arrays = {"weight": scale, "bias": shift, "running_mean": zeros, "running_var": ones}
        inputs = [
            node.inputs[1 - side],
            *(parameter(model, f"{node.name}.{key}", array) for key, array in arrays.items()),
        ]
        norm = new_node(node, "BatchNormalization", inputs, shape, {"epsilon": 0.0})
        replace(node.outputs[0], norm.outputs[0])
        changed = True
    return changed


def _per_channel(node: ir.Node, side: int, shape: tuple[int, ...]) -> np.ndarray:
    array = constant(node, side)
    assert array is not None
    array = array.reshape((1,) * (len(shape) - array.ndim) + array.shape)
    if array.ndim != len(shape) or array.size not in (1, shape[1]) or array.shape[1] != array.size:
        raise refuse(node, "has a constant that is neither a scalar nor one number per channel")
    return np.broadcast_to(array.reshape(-1), (shape[1],))


def _affine(node: ir.Node, side: int, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    ones, zeros = np.ones_like(c), np.zeros_like(c)
    match node.op_type, side:
        case "Add", _:
            return ones, c
        case "Sub", 1:
            return ones, -c
        case "Sub", _:
            return -ones, c
        case "Mul", _:
            return c, zeros
        case _, 1:
            return np.asarray(1 / c, np.float32), zeros
    raise refuse(node, "divides a constant by an activation, which is not supported")
