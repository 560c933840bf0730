"""Fully connected layer: x [1, I], weight [O, I], bias [O] -> [1, O]."""

import math

import numpy as np
import onnx_ir as ir

from depthwise.ops._activation import activate
from depthwise.ops._kernels import CONVOLUTION_U8_F32, POINTWISE_F32, POINTWISE_F32_SIMD, POINTWISE_I8
from depthwise.ops._products_i8 import POINTWISE_I8_SIMD
from depthwise.ops._quantized import centred, output_scales, requantize
from depthwise.ops.base import Operator, Shape, array_of, shape_of


def _shape(node: ir.Node) -> Shape:
    features, (outputs, depth) = math.prod(shape_of(node.inputs[0])), shape_of(node.inputs[1])
    if features != depth:
        raise ValueError(f"{node.name}: weight {(outputs, depth)} cannot read {features} features")
    return (1, outputs)


def _macs(node: ir.Node) -> int:
    return math.prod(shape_of(node.inputs[1]))


def _reference(node: ir.Node, x: np.ndarray) -> np.ndarray:
    weight, bias = array_of(node.inputs[1]).astype(np.float64), array_of(node.inputs[2]).astype(np.float64)
    return activate(node, weight @ x.reshape(-1).astype(np.float64) + bias)[None]


def _integer(node: ir.Node, x: np.ndarray) -> np.ndarray:
    weight, bias = array_of(node.inputs[1]).astype(np.float64), array_of(node.inputs[2]).astype(np.int64)
    sums = (weight @ centred(node, 0, x).reshape(-1)).astype(np.int64) + bias
    return requantize(node, sums, output_scales(node))[None]


OPERATORS = {
    "FullyConnected": Operator(
        shape=_shape,
        reference=_reference,
        integer=_integer,
        macs=_macs,
        kernels=(*POINTWISE_I8_SIMD, POINTWISE_I8, CONVOLUTION_U8_F32, *POINTWISE_F32_SIMD, POINTWISE_F32),
    )
}
