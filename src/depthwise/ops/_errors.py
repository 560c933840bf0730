"""How far a float32 kernel may be off its reference: (K + 4) 2^-24 sum |a w| for a sum of K products a w.

An activation function passes an error on with its steepest slope, at most 1.5, and adds one of its own unless it clips.
"""

import math
from collections.abc import Callable

import numpy as np
import onnx_ir as ir

from depthwise.ops._activation import activation_of
from depthwise.ops.base import DOMAIN, ErrorRule, Operator, array_of, parameters_of, shape_of

ROUNDING = 2.0**-24
"""Largest relative error of a float32 operation."""


def error_bound(operator: Operator, node: ir.Node, expected: np.ndarray, *activations: np.ndarray) -> np.ndarray:
    """The largest allowed |error| of each output element of a node.

    Args:
        operator: of the node. node: in normal form.
        expected: its reference's output. activations: its inputs, as for the reference.
    """
    inputs = (np.abs(array.astype(np.float32)) for array in activations)
    magnitude = operator.reference(_with_magnitudes(node), *inputs)
    return (operator.error or sum_error(_filter_size))(node, expected, magnitude)


def sum_error(terms: Callable[[ir.Node], int]) -> ErrorRule:
    """The rule for outputs that are sums of `terms(node)` products, then an activation function."""

    def rule(node: ir.Node, expected: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
        steep = activation_of(node) not in ("none", "clip")
        own = 1e-6 * np.abs(expected.astype(np.float64)) + 1e-7 if steep else 0.0
        return np.asarray((terms(node) + 4) * ROUNDING * magnitude.astype(np.float64) * (1.5 if steep else 1) + own)

    return rule


def no_error(_: ir.Node, expected: np.ndarray, __: np.ndarray) -> np.ndarray:
    """The rule for outputs that are chosen, not computed."""
    return np.zeros(expected.shape)


def _filter_size(node: ir.Node) -> int:
    """Products of an output: weights of its filter; one where there is no filter."""
    parameters = parameters_of(node)
    return math.prod(shape_of(parameters[0])[1:]) if parameters else 1


def _with_magnitudes(node: ir.Node) -> ir.Node:
    """The node with the absolute value of every parameter and without activation function: it computes sum |a w|."""
    values = []
    for value in node.inputs:
        array = None if value is None or value.const_value is None else np.abs(array_of(value))
        values.append(
            ir.Value(
                shape=None if value is None else value.shape,
                type=ir.TensorType(ir.DataType.FLOAT),
                const_value=None if array is None else ir.tensor(array),
            )
        )
    attributes = {
        name: [abs(number) for number in attribute.as_floats()]
        if attribute.type == ir.AttributeType.FLOATS
        else attribute.value
        for name, attribute in node.attributes.items()
        if name != "activation"
    }
    return ir.node(node.op_type, values, attributes, domain=DOMAIN, name=node.name)
