"""An activation function by itself, where no operator before it could take it into its epilogue."""

import numpy as np
import onnx_ir as ir

from depthwise.ops._activation import activate
from depthwise.ops._parameters import elementwise_fields
from depthwise.ops._vectors import with_vectors
from depthwise.ops.base import Kernel, Operator, Shape, row_by_row, shape_of


def _shape(node: ir.Node) -> Shape:
    return shape_of(node.inputs[0])


def _reference(node: ir.Node, x: np.ndarray) -> np.ndarray:
    return activate(node, x.astype(np.float64))


_KERNEL = Kernel(
    name="activation_f32",
    struct="elementwise_parameters",
    parameters=elementwise_fields,
    includes=("parameters.h", "activation.h"),
)

OPERATORS = {
    "Activation": Operator(
        shape=_shape,
        reference=_reference,
        kernels=(*with_vectors(_KERNEL), _KERNEL),
        rows=row_by_row,
        pixelwise=True,
        in_place=True,
    )
}
