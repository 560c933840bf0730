"""ONNX's own node tests: each is either computed as it says or refused in one line; never wrong, never a crash."""

import warnings

import numpy as np
import onnx
import onnx_ir as ir
import pytest

from depthwise import graph
from depthwise.errors import UserError

COMPUTED = {
    "averagepool_2d_ceil", "averagepool_2d_ceil_last_window_starts_on_pad", "averagepool_2d_default",
    "averagepool_2d_pads", "averagepool_2d_pads_count_include_pad", "averagepool_2d_precomputed_pads",
    "averagepool_2d_precomputed_pads_count_include_pad", "averagepool_2d_precomputed_same_upper",
    "averagepool_2d_precomputed_strides", "averagepool_2d_same_lower", "averagepool_2d_same_upper",
    "averagepool_2d_strides", "basic_conv_with_padding", "basic_conv_without_padding", "conv_with_autopad_same",
    "conv_with_strides_and_asymmetric_padding", "conv_with_strides_no_padding", "conv_with_strides_padding",
    "globalaveragepool", "globalaveragepool_precomputed", "globalmaxpool", "globalmaxpool_precomputed",
    "maxpool_2d_ceil", "maxpool_2d_default", "maxpool_2d_pads", "maxpool_2d_precomputed_pads",
    "maxpool_2d_precomputed_same_upper", "maxpool_2d_precomputed_strides", "maxpool_2d_same_lower",
    "maxpool_2d_same_upper", "maxpool_2d_strides", "softmax_example",
}  # fmt: skip
"""At least these, of the version that is pinned for development; newer versions of onnx have more."""


@pytest.fixture(scope="module")
def cases():  # type: ignore[no-untyped-def]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from onnx.backend.test.case.node import collect_testcases

        return [case for case in collect_testcases(None) if case.model is not None and is_single(case)]


def is_single(case) -> bool:  # type: ignore[no-untyped-def]
    """One array in (the others become constants), one out."""
    inputs, outputs = case.data_sets[0]
    return bool(inputs) and len(outputs) == 1 and all(isinstance(array, np.ndarray) for array in (*inputs, *outputs))


def with_constants(case) -> ir.Model:  # type: ignore[no-untyped-def]
    """The case's model with all inputs but the first as initializers, as trained networks have them."""
    model = onnx.ModelProto.FromString(case.model.SerializeToString())
    for value, array in list(zip(list(model.graph.input), case.data_sets[0][0], strict=False))[1:]:
        model.graph.input.remove(value)
        model.graph.initializer.append(onnx.numpy_helper.from_array(array, value.name))
    return ir.from_proto(model)


def test_node_cases(cases) -> None:  # type: ignore[no-untyped-def]
    computed, wrong = set(), []
    for case in cases:
        try:
            normal = graph.normalize(with_constants(case))
        except UserError as error:
            assert "\n" not in str(error), case.name
            continue
        inputs, outputs = case.data_sets[0]
        (found,) = graph.evaluate(normal, inputs[0])
        if found.shape != outputs[0].shape or not np.allclose(found, outputs[0], rtol=case.rtol, atol=1e-5):
            wrong.append(case.name)
        computed.add(case.name.removeprefix("test_"))
    assert wrong == []
    assert computed >= COMPUTED
