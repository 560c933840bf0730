"""Every pass: what the graph looks like after it, that its numbers stay, and why it refuses."""

import numpy as np
import onnx_ir as ir
import pytest
from graph_cases import CASES, CONV, NORM, REFUSALS, Case, statistics, weights
from graph_models import check_normal, image_for, interpret, model_of, operators

from depthwise import graph
from depthwise.errors import UserError
from depthwise.graph.passes.remove_dead import remove_dead
from depthwise.graph.pipeline import FINISH, REWRITE, UNDERSTAND, run, supported_operators


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_normal_form(case: Case) -> None:
    normal = check_normal(case.model())
    assert operators(normal) == case.expected.split()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_pass_keeps_the_numbers_and_says_truly_whether_it_changed_anything(case: Case) -> None:
    model = case.model()
    x = image_for(model)
    run(model, UNDERSTAND)
    before, text = interpret(model, x), operators_and_wires(model)
    for step in (*REWRITE, *FINISH):
        changed = step.run(model)
        assert changed or operators_and_wires(model) == text, f"{step.name} changed the graph and says it did not"
        remove_dead(model)
        text = operators_and_wires(model)
        after = interpret(model, x)
        scale = np.abs(before).max()
        np.testing.assert_allclose(after, before, rtol=2e-5, atol=2e-5 * scale, err_msg=f"pass {step.name}")
    graph.verify(model)


def operators_and_wires(model: ir.Model) -> list[object]:
    return [
        (
            node.domain,
            node.op_type,
            node.name,
            [id(value) for value in node.inputs],
            sorted(map(str, node.attributes.items())),
        )
        for node in model.graph
    ]


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_refusal_names_the_node_and_the_reason(case: Case) -> None:
    with pytest.raises(UserError, match=case.expected) as caught:
        graph.normalize(case.model())
    assert "\n" not in str(caught.value)


def test_auto_padding_of_a_dilated_convolution() -> None:
    """ONNX Runtime has none; the window of 5 pixels needs 4 more than a map has."""
    body = 'y = Conv<auto_pad="SAME_UPPER", dilations=[2,2]>(x, w)'
    normal = graph.normalize(model_of(body, y="float[N,a,b,c] y", w=CONV["w"]))
    assert normal.graph.node(0).attributes["pads"].as_ints() == (2, 2, 2, 2)


def test_parameters_are_counted_as_papers_do() -> None:
    constants = {"w": CONV["w"], "u": weights(8, 8, 1, 1), **statistics(8)}
    body = "a = Conv(x, w) d = BatchNormalization(a, s, b, m, v) y = Conv(d, u)"
    normal = graph.normalize(model_of(body, y="float[N,a,b,c] y", **constants))
    counts = [node.metadata_props["depthwise.parameters"] for node in normal.graph]
    assert counts == [str(8 * 4 * 9 + 8 + 8), str(64)]


def test_a_shared_weight_counts_once_and_is_not_changed() -> None:
    weight = weights(4, 4, 1, 1)
    body = "a = Conv(x, w) d = BatchNormalization(a, s, b, m, v) y = Conv(d, w)"
    model = model_of(body, y="float[N,a,b,c] y", w=weight, **NORM)
    normal = graph.normalize(model)
    assert sum(int(node.metadata_props.get("depthwise.parameters", "0")) for node in normal.graph) == 16 + 8
    np.testing.assert_array_equal(model.graph.initializers["w"].const_value.numpy(), weight)
    np.testing.assert_array_equal(normal.graph.node(1).inputs[1].const_value.numpy(), weight)


def test_normal_form_of_a_normal_form_is_itself() -> None:
    normal = graph.normalize(CASES[0].model())
    again = graph.normalize(normal)
    assert again is not normal
    assert operators(again) == operators(normal)


def test_supported_operators_are_those_of_the_passes() -> None:
    assert {"Conv", "Gemm", "Clip", "Pad", "BatchNormalization"} <= set(supported_operators())
