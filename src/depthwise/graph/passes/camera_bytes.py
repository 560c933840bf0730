"""The network takes camera pixels 0..255: x (float32) -> Normalize(x (uint8)) = x / (255 std) - mean / std."""

import numpy as np
import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.graph.metadata import image_input, preprocessing_of
from depthwise.graph.passes.base import static_shape
from depthwise.ops.base import DOMAIN


def camera_bytes(model: ir.Model) -> bool:
    """Makes the (first) image input uint8 and puts a Normalize node, made from the metadata's Preprocessing, first.

    Raises:
        UserError: the metadata has no Preprocessing, or one of other channels; the input is no image.
    """
    value = image_input(model)
    shape = static_shape(value) or ()
    preprocessing = preprocessing_of(model)
    if len(shape) != 4:
        raise UserError(f"input '{value.name}' {list(shape)} is no image: compile with --input float")
    if preprocessing is None:
        raise UserError(
            "the model does not say how pixels become its input: give --mean and --std, or compile with --input float"
        )
    if len(preprocessing.mean) != shape[1] or len(preprocessing.std) != shape[1]:
        raise UserError(
            f"the preprocessing has {len(preprocessing.mean)} means and {len(preprocessing.std)} standard deviations, "
            f"input '{value.name}' {list(shape)} has {shape[1]} channels"
        )
    mean, std = np.asarray(preprocessing.mean, np.float64), np.asarray(preprocessing.std, np.float64)
    if not (std > 0).all():
        raise UserError(f"standard deviations must be above 0, not {', '.join(map(str, preprocessing.std))}")
    scale, shift = 1 / (255 * std), -mean / std
    output = ir.Value(shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.FLOAT))
    node = ir.node(
        "Normalize",
        [value],
        {"scale": scale.tolist(), "shift": shift.tolist()},
        domain=DOMAIN,
        outputs=[output],
        name="normalize",
    )
    readers = [(use.node, use.idx) for use in value.uses()]
    model.graph.insert_before(model.graph[0], node)
    for reader, index in readers:
        if reader is not node:
            reader.replace_input_with(index, output)
    value.type = ir.TensorType(ir.DataType.UINT8)
    return True
