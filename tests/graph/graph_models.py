"""Small ONNX graphs written as text, and what every test of a pass asks of them."""

import numpy as np
import onnx
import onnx.reference
import onnx_ir as ir
import onnxruntime

from depthwise import graph
from depthwise.ops import REGISTRY
from depthwise.ops.base import DOMAIN, activations_of

MAP = "float[N,4,6,6] x"


def model_of(body: str, x: str = MAP, y: str = "float[N,?] y", opset: int = 18, **constants: np.ndarray) -> ir.Model:
    """A Graph from lines of ONNX text; constants become initializers."""
    text = f'<ir_version: 8, opset_import: ["": {opset}]> network ({x}) => ({y}) {{ {body} }}'
    proto = onnx.parser.parse_model(text)
    proto.graph.initializer.extend(onnx.numpy_helper.from_array(array, name) for name, array in constants.items())
    return ir.from_proto(proto)


def runtime(model: ir.Model, x: np.ndarray) -> np.ndarray:
    """What ONNX Runtime computes with its own optimiser off; also a check of validity."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(ir.to_proto(model).SerializeToString(), options)
    (output,) = session.run(None, {session.get_inputs()[0].name: x})
    return output


def interpret(model: ir.Model, x: np.ndarray) -> np.ndarray:
    """Runs a Graph between two passes, where standard operators stand beside those of the normal form."""
    values = {model.graph.inputs[0]: x}
    for node in model.graph:
        if node.domain == DOMAIN:
            inputs = (values[value] for value in activations_of(node))
            values[node.outputs[0]] = REGISTRY[node.op_type].reference(node, *inputs)
            continue
        operator = ir.to_proto(node)
        given = {}
        for index, value in enumerate(node.inputs):
            if value is not None:
                operator.input[index] = f"i{index}"
                given[f"i{index}"] = values[value] if value in values else value.const_value.numpy()
        del operator.output[1:]
        operator.output[0] = "o"
        opset = [onnx.helper.make_opsetid("", model.graph.opset_imports[""])]
        types = [onnx.helper.make_tensor_value_info(name, 1, None) for name in (*given, "o")]
        single = onnx.helper.make_model(
            onnx.helper.make_graph([operator], "one", types[:-1], types[-1:]), opset_imports=opset
        )
        values[node.outputs[0]] = onnx.reference.ReferenceEvaluator(single).run(None, given)[0]
    return values[model.graph.outputs[0]]


def image_for(model: ir.Model, seed: int = 0) -> np.ndarray:
    """A random input of the right shape, batch 1, with values on both sides of every bend of an activation."""
    sizes = [size if isinstance(size, int) else 1 for size in model.graph.inputs[0].shape]
    return (4 * np.random.default_rng(seed).standard_normal(sizes)).astype(np.float32)


def check_normal(model: ir.Model) -> ir.Model:
    """Normalizes, verifies, and compares the numbers with ONNX Runtime's; gives the normal form."""
    before = ir.to_proto(model).SerializeToString()
    normal = graph.normalize(model)
    assert ir.to_proto(model).SerializeToString() == before, "normalize changed its argument"
    graph.verify(normal)
    assert normal.graph.inputs[0].name == model.graph.inputs[0].name
    assert normal.graph.outputs[0].name == model.graph.outputs[0].name
    x = image_for(model)
    expected = runtime(model, x)
    (found,) = graph.evaluate(normal, x)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5 * np.abs(expected).max())
    return normal


def operators(model: ir.Model) -> list[str]:
    """The operators in order, with what is fused: "Pointwise+clip"."""
    names = []
    for node in model.graph:
        activation = node.attributes.get_string("activation", "none")
        names.append(node.op_type if activation == "none" else f"{node.op_type}+{activation}")
    return names
