"""A BatchNorm that no convolution can take in

At inference a BatchNorm is a factor and a summand for each channel, and costs nothing where a convolution or fully
connected layer before it, or an unpadded one behind it, takes them into its weights. Where none can, it is one more
pass over the map: every number is read and written for one multiplication.

Found: every BatchNorm, or arithmetic with constants for each channel, that is still a layer of its own in the normal
form, with why: what stands before it (a sum, a concatenation, an activation function, a convolution that others read,
too), and what stands behind it (an activation function, several readers, or a padded convolution, whose border of zeros
would have to be -shift / factor of each channel). What works on the image itself is another rule's.

Mended by: the order convolution, BatchNorm, activation function, in each branch before it joins, and training again; a
trained network keeps its function only with the layer that it has.
"""

from collections.abc import Iterator

import onnx_ir as ir

from depthwise.graph.passes.base import sole_consumer
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.examples import parse
from depthwise.linter.leftovers import leftovers
from depthwise.linter.subject import Subject
from depthwise.units import format_bytes, format_count


def _find(subject: Subject) -> Iterator[Found]:
    rows = {row.name: row for row in subject.cost.layers}
    for leftover in leftovers(subject):
        if leftover.on_image:
            continue
        row = rows[str(leftover.form.name)]
        yield Found(
            (row.name,),
            f"{_before(leftover.norm)}, and {_behind(leftover.norm)}, so it stays a layer of its own: "
            f"{format_count(row.macs)} MACs, {format_bytes(row.moved_bytes)} moved",
            "put a BatchNorm behind the convolution whose output it normalizes, before anything else, and train again",
        )


def _before(norm: ir.Node) -> str:
    """Why what stands before it does not take it in."""
    maker = next((value.producer() for value in norm.inputs if value is not None and value.producer()), None)
    if maker is None:
        return "no layer stands before it"
    if maker.op_type in FILTERS:
        return f"'{maker.name}' before it is read by others, too"
    return f"{maker.op_type} '{maker.name}' before it has no weights"


def _behind(norm: ir.Node) -> str:
    """Why what stands behind it does not."""
    value = norm.outputs[0]
    reader = sole_consumer(value)
    if value.is_graph_output():
        return "it is an output of the network"
    if reader is None:
        return f"{len(value.uses())} layers read it"
    if reader.op_type in FILTERS:
        return f"'{reader.name}' behind it is padded, with zeros that it would have to change"
    return f"{reader.op_type} '{reader.name}' behind it has no weights"


FILTERS = ("Conv", "Gemm", "MatMul")
"""ONNX operators with weights."""


def _network(order: str) -> Example:
    first, last = order.split(" > ")
    model = parse(
        f"""<ir_version: 8, opset_import: ["": 18]>
        network (float[N, 3, 16, 16] image) => (float[N, 8, 16, 16] result) {{
            [first] a = Conv <pads = [1, 1, 1, 1]> (image, w)
            [{first}] b = {_OPERATORS[first]}
            [{last}] c = {_OPERATORS[last].replace("(a", "(b")}
            [last] result = Conv <pads = [1, 1, 1, 1]> (c, v)
        }}""",
        {"w": (8, 3, 3, 3), "v": (8, 8, 3, 3), "scale": (8,), "shift": (8,), "mean": (8,), "variance": (8,)},
    )
    return Example(model, ("norm",) if first == "relu" else ())


_OPERATORS = {"relu": "Relu (a)", "norm": "BatchNormalization (a, scale, shift, mean, variance)"}

RULES = {
    "DW007": Rule(
        "batchnorm-that-cannot-fold",
        "warning",
        _find,
        bad=lambda: _network("relu > norm"),
        good=lambda: _network("norm > relu"),
    )
}
