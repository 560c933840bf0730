"""Normalize: uint8 camera pixels x [1, C, H, W] -> float32 x * scale[C] + shift[C] (attributes `scale`, `shift`)."""

import numpy as np
import onnx_ir as ir

from depthwise.ops._packing import scale_and_shift
from depthwise.ops._parameters import elementwise_fields
from depthwise.ops._vectors import with_vectors
from depthwise.ops.base import Kernel, Operator, Shape, row_by_row, shape_of


def _shape(node: ir.Node) -> Shape:
    shape = shape_of(node.inputs[0])
    for name in ("scale", "shift"):
        if len(node.attributes.get_floats(name, ())) != shape[1]:
            raise ValueError(f"{node.name}: {name} needs one value for each of the {shape[1]} channels")
    return shape


def _reference(node: ir.Node, x: np.ndarray) -> np.ndarray:
    scale, shift = (np.asarray(node.attributes.get_floats(name)).reshape(-1, 1, 1) for name in ("scale", "shift"))
    return np.asarray(x * scale + shift, np.float32)


def _few_channels(node: ir.Node) -> bool:
    return shape_of(node.inputs[0])[1] <= 4


_KERNEL = Kernel(
    name="normalize_u8_f32",
    struct="elementwise_parameters",
    parameters=elementwise_fields,
    constants=scale_and_shift,
    input_type="uint8",
    includes=("parameters.h", "activation.h"),
)

OPERATORS = {
    "Normalize": Operator(
        shape=_shape,
        reference=_reference,
        kernels=(*with_vectors(_KERNEL, fits=_few_channels), _KERNEL),
        rows=row_by_row,
        pixelwise=True,
    )
}
