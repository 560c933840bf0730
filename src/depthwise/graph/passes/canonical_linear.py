"""One spelling for products with a constant matrix: Gemm(x, W [O, I], bias [O]) = W x + bias.

MatMul(x, B) = Gemm(x, B^T);   Gemm(x, B, c; alpha, beta, transB) = Gemm(x, alpha B', beta c)
"""

import numpy as np
import onnx_ir as ir

from depthwise.graph.passes.base import (
    carried,
    constant,
    has_input,
    new_node,
    nodes_of,
    parameter,
    refuse,
    replace,
    shape_at,
)


def canonical_linear(model: ir.Model) -> bool:
    """Rewrites MatMul and Gemm with other settings; the product is of a vector [1, I] and a constant.

    Raises:
        UserError: another product.
    """
    changed = False
    for node in nodes_of(model, "MatMul", "Gemm"):
        matrix, attributes = constant(node, 1), node.attributes
        shape = shape_at(node)
        if matrix is None or matrix.ndim != 2 or len(shape) != 2 or attributes.get_int("transA", 0) != 0:
            raise refuse(node, "is supported only as a fully connected layer: vectors [N, I] times a constant matrix")
        transposed = attributes.get_int("transB", 0) == 1
        alpha, beta = attributes.get_float("alpha", 1.0), attributes.get_float("beta", 1.0)
        weight = matrix if transposed else np.ascontiguousarray(matrix.T)
        if weight.shape[1] != shape[1]:
            raise refuse(node, f"has a matrix for {weight.shape[1]} features")
        bias = _bias(node, weight.shape[0])
        usual = transposed and alpha == 1 and beta == 1 and (bias is None or bias.shape == (weight.shape[0],))
        if node.op_type == "Gemm" and usual:
            continue
        inputs = [node.inputs[0], parameter(model, f"{node.name}.weight", weight * np.float32(alpha))]
        if bias is not None:
            vector = np.broadcast_to(bias.reshape(-1) * np.float32(beta), (weight.shape[0],))
            inputs.append(parameter(model, f"{node.name}.bias", vector))
        gemm = new_node(node, "Gemm", inputs, (1, weight.shape[0]), {"transB": 1, **carried(node)})
        replace(node.outputs[0], gemm.outputs[0])
        changed = True
    return changed


def _bias(node: ir.Node, outputs: int) -> np.ndarray | None:
    if not has_input(node, 2):
        return None
    bias = constant(node, 2)
    if bias is None or bias.size not in (1, outputs):
        raise refuse(node, f"adds something else than one constant for each of its {outputs} outputs")
    return bias
