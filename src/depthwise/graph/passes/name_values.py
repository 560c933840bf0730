"""Names say what they are: node NAME computes value NAME from parameters NAME.weight and NAME.bias."""

import onnx_ir as ir

from depthwise.ops.base import is_constant

_PARAMETERS = ("weight", "bias", "scale")


def name_values(model: ir.Model) -> bool:
    """Renames values and parameters after their nodes; the graph's inputs and outputs keep their names."""
    graph = model.graph
    taken = {value.name for value in (*graph.inputs, *graph.outputs)}
    parameters = list(graph.initializers.values())
    for index, value in enumerate(parameters):
        value.name = f"parameter.{index}."  # out of the way of the final names
    for node in graph:
        constants = [value for value in node.inputs if value is not None and is_constant(value)]
        for value, kind in zip(constants, _PARAMETERS, strict=False):
            value.name = _free(f"{node.name}.{kind}", taken)
        for output in node.outputs:
            if not output.is_graph_output():
                output.name = _free(str(node.name), taken)
    return True


def _free(name: str, taken: set[str | None]) -> str:
    free, count = name, 1
    while free in taken:
        count += 1
        free = f"{name}.{count}"
    taken.add(free)
    return free
