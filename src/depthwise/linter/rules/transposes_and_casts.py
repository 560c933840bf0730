"""Transposes and Casts that undo each other, or are there twice

Networks that were made for maps [N, H, W, C] and exported to ONNX, whose maps are [N, C, H, W], come with a Transpose
on each side of every convolution. Each one reads and writes a whole map, in an order that no cache likes, and computes
nothing. Converters remove those that stand next to each other and leave those with a function, a sum or a concatenation
between. Casts to the type that a value has, or to a larger one and back, are as useless.

Found: in an .onnx file, Transposes and Casts without which the network computes the same, one finding for all, with the
bytes that they move. A Transpose sinks through what works on each number by itself, through sums, products,
concatenations, pads, means and views, until it meets its inverse. What remains is at the network's edges, where it
belongs to what the caller gives and takes.

Mended by: taking them out, which `--fix` does; better, exporting with [N, C, H, W] throughout. Whatever stays at the
input keeps the network from being compiled.
"""

from collections.abc import Iterator

from depthwise import graph
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.examples import parse
from depthwise.linter.source import Source
from depthwise.linter.subject import Subject
from depthwise.linter.traffic import moved

DETOURS = ("Transpose", "Cast")
"""ONNX operators that compute nothing."""


def _find(subject: Subject) -> Iterator[Found]:
    written = [node for node in subject.written.graph if node.op_type in DETOURS and not node.domain]
    if not written:
        return
    model = subject.written.clone()
    if not graph.remove_detours(model):
        return
    left = {node.name: node for node in model.graph if node.op_type in DETOURS}
    gone = [node for node in written if node.name not in left]
    new = [node for name, node in left.items() if name not in {node.name for node in written}]
    yield Found(
        tuple(str(node.name) for node in gone),
        f"{len(gone) - len(new)} of {len(written)} Transposes and Casts undo each other or are there twice: without "
        f"them {moved(gone, new)} less are moved for each image",
        "take them out, or export the network with maps [N, C, H, W] throughout",
    )


def _network(between: str, *layers: str) -> Example:
    model = parse(
        f"""<ir_version: 8, opset_import: ["": 18]>
        network (float[N, 4, 16, 16] x) => (float[N, 4, 16, 16] y) {{
            [first] a = Conv (x, w)
            {between}
            [last] y = Conv (d, w)
        }}""",
        {"w": (4, 4, 1, 1)},
    )
    return Example(Source(model, file=True), layers)


_AROUND = (
    "[there] b = Transpose <perm = [0, 2, 3, 1]> (a) [relu] c = Relu (b) [back] d = Transpose <perm = [0, 3, 1, 2]> (c)"
)

RULES = {
    "DW021": Rule(
        "transposes-and-casts",
        "warning",
        _find,
        bad=lambda: _network(_AROUND, "there", "back"),
        good=lambda: _network("[relu] d = Relu (a)"),
        needs=("file",),
        fix=graph.remove_detours,
    )
}
