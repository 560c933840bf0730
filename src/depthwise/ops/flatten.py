"""Flatten: x [1, C, 1, 1] -> [1, C]; a view, as memory stays as it is.

A larger map is not flattened by itself, since NHWC memory has another order than ONNX's NCHW: a pass turns Flatten and
the fully connected layer after it into a convolution as large as the map.
"""

import numpy as np
import onnx_ir as ir

from depthwise.ops.base import Operator, Shape, shape_of


def _shape(node: ir.Node) -> Shape:
    shape = shape_of(node.inputs[0])
    if any(side != 1 for side in shape[2:]):
        raise ValueError(f"{node.name}: flattens {shape}; only maps of 1 x 1 are flattened by themselves")
    return shape[:2]


def _reference(node: ir.Node, x: np.ndarray) -> np.ndarray:
    return x.reshape(_shape(node))


OPERATORS = {"Flatten": Operator(shape=_shape, reference=_reference, integer=_reference, view=True)}
