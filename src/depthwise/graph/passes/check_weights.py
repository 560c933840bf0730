"""Weights are float32 numbers: a NaN in them would only show as nonsense on the device."""

import numpy as np
import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.graph.passes.base import is_blank

_OTHER_FLOATS = {ir.DataType.FLOAT16, ir.DataType.DOUBLE, ir.DataType.BFLOAT16}


def check_weights(model: ir.Model) -> bool:
    """Changes nothing.

    Raises:
        UserError: a weight that is NaN or infinite, or floating point other than float32.
    """
    for name, value in model.graph.initializers.items():
        tensor = value.const_value
        if tensor is None:
            raise UserError(f"weight '{name}' has no data")
        if tensor.dtype in _OTHER_FLOATS:
            raise UserError(f"weight '{name}' {list(tensor.shape)} is {tensor.dtype}: export the network in float32")
        if tensor.dtype != ir.DataType.FLOAT:
            continue
        array = tensor.numpy()
        probe = array.flat[:1] if is_blank(array) else array
        # An infinite scalar is the open end of a Clip.
        bad = np.isnan(probe) if array.size == 1 else ~np.isfinite(probe)
        if bad.any():
            raise UserError(
                f"weight '{name}' {list(array.shape)} has {int(bad.sum())} values that are NaN or infinite: "
                "the training diverged or the file is damaged"
            )
    return False
