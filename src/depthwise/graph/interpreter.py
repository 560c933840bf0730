"""The meaning of a Graph in normal form: its operators' NumPy references, one after the other."""

from collections.abc import Sequence

import numpy as np
import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.ops import REGISTRY
from depthwise.ops.base import activations_of, shape_of


def evaluate(normal_graph: ir.Model, inputs: np.ndarray | Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs of a Graph in normal form; each operator accumulates in float64 and rounds to float32.

    Args:
        normal_graph: from `normalize`.
        inputs: one array per input of the graph (or the array itself if there is one), [1, C, H, W] in its type.

    Raises:
        UserError: an input of another shape or element type.
    """
    arrays = [inputs] if isinstance(inputs, np.ndarray) else list(inputs)
    graph = normal_graph.graph
    values: dict[ir.Value, np.ndarray] = {}
    for value, array in zip(graph.inputs, arrays, strict=True):
        dtype = np.uint8 if value.dtype == ir.DataType.UINT8 else np.float32
        if array.shape != shape_of(value) or array.dtype != dtype:
            expected = f"{np.dtype(dtype)} {list(shape_of(value))}"
            raise UserError(f"input '{value.name}' is {expected}, not {array.dtype} {list(array.shape)}")
        values[value] = array
    last_readers = {value: node for node in graph for value in node.inputs if value is not None}
    for node in graph:
        values[node.outputs[0]] = REGISTRY[node.op_type].compute(node, *(values[x] for x in activations_of(node)))
        for value in activations_of(node):
            if last_readers[value] is node and not value.is_graph_output():
                values.pop(value, None)
    return [values[output] for output in graph.outputs]
