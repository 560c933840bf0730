"""The network takes 8-bit values, quantized before: Quantize(x), x an input -> an input of bytes."""

import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.graph.passes.base import replace


def quantized_bytes(model: ir.Model) -> bool:
    """Makes uint8 of every float input that is quantized first; its readers say with which scale and zero point.

    Raises:
        UserError: there is no such input.
    """
    changed = False
    for value in model.graph.inputs:
        readers = [use.node for use in value.uses()]
        if len(readers) != 1 or readers[0].op_type != "Quantize":
            continue
        replace(readers[0].outputs[0], value)
        value.type = ir.TensorType(ir.DataType.UINT8)
        changed = True
    if not changed:
        raise UserError("the network does not quantize its input, so it takes no 8-bit values: use another --input")
    return True
