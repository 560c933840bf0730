"""A Graph hangs together: what is read is computed before, and the output is computed at all."""

import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.graph.passes.base import one_line, refuse


def check_wires(model: ir.Model) -> None:
    """Changes nothing; works on any Graph, even one that cannot be copied.

    Raises:
        UserError: a value that nothing before its reader computes; an output that is no node's.
    """
    graph = model.graph
    known = {*graph.inputs, *graph.initializers.values()}
    for node in graph:
        for value in node.inputs:
            if value is not None and value not in known:
                raise refuse(node, f"reads '{value.name}', which nothing before it computes: the model is damaged")
        known.update(node.outputs)
    for output in graph.outputs:
        if output not in known:
            raise UserError(one_line(f"nothing computes the network's output '{output.name}': the model is damaged"))
