"""BatchNorms that a convolution could take in

A file runs as it is written. A BatchNorm behind a convolution or fully connected layer, or before an unpadded one, is a
factor and a summand for each channel that its weights and bias can hold (Jacob et al. 2018, equation 14); written as an
operator it is a pass over the whole map. ONNX Runtime folds it when it loads the file, and pays for that each time;
runtimes that take a file as it is run it.

Found: BatchNorms in an .onnx file that a filter beside them takes in, one finding for the network, with the bytes that
they read and write.

Mended by: folding, in float64, rounded once, which `--fix` does. (`depthwise compile` folds them whatever the file
says.)
"""

from collections.abc import Iterator

from depthwise import graph
from depthwise.graph import LayerList
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.examples import classifier, filtered, sketch
from depthwise.linter.source import Source
from depthwise.linter.subject import Subject
from depthwise.linter.traffic import moved


def _find(subject: Subject) -> Iterator[Found]:
    model = subject.written.clone()
    if not graph.fold_batchnorms(model):
        return
    left = {node.name for node in model.graph}
    norms = [node for node in subject.written.graph if node.op_type == "BatchNormalization" and node.name not in left]
    yield Found(
        tuple(str(node.name) for node in norms),
        f"they read and write {moved(norms)} an image, and could be part of the filters beside them",
        "fold them into the weights",
    )


def _network(norm: bool) -> Example:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 8, 3, 2) if norm else layers.conv("stem", "input", 8, 3, 2)
        classifier(layers, x)

    return Example(Source(sketch(draw, weights=True), file=True), ("stem_norm",) if norm else ())


RULES = {
    "DW006": Rule(
        "unfused-batchnorm",
        "warning",
        _find,
        bad=lambda: _network(norm=True),
        good=lambda: _network(norm=False),
        needs=("file", "weights"),
        fix=graph.fold_batchnorms,
    )
}
