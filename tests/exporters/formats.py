"""The formats, and what their tests share: the case table of the operators, and nodes as a Graph."""

import importlib.util
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import onnx_ir as ir
import pytest

from depthwise.exporters import coreml, litert
from depthwise.ops import DOMAIN, REGISTRY, cases
from depthwise.ops.base import activations_of, parameters_of
from depthwise.ops.cases import Case

CASES = [
    case
    for table in cases.REGISTRY.values()
    for case in table
    if not case.camera and not case.integer and sum(np.prod(shape) for shape in case.inputs) < 5000
]


@dataclass(frozen=True)
class Format:
    """A format; `takes` and `checked` are what the command says of MobileNetV2 0.25/32."""

    name: str
    title: str
    suffix: str
    module: ModuleType
    library: str
    takes: str
    checked: str

    @property
    def missing(self) -> bool:
        return importlib.util.find_spec(self.library) is None

    @property
    def reason(self) -> str:
        return f"{self.library} is not installed: pip install 'depthwise[export]'"


LITERT = Format(
    "litert",
    "LiteRT",
    ".tflite",
    litert,
    "ai_edge_litert",
    "takes float32 [1, 32, 32, 3] (NHWC), normalized as in training",
    "checked: LiteRT differs from the network by ",
)
COREML = Format(
    "coreml",
    "Core ML",
    ".mlpackage",
    coreml,
    "coremltools",
    "takes the pixels of an image, [1, 3, 32, 32] (NCHW), and normalizes them",
    "checked: the package, read again and evaluated in NumPy, differs from the network by ",
)
FORMATS = [
    pytest.param(each, marks=pytest.mark.skipif(each.missing, reason=each.reason), id=each.name)
    for each in (LITERT, COREML)
]


def graph_of(*some: Case, kind: ir.DataType = ir.DataType.FLOAT) -> ir.Model:
    """Nodes of the normal form side by side, as a Graph of as many outputs."""
    nodes = [case.node() for case in some]
    for index, node in enumerate(nodes):
        (out,) = node.outputs
        out.name, out.type = "out", ir.TensorType(kind)
        out.shape = ir.Shape(REGISTRY[node.op_type].shape(node))
        node.name = f"{node.op_type}.{index}"
        for value in (*node.inputs, out):
            value.name = f"{value.name}.{index}"
    inside = ir.Graph(
        [value for node in nodes for value in activations_of(node)],
        [node.outputs[0] for node in nodes],
        nodes=nodes,
        initializers=[value for node in nodes for value in parameters_of(node)],
        opset_imports={DOMAIN: 1},
    )
    return ir.Model(inside, ir_version=8)
