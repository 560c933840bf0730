"""Looking inside: any layer's tensor as an output, and the first layer that is off."""

import numpy as np
import onnx_ir as ir
import pytest

import depthwise
from depthwise import graph
from depthwise.cli import main
from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.graph.quantizing import ASSUMED
from depthwise.inspection import Inspection, check_layers, inspect
from depthwise.ops import REGISTRY
from depthwise.ops.base import activations_of
from depthwise.terminal import inspection_lines
from networks import by_hand, family

IMAGE = np.random.default_rng(0).integers(0, 256, (1, 9, 7, 3), dtype=np.uint8)


def test_every_layer_agrees_and_the_output_keeps_its_bits(tmp_path, capsys):
    model = family("mobilenet_v2", 0.1, 32)
    ir.save(model, tmp_path / "model.onnx")
    main(["inspect", str(tmp_path / "model.onnx"), "--schedule", "stream", "--optimize", "ram", "--json"])
    found = Inspection.model_validate_json(capsys.readouterr().out)
    assert found.same_bits
    assert found.first is None
    nodes = [node for node in graph.normalize(model, "uint8").graph if node.op_type != "Flatten"]
    assert [layer.name for layer in found.layers] == [node.name for node in nodes]
    assert all(layer.kernel for layer in found.layers)
    assert 0 < max(layer.share for layer in found.layers) <= 1


def test_a_network_in_8_bits_has_the_bits_of_its_references():
    model = graph.assumed_int8(by_hand())  # whose first layer, which reads camera bytes, stays in float
    assert [node.name for node in graph.float_operators(model)] == ["stem"]
    found = inspect(model)
    assert found.same_bits
    assert found.first is None
    assert [layer.name for layer in found.layers if not layer.exact] == ["stem"]
    every = graph.with_outputs(model, ["all"])
    names = [value.name for value in every.graph.outputs]
    values = dict(zip(names, graph.evaluate(every, IMAGE.transpose(0, 3, 1, 2)), strict=True))
    spoilt = next(name for name in names if name.startswith("add"))
    values[spoilt] = values[spoilt] + np.float32(ASSUMED.scale)  # one step
    arrays = {name: value.transpose(0, 2, 3, 1) if value.ndim == 4 else value for name, value in values.items()}
    wrong = [layer for layer in check_layers(every, {"input": IMAGE}, arrays) if not layer.agrees]
    assert wrong[0].name == "add"


def test_debug_outputs_are_the_interpreters_values():
    model, names = by_hand(), ["add", "stem"]
    outputs = depthwise.compile(model, debug_outputs=names)(IMAGE)
    last = model.graph.outputs[0].name
    assert list(outputs) == [last, "stem.out", "add.out"]
    assert np.array_equal(outputs[last], Engine.build(model)(IMAGE))
    values = graph.evaluate(graph.with_outputs(model, names), IMAGE.transpose(0, 3, 1, 2))
    for name, array in zip(outputs, values, strict=True):
        expected = array.transpose(0, 2, 3, 1) if array.ndim == 4 else array
        assert np.abs(outputs[name] - expected).max() <= 2e-5 * np.abs(expected).max()
    assert outputs["stem.out"].min() == 0  # after its activation function


def test_an_unknown_layer_is_refused_with_the_nearest():
    with pytest.raises(UserError, match=r"unknown layer 'depthwize'\. Did you mean 'depthwise'"):
        graph.with_outputs(by_hand(), ["depthwize"])
    assert len(graph.with_outputs(by_hand(), ["stem", "stem"]).graph.outputs) == 2
    last = by_hand().graph.outputs[0].producer().name
    assert len(graph.with_outputs(by_hand(), [last]).graph.outputs) == 1


