"""A network that cannot be compiled is refused at its first unsupported operator, before anything is rewritten."""

from collections.abc import Collection

import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.graph.passes.base import refuse, static_shape


def check_operators(model: ir.Model, supported: Collection[str]) -> None:
    """Changes nothing.

    Raises:
        UserError: an operator that is not among `supported`; an output without a static shape; an output of
            the network that does not depend on its input, or is there twice.
    """
    graph = model.graph
    for node in graph:
        if node.domain or node.op_type not in supported:
            raise refuse(node, f"has no counterpart in compiled networks. Supported: {', '.join(sorted(supported))}")
        if static_shape(node.outputs[0]) is None:
            raise refuse(node, "has an output whose shape depends on the data, or inputs that do not fit together")
    for index, output in enumerate(graph.outputs):
        if output.producer() is None:
            raise UserError(f"the network computes nothing: its output '{output.name}' is its input or a constant")
        if output in graph.outputs[:index]:
            raise UserError(f"the network has its output '{output.name}' twice: export it once")
