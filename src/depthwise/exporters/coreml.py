"""Core ML (.mlpackage): an ML Program of float16 with an image in and classes out, its weights float16 or int8.

Each operator of the normal form is one or two operations of the Model Intermediate Language, built by coremltools. The
package is read again before it counts: docs/coreml.md.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.exporters._coreml_program import Translation, image_of
from depthwise.exporters._coreml_reading import compare, run
from depthwise.exporters._coreml_weights import stored
from depthwise.exporters.base import Exporter
from depthwise.ops._window import window_of
from depthwise.ops.base import shape_of

AGREEMENT = 5e-3
"""Largest allowed difference between the package and the stored network: 1/6 of hard-swish is rounded to float16."""


def _convolution(to: Translation, node: ir.Node) -> Any:
    window, (x,) = window_of(node), to.inputs(node)
    top, left, bottom, right = window.pads
    y = to.mb.conv(
        x=x,
        strides=window.stride,
        pad_type="custom",
        pad=(top, bottom, left, right),
        dilations=window.dilation,
        groups=shape_of(node.inputs[0])[1] // shape_of(node.inputs[1])[1],
        name=to.linear_name(node),
        **to.parameters(node),
    )
    return to.activate(node, y)


def _fully_connected(to: Translation, node: ir.Node) -> Any:
    (x,), name = to.inputs(node), to.name(node)
    if len(x.shape) != 2:
        x = to.mb.reshape(x=x, shape=(1, -1), name=f"{name}_vector")
    return to.activate(node, to.mb.linear(x=x, name=to.linear_name(node), **to.parameters(node)))


def _pool(to: Translation, node: ir.Node) -> dict[str, Any]:
    window, (x,) = window_of(node), to.inputs(node)
    if window.dilation != (1, 1):
        raise UserError(
            f"node '{node.name}' ({node.op_type}) has dilation {list(window.dilation)}, which Core ML's pooling lacks: "
            "use a pooling without dilation"
        )
    top, left, bottom, right = window.pads
    geometry = {"kernel_sizes": window.kernel, "strides": window.stride, "pad": (top, bottom, left, right)}
    return {"x": x, "pad_type": "custom", "name": to.name(node), **geometry}


def _average_pool(to: Translation, node: ir.Node) -> Any:
    whole = bool(node.attributes.get_int("count_include_pad", 0))
    return to.mb.avg_pool(exclude_padding_from_average=not whole, **_pool(to, node))


def _global_average_pool(to: Translation, node: ir.Node) -> Any:
    return to.mb.reduce_mean(x=to.inputs(node)[0], axes=(2, 3), keep_dims=True, name=to.name(node))


def _two(name: str) -> Callable[[Translation, ir.Node], Any]:
    """An elementwise operation of two activations."""

    def write(to: Translation, node: ir.Node) -> Any:
        x, y = to.inputs(node)
        return to.activate(node, getattr(to.mb, name)(x=x, y=y, name=to.linear_name(node)))

    return write


OPERATORS: Mapping[str, Callable[[Translation, ir.Node], Any]] = {
    "Activation": lambda to, node: to.activate(node, to.inputs(node)[0]),
    "Add": _two("add"),
    "AveragePool": _average_pool,
    "Concat": lambda to, node: to.mb.concat(values=to.inputs(node), axis=1, name=to.name(node)),
    "Convolution": _convolution,
    "Depthwise": _convolution,
    "Flatten": lambda to, node: to.mb.reshape(x=to.inputs(node)[0], shape=(1, -1), name=to.name(node)),
    "FullyConnected": _fully_connected,
    "GlobalAveragePool": _global_average_pool,
    "MaxPool": lambda to, node: to.mb.max_pool(**_pool(to, node)),
    "Multiply": _two("mul"),
    "Pointwise": _convolution,
    "Softmax": lambda to, node: to.mb.softmax(x=to.inputs(node)[0], axis=1, name=to.name(node)),
}
"""Operator of the normal form -> how it is written. The operators between floats and bytes are gone before."""


def write(network: ir.Model, path: Path) -> None:
    """Writes a stored network as an .mlpackage, and reads it again.

    Raises:
        UserError: a node that Core ML cannot express, named; coremltools is not installed; a package that has other
            inputs, classes or parameters than the network.
    """
    to = Translation(network)
    with to.function:
        to.begin()
        for node in network.graph:
            if node.op_type not in OPERATORS:
                raise UserError(f"node '{node.name}' ({node.op_type}) cannot be exported to Core ML yet")
            to.values[node.outputs[0]] = OPERATORS[node.op_type](to, node)
    to.save(path)
    compare(path, network)


EXPORTERS = {
    "coreml": Exporter(
        ".mlpackage",
        "Core ML",
        "NCHW",
        write,
        run,
        folder=True,
        precisions=("float16", "int8"),
        stored=stored,
        agreement=AGREEMENT,
        takes_image=lambda normal: any(image_of(normal, value) for value in normal.graph.inputs),
        checked="the package, read again and evaluated in NumPy,",
    )
}