def broken(layer, spoil):
    """The layers of a network, one of whose tensors was spoilt and what comes after it computed from that."""
    model = graph.with_outputs(by_hand(), ["all"])
    values = {model.graph.inputs[0]: IMAGE.transpose(0, 3, 1, 2)}
    with np.errstate(all="ignore"):
        for node in model.graph:
            value = REGISTRY[node.op_type].reference(node, *(values[one] for one in activations_of(node)))
            values[node.outputs[0]] = spoil(value.copy()) if node.name == layer else value
    found = {value.name: array for value, array in values.items()}
    last = {name: array.transpose(0, 2, 3, 1) if array.ndim == 4 else array for name, array in found.items()}
    return check_layers(model, {"input": IMAGE}, last)


@pytest.mark.parametrize("wrong", [0.01, np.nan, np.inf])
def test_the_layer_that_is_off_is_found_with_its_worst_element(wrong):
    def spoil(array):
        array[0, 2, 1, 3] += wrong
        array[0, 1, 0, 0] *= np.float32(1 + 2**-23)  # rounding is no defect
        return array

    layers = broken("depthwise", spoil)
    (off,) = [layer for layer in layers if not layer.agrees]
    assert (off.name, off.op, off.index) == ("depthwise", "Depthwise", [1, 3, 2])
    assert off.shape == [5, 4, 4]
    assert not abs(off.found - off.expected) <= 0.009
    assert [layer.name for layer in layers if layer.agrees] == [one.name for one in layers if one is not off]


def test_a_tensor_that_is_missing_is_named():
    model = graph.with_outputs(by_hand(), ["all"])
    with pytest.raises(
        UserError, match=r"the tensor 'input' \[1, 9, 7, 3\] is needed to check the layers, got nothing"
    ):
        check_layers(model, {}, {})
    with pytest.raises(UserError, match=r"the tensor 'stem.*got \[1, 2\]"):
        name = next(iter(model.graph)).outputs[0].name
        check_layers(model, {"input": np.zeros((1, 9, 7, 3), np.uint8)}, {name: np.zeros((1, 2))})


def test_several_inputs_and_one_layer():
    x, y = (ir.Value(name=n, shape=ir.Shape([1, 3, 2, 2]), type=ir.TensorType(ir.DataType.FLOAT)) for n in "xy")
    total = ir.node("Add", [x, y], name="total")
    total.outputs[0].name = "total"
    total.outputs[0].shape, total.outputs[0].type = x.shape, x.type
    model = ir.Model(ir.Graph([x, y], total.outputs, nodes=[total], opset_imports={"": 18}), ir_version=8)
    found = inspect(model)
    assert [layer.name for layer in found.layers] == ["total"]
    assert found.first is None


def test_the_lines_of_the_command():
    (*rows, verdict) = inspection_lines(inspect(by_hand()))
    assert [row.split()[0] for row in rows] == ["stem", "depthwise", "pointwise", "add", "pool", "classifier"]
    assert all(row.endswith("% of its bound") for row in rows)
    assert verdict.startswith("all 6 layers agree with their references; nearest to its bound is ")
    layers = broken("depthwise", lambda array: array + 1)
    *rows, verdict, bits = inspection_lines(Inspection(layers=layers, same_bits=False))
    assert [row.split()[-1] for row in rows].count("DIFFERS") == 1
    assert verdict.startswith("the first layer that differs, of 1, is depthwise: element [")
    assert "schedule is at fault" in bits


def test_the_compile_command(tmp_path, capsys):
    model = tmp_path / "model.onnx"
    ir.save(family("mobilenet_v2", 0.1, 32), model)
    options = ["--debug-outputs", "stem.conv,blocks.1.0.projection", "--profile", "--emit-only"]
    main(["compile", str(model), "-o", str(tmp_path / "c"), *options])
    header = (tmp_path / "c/network.h").read_text()
    assert "/* blocks.1.0.projection: float, " in header
    assert "int network_run_profiled(" in header
    with pytest.raises(SystemExit):
        main(["compile", str(model), "-o", str(tmp_path / "d"), "--debug-outputs", "stem.conf"])
    assert "Did you mean 'stem.conv'?" in capsys.readouterr().err
