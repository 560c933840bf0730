"""Activation functions that are written as several operators

Hard-swish is one function: x * relu6(x + 3) / 6. Exporters older than its operator (ONNX opset 14), and networks that
spell it by hand, write Add, Clip, Mul and Div: four passes over the map, each of which reads and writes all of it, and
in 8 bits four roundings with four scales. Chains of Relu, Min, Max and Clip are one Clip.

Found: in an .onnx file, a hard-swish, hard-sigmoid, swish or clip of more operators than it takes in the file's
operator set, if nothing else reads what is inside; with the bytes that the others move.

Mended by: HardSwish (before opset 14 HardSigmoid and Mul), HardSigmoid, Sigmoid and Mul, or Clip, which `--fix` writes.
"""

from collections.abc import Iterator

from depthwise import graph
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.examples import parse
from depthwise.linter.source import Source
from depthwise.linter.subject import Subject
from depthwise.linter.traffic import moved


def _find(subject: Subject) -> Iterator[Found]:
    for spelled in graph.spelled_out(subject.written):
        operators = ", ".join(node.op_type for node in spelled.nodes)
        yield Found(
            tuple(str(node.name) for node in spelled.nodes),
            f"{operators} are one {spelled.function.replace('_', '-')}, which takes {spelled.fewest}: the others move "
            f"{moved(spelled.nodes[spelled.fewest :])} an image",
            "write it as the operators that it takes",
        )


def _network(opset: int, body: str, *layers: str) -> Example:
    model = parse(
        f"""<ir_version: 8, opset_import: ["": {opset}]>
        network (float[N, 8, 16, 16] x) => (float[N, 8, 16, 16] y)
        <float three = {{3}}, float zero = {{0}}, float six = {{6}}> {{{body}}}"""
    )
    return Example(Source(model, file=True), layers)


_LONG = "[a] a = Add (x, three) [b] b = Clip (a, zero, six) [c] c = Mul (x, b) [d] y = Div (c, six)"

RULES = {
    "DW022": Rule(
        "spelled-out-activation",
        "warning",
        _find,
        bad=lambda: _network(18, _LONG, "a", "b", "c", "d"),
        good=lambda: _network(18, "[a] y = HardSwish (x)"),
        needs=("file",),
        fix=graph.write_functions,
    )
}
