"""Activation functions that an operator of the normal form may carry in its epilogue.

Attribute `activation`: "none", "clip" (with floats `minimum`, `maximum`; ReLU is 0..inf, ReLU6 is 0..6), "hard_swish"
x * hard_sigmoid(x), "hard_sigmoid" clip(x / 6 + 1/2, 0, 1), "silu" x * sigmoid(x), "sigmoid" 1 / (1 + exp(-x)).
"""

from collections.abc import Callable, Mapping

import numpy as np
import onnx_ir as ir


def _hard_sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.clip(x / 6 + 0.5, 0, 1))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(x))  # never overflows
    return np.asarray(np.where(x >= 0, 1, small) / (1 + small))


_FUNCTIONS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {
    "none": lambda x: x,
    "hard_sigmoid": _hard_sigmoid,
    "hard_swish": lambda x: x * _hard_sigmoid(x),
    "sigmoid": _sigmoid,
    "silu": lambda x: x * _sigmoid(x),
}

NAMES = ("clip", *_FUNCTIONS)
"""The values that the attribute `activation` may have."""


def activation_of(node: ir.Node) -> str:
    """The name of a node's activation function.

    Raises:
        ValueError: a name that is not in NAMES.
    """
    name = node.attributes.get_string("activation", "none")
    if name not in NAMES:
        raise ValueError(f"{node.name}: unknown activation '{name}'. Known: {', '.join(NAMES)}")
    return name


def bounds_of(node: ir.Node) -> tuple[float, float]:
    """Lower and upper bound of the activation "clip"; an absent bound is infinite."""
    return node.attributes.get_float("minimum", -np.inf), node.attributes.get_float("maximum", np.inf)


def activate(node: ir.Node, x: np.ndarray) -> np.ndarray:
    """Applies the node's activation function to float64 values and rounds to float32."""
    name = activation_of(node)
    y = np.clip(x, *bounds_of(node)) if name == "clip" else _FUNCTIONS[name](x)
    return np.asarray(y, np.float32)
