"""Transposes and Casts that undo each other go, whatever stands between; the network computes the same."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from onnx.reference import ReferenceEvaluator

from depthwise import graph
from depthwise.graph import Graph
from depthwise.linter.examples import parse

THERE, BACK = "Transpose <perm = [0, 2, 3, 1]>", "Transpose <perm = [0, 3, 1, 2]>"


def network(body: str, result: str = "float[N, 4, 6, 5] y") -> Graph:
    opset = 19 if "Quantize" in body else 17
    return parse(
        f"""<ir_version: 8, opset_import: ["": {opset}]> network (float[N, 4, 6, 5] x) => ({result})
        <float one = {{1}}, float zero = {{0}}, float scale = {{0.1}}, uint8 middle = {{128}},
        int64[2] target = {{-1, 4}},
        int64[8] border = {{0, 1, 2, 0, 0, 0, 1, 0}}> {{{body}}}""",
        {"w": (4, 4, 1, 1), "last": (4,), "column": (5, 1), "matrix": (3, 4)},
    )


def mended(model: Graph) -> list[str]:
    """The operators of what is left, after outputs were compared."""
    after, _ = graph.rewritten(model, {"detours": graph.remove_detours})
    onnx.checker.check_model(ir.to_proto(after), full_check=True)
    x = np.random.default_rng(0).normal(0, 1, (2, 4, 6, 5)).astype(np.float32)
    old, new = (ReferenceEvaluator(ir.to_proto(each)).run(None, {"x": x}) for each in (model, after))
    for left, right in zip(old, new, strict=True):
        np.testing.assert_array_equal(left, right)
    assert [value.name for value in after.graph.outputs] == [value.name for value in model.graph.outputs]
    return [node.op_type for node in after.graph]


@pytest.mark.parametrize(
    ("body", "left"),
    [
        (f"a = {THERE} (x) b = Relu (a) y = {BACK} (b)", "Relu"),
        (f"a = {THERE} (x) b = {BACK} (a) y = Neg (b)", "Neg"),
        (f"a = {THERE} (x) b = Add (a, last) y = {BACK} (b)", "Add"),
        (f"a = {THERE} (x) b = Mul (column, a) c = Clip (b, zero, one) y = {BACK} (c)", "Mul Clip"),
        (f"a = {THERE} (x) b = Neg (x) c = {THERE} (b) d = Add (a, c) y = {BACK} (d)", "Neg Add"),
        (f"a = {THERE} (x) b = Mul (a, a) y = {BACK} (b)", "Mul"),
        (f"a = {THERE} (x) b = Dropout (a) c = Neg (b) y = {BACK} (c)", "Dropout Neg"),
        (f"a = {THERE} (x) b = Softmax <axis = 3> (a) y = {BACK} (b)", "Softmax"),
        (f"a = {THERE} (x) b = QuantizeLinear (a, scale, middle) c = DequantizeLinear (b, scale, middle) "
         f"y = {BACK} (c)", "QuantizeLinear DequantizeLinear"),
        (f"a = {THERE} (x) r = Relu (a) b = {BACK} (r) c = Conv (b, w) d = {THERE} (c) e = Add (d, r) y = {BACK} (e)",
         "Relu Conv Add"),
        # Three in turn are the identity, two are one.
        (f"a = {THERE} (x) b = {THERE} (a) c = {THERE} (b) y = Relu (c)", "Relu"),
        (f"a = {THERE} (x) b = Transpose <perm = [0, 2, 1, 3]> (a) y = Relu (b)", "Relu Transpose"),
    ],
)  # fmt: skip
def test_to_the_same_shape(body: str, left: str) -> None:
    assert " ".join(mended(network(body, "float[N, A, B, C] y"))) == left


@pytest.mark.parametrize(
    ("body", "result", "left"),
    [
        (f"a = {THERE} (x) b = Pad (a, border) y = {BACK} (b)", "float[N, 4, 7, 8] y", "Pad"),
        (f"a = {THERE} (x) b = Concat <axis = 3> (a, a) y = {BACK} (b)", "float[N, 8, 6, 5] y", "Concat"),
        (f"a = {THERE} (x) b = ReduceMean <axes = [1, 2], keepdims = 0> (a) y = Gemm <transB = 1> (b, matrix)",
         "float[N, 3] y", "ReduceMean Gemm"),
        (f"a = {THERE} (x) b = ReduceMax <axes = [1, 2], keepdims = 0> (a) y = Relu (b)", "float[N, 4] y",
         "ReduceMax Relu"),
        (f"a = {THERE} (x) b = ReduceMean <axes = [1, 2]> (a) y = Reshape (b, target)", "float[N, 4] y",
         "ReduceMean Reshape"),
        (f"a = {THERE} (x) b = ReduceMean <axes = [1, 2]> (a) y = Flatten (b)", "float[N, 4] y", "ReduceMean Flatten"),
        (f"a = {THERE} (x) b = ReduceMean <axes = [3], keepdims = 0> (a) y = Relu (b)", "float[N, 6, 5] y",
         "ReduceMean Relu"),
        # A view of a whole map sees the order, and so does an output.
        (f"a = {THERE} (x) y = Flatten (a)", "float[N, 120] y", "Transpose Flatten"),
        (f"a = {THERE} (x) y = Relu (a)", "float[N, 6, 5, 4] y", "Transpose Relu"),
    ],
)  # fmt: skip
def test_to_another_shape(body: str, result: str, left: str) -> None:
    assert " ".join(mended(network(body, result))) == left


def test_other_readers_keep_theirs() -> None:
    """What is read transposed by an output of the network, too, stays for it."""
    model = network(f"a = {THERE} (x) b = Relu (a) y = {BACK} (b)", "float[N, 4, 6, 5] y, float[N, 6, 5, 4] b")
    assert mended(model) == ["Relu", "Transpose"]


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("a = Relu (x) y = Cast <to = 1> (a)", "Relu"),
        ("a = Cast <to = 11> (x) b = Cast <to = 1> (a) y = Relu (b)", "Relu"),
        ("a = Cast <to = 10> (x) b = Cast <to = 1> (a) y = Relu (b)", "Cast Cast Relu"),  # rounds to 16 bits
    ],
)
def test_casts(body: str, left: str) -> None:
    assert " ".join(mended(network(body))) == left


def test_what_is_there_twice_is_there_once() -> None:
    body = f"a = {THERE} (x) b = {THERE} (x) c = Relu (a) d = Neg (b) e = Relu (b)"
    model = network(body, "float[N, 6, 5, 4] c, float[N, 6, 5, 4] d, float[N, 6, 5, 4] e")
    after, _ = graph.rewritten(model, {"detours": graph.remove_detours})
    assert [node.op_type for node in after.graph].count("Transpose") == 1
    assert mended(network("a = Cast <to = 10> (x) b = Cast <to = 10> (x) c = Add (a, b) y = Cast <to = 1> (c)")) == [
        "Cast",
        "Add",
        "Cast",
    ]


def test_a_network_of_the_other_layout_gets_a_normal_form() -> None:
    """Convolution, depthwise with a gate, residual and mean, as an exporter from [N, H, W, C] writes them."""
    gate = f"p = ReduceMean <axes = [1, 2]> (d) q = {BACK} (p) r = Conv (q, w) s = {THERE} (r) g = Sigmoid (s)"
    model = network(
        f"""i = {THERE} (x) j = Pad (i, border) k = {BACK} (j) a = Conv (k, w) b = {THERE} (a) c = Add (b, last)
        d = Clip (c, zero, one) {gate} e = Mul (d, g) t = Add (e, d) m = ReduceMean <axes = [1, 2]> (t)
        v = Reshape (m, target) y = Gemm <transB = 1> (v, matrix)""",
        "float[N, 3] y",
    )
    left = mended(model)
    assert "Transpose" not in left
    after, _ = graph.rewritten(model, {"detours": graph.remove_detours})
    assert len(graph.normalize(after).graph) < len(left)
