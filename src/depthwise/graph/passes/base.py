"""What a pass is, and what the passes share.

A pass is a function from a Graph, which it changes in place, to whether it changed anything. It refuses what it cannot
treat by a UserError that names the node. `gone` names the operators that must not exist after it: the pipeline checks
that, and the union over all passes is the list of supported operators.

Rules for a pass: constants may be shared by several nodes, so none is changed in place (`parameter` makes a new one);
a value that is the graph's output keeps its name (`replace` sees to it). The pipeline removes what nobody reads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.ops.base import DOMAIN, Shape


@dataclass(frozen=True)
class Pass:
    """One line of the pipeline.

    Attributes:
        run: changes a Graph in place and returns whether it did.
        why: one line of reason, for the reader of the pipeline.
        gone: ONNX operators that do not exist after it.
    """

    run: Callable[[ir.Model], bool]
    why: str
    gone: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The rule's name: that of its file."""
        return self.run.__module__.rpartition(".")[2]


def nodes_of(model: ir.Model, *operators: str, domain: str = "") -> list[ir.Node]:
    """The nodes of these operators in topological order, as a list that stays valid while nodes come and go."""
    return [node for node in model.graph if node.op_type in operators and node.domain == domain]


def describe(node: ir.Node) -> str:
    """A node for an error message: name, operator, shapes of its inputs."""
    shapes = ", ".join(dims(value) for value in node.inputs if value is not None)
    operator = f"{node.domain}.{node.op_type}" if node.domain else node.op_type
    return f"node '{node.name}' ({operator}, inputs {shapes or 'none'})"


def refuse(node: ir.Node, reason: str) -> UserError:
    """The error of a pass that cannot treat a node; `reason` continues the sentence that begins with the node."""
    return UserError(one_line(f"{describe(node)} {reason}"))


def one_line(text: str) -> str:
    """A message without the line breaks that names from a damaged file may hold."""
    return " ".join(text.split())


def shape_at(node: ir.Node, index: int = 0) -> Shape:
    """Static shape of an input of a node.

    Raises:
        UserError: the input is missing or has no static shape.
    """
    shape = static_shape(node.inputs[index]) if index < len(node.inputs) else None
    if shape is None:
        raise refuse(node, f"has no static shape at input {index}")
    return shape


def static_shape(value: ir.Value | None) -> Shape | None:
    """Shape of a value if all its sizes are known."""
    if value is None or value.shape is None:
        return None
    sizes = tuple(size for size in value.shape if isinstance(size, int))
    return sizes if len(sizes) == len(value.shape) else None


def constant(node: ir.Node, index: int) -> np.ndarray | None:
    """The constant at an input of a node; None: absent, or computed by other nodes."""
    value = node.inputs[index] if index < len(node.inputs) else None
    if value is None or value.const_value is None:
        return None
    return value.const_value.numpy()


def has_input(node: ir.Node, index: int) -> bool:
    """Whether an optional input is given."""
    return index < len(node.inputs) and node.inputs[index] is not None


def sole_consumer(value: ir.Value) -> ir.Node | None:
    """The one node that reads a value, once; None if there are others or the value is an output of the graph."""
    readers = [use.node for use in value.uses()]
    return readers[0] if len(readers) == 1 and not value.is_graph_output() else None


def parameter(model: ir.Model, name: str, array: np.ndarray) -> ir.Value:
    """A new float32 initializer, under `name` or a free name like it."""
    return initializer(model, name, array.astype(np.float32, copy=False))


def initializer(model: ir.Model, name: str, array: np.ndarray) -> ir.Value:
    """A new initializer of an array's type, under `name` or a free name like it."""
    free, count = name, 1
    while free in model.graph.initializers:
        free, count = f"{name}.{count}", count + 1
    kind = ir.DataType.from_numpy(array.dtype)
    tensor = ir.Tensor(array, dtype=kind, name=free)
    value = ir.Value(name=free, shape=tensor.shape, type=ir.TensorType(kind), const_value=tensor)
    model.graph.register_initializer(value)
    return value


def new_node(
    before: ir.Node,
    operator: str,
    inputs: Sequence[ir.Value | None],
    shape: Shape,
    attributes: Mapping[str, Any] | None = None,
    domain: str = "",
) -> ir.Node:
    """A node of one float32 output of `shape`, inserted before another, whose name and metadata it inherits."""
    output = ir.Value(shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.FLOAT))
    node = ir.node(
        operator,
        inputs,
        attributes,
        domain=domain,
        outputs=[output],
        name=before.name,
        metadata_props=dict(before.metadata_props),
    )
    assert before.graph is not None
    before.graph.insert_before(before, node)
    return node


def carried(node: ir.Node) -> dict[str, Any]:
    """The attributes of a node with weights that its replacement must keep: where integers were (`read_scales`)."""
    return {key: node.attributes[key].value for key in ("w_scales", "b_integers") if key in node.attributes}


def activation_node(before: ir.Node, x: ir.Value, name: str, bounds: tuple[float, float] | None = None) -> ir.Node:
    """A node `Activation` of the normal form; `bounds` for "clip"."""
    attributes: dict[str, Any] = {"activation": name}
    if bounds is not None:
        attributes |= {"minimum": float(bounds[0]), "maximum": float(bounds[1])}
    shape = static_shape(before.outputs[0])
    if shape is None:
        raise refuse(before, "has no static shape")
    return new_node(before, "Activation", [x], shape, attributes, DOMAIN)


def replace(old: ir.Value, new: ir.Value) -> None:
    """Lets every reader of `old`, the graph's outputs included, read `new`; removes the node of `old` if it is unread.

    Raises:
        UserError: an output of the graph would become its input, or another output.
    """
    if old.is_graph_output():
        if new.is_graph_input() or new.is_initializer():
            raise UserError(f"the network computes nothing: its output '{old.name}' is its input or a constant")
        if new.is_graph_output():
            raise UserError(f"the network's outputs '{old.name}' and '{new.name}' are the same: export one of them")
        name, old.name = old.name, f"{old.name}.replaced"
        new.name = name
    node = old.producer()
    old.replace_all_uses_with(new, replace_graph_outputs=True)
    if node is not None and node.graph is not None and not any(output.uses() for output in node.outputs):
        node.graph.remove(node, safe=True)


def is_blank(array: np.ndarray) -> bool:
    """Whether an array is zeros without memory, as in a Graph of shapes only."""
    return array.size > 1 and not any(array.strides) and not array.flat[0]


def scaled(array: np.ndarray, factor: np.ndarray, axis: int) -> np.ndarray:
    """float32(array * factor) with `factor` along one axis; zeros without memory stay zeros without memory."""
    if is_blank(array):
        return array
    shape = [1] * array.ndim
    shape[axis] = -1
    return np.asarray(array * factor.reshape(shape), np.float32)


def dims(value: ir.Value) -> str:
    """A shape for an error message, dynamic sizes by name: [N, 3, 224, 224]."""
    return "[?]" if value.shape is None else f"[{', '.join(str(size) for size in value.shape)}]"
