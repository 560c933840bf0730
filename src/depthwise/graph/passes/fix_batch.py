"""The batch is 1 and everything else is known: [N, C, H, W] -> [1, C, H, W] at the inputs, nowhere else stated.

A compiled network has fixed shapes. All shapes behind the inputs are forgotten here and inferred by `infer_shapes`.
"""

import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.graph.passes.base import dims

_TYPES = (ir.DataType.FLOAT,)


def fix_batch(model: ir.Model) -> bool:
    """Gives every input batch 1, and takes initializers from the inputs, among which old files list them.

    Raises:
        UserError: no input or no output; an input that is no float32 map or vector; a fixed batch above 1; a dynamic
            size other than the batch.
    """
    graph = model.graph
    for value in [value for value in graph.inputs if value.name in graph.initializers]:
        graph.inputs.remove(value)
    for kind, values in (("input", graph.inputs), ("output", graph.outputs)):
        if not values:
            raise UserError(f"the network has no {kind}: export it again")
    for value in graph.inputs:
        _fix(value)
    for node in graph:
        for output in node.outputs:
            output.shape = None
    for constant in graph.initializers.values():
        if constant.const_value is not None:  # what a file states about it beside its data may be wrong
            constant.shape = ir.Shape(constant.const_value.shape.numpy())
    return True


def _fix(value: ir.Value) -> None:
    """Gives an input batch 1."""
    what = f"input '{value.name}' {dims(value)}"
    if value.dtype not in _TYPES:
        raise UserError(f"{what} is {value.dtype}: export the network with a float32 input")
    if value.shape is None or len(value.shape) not in (2, 4):
        raise UserError(f"{what} is neither an image batch [N, C, H, W] nor a batch of vectors [N, C]")
    batch, *sizes = value.shape.dims
    if not all(isinstance(size, int) and size > 0 for size in sizes):
        raise UserError(
            f"{what} has dynamic sizes: only the batch may be dynamic, export with fixed channels, height and width"
        )
    if isinstance(batch, int) and batch != 1:
        raise UserError(f"{what} has the fixed batch {batch}: export it with batch 1 or a dynamic batch")
    value.shape = ir.Shape([1, *sizes])
