"""Layers -> Graph -> normal form, for whole networks; camera bytes; metadata; what a run is asked to evaluate."""

import numpy as np
import onnx
import onnx_ir as ir
import pytest
from graph_cases import Case, weights
from graph_models import check_normal, image_for, model_of, operators, runtime

from depthwise import graph
from depthwise.data.preprocessing import Preprocessing
from depthwise.design import architecture
from depthwise.errors import UserError
from depthwise.ops.base import activations_of

FORM = Preprocessing(size=32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3))


def small(name: str, **options: object) -> tuple[graph.Layer, ...]:
    return architecture(name, **{"width": 0.25, "resolution": 32, "classes": 5, **options}).layers()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_a_family_is_valid_onnx_and_keeps_its_numbers_in_normal_form(name: str) -> None:
    layers = small(name)
    model = graph.build(layers, graph.initialize(layers))
    onnx.checker.check_model(ir.to_proto(model), full_check=True)
    assert [node.name for node in model.graph] == [layer.name for layer in layers[1:]]
    normal = check_normal(model)
    assert {node.op_type for node in normal.graph} <= {
        "Convolution", "Depthwise", "Pointwise", "Add", "GlobalAveragePool", "Flatten", "FullyConnected"
    }  # fmt: skip
    convolutions = {layer.name for layer in layers if layer.op in ("Conv", "Gemm")}
    assert convolutions <= {node.name for node in normal.graph}


def test_batch_stays_free_in_the_standard_graph() -> None:
    layers = small("mobilenet_v2")
    model = graph.build(layers, graph.initialize(layers))
    x = np.random.default_rng(0).standard_normal((3, 3, 32, 32)).astype(np.float32)
    together = runtime(model, x)
    assert together.shape == (3, 5)
    np.testing.assert_allclose(together[1:2], runtime(model, x[1:2]), rtol=1e-4, atol=1e-5)


def test_shapes_only_take_no_memory_and_say_so() -> None:
    model = graph.build(small("mobilenet_v2"))
    assert model.metadata_props["depthwise.weights"] == "none"
    arrays = [value.const_value.numpy() for value in model.graph.initializers.values()]
    assert sum(array.strides != (0,) * array.ndim for array in arrays) == 0
    assert operators(graph.normalize(model))[-1] == "FullyConnected"


def test_weights_of_another_network_are_refused() -> None:
    layers = small("mobilenet_v1")
    arrays = graph.initialize(layers)
    name = next(iter(arrays))
    with pytest.raises(UserError, match=f"the weights have no '{name}'"):
        graph.build(layers, {key: array for key, array in arrays.items() if key != name})
    with pytest.raises(UserError, match=r"is \[2\], not"):
        graph.build(layers, {**arrays, name: np.zeros(2, np.float32)})
    with pytest.raises(UserError, match="'more'"):
        graph.build(layers, {**arrays, "more": np.zeros(2, np.float32)})
    graph.build(layers, {**arrays, "stem.norm.num_batches_tracked": np.zeros(())})


def test_metadata_travels() -> None:
    layers = small("mobilenet_v1")
    model = graph.build(layers, preprocessing=FORM, classes=["a", "b", "c", "d", "e"])
    for form in (model, graph.normalize(model)):
        assert graph.preprocessing_of(form) == FORM
        assert graph.classes_of(form) == ("a", "b", "c", "d", "e")
    assert graph.preprocessing_of(graph.build(layers)) is None
    assert graph.classes_of(graph.build(layers)) == ()
    for key, read in (("preprocessing", graph.preprocessing_of), ("classes", graph.classes_of)):
        model.metadata_props[f"depthwise.{key}"] = "{"
        with pytest.raises(UserError, match=f"depthwise.{key}"):
            read(model)


@pytest.mark.parametrize("name", ["mobilenet_v1", "mobilenet_v2"])
def test_camera_bytes_give_the_numbers_of_normalized_pixels(name: str) -> None:
    layers = small(name)
    model = graph.build(layers, graph.initialize(layers), preprocessing=FORM)
    camera = graph.normalize(model, input="uint8")
    first = camera.graph.node(0)
    assert first.op_type == "Convolution"
    assert camera.graph.inputs[0].dtype == ir.DataType.UINT8
    np.testing.assert_allclose(first.attributes["pad_values"].as_floats(), 255 * np.array(FORM.mean), rtol=1e-6)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    (found,) = graph.evaluate(camera, pixels.transpose(0, 3, 1, 2))
    expected = runtime(model, FORM.normalize(pixels))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    with pytest.raises(UserError, match=r"uint8 \[1, 3, 32, 32\], not float32"):
        graph.evaluate(camera, FORM.normalize(pixels))


def camera_case(body: str, *, mean: tuple[float, ...] = (0.5,) * 4, **constants: np.ndarray) -> ir.Model:
    model = model_of(body, y="float[N,a,b,c] y", **constants)
    model.metadata_props["depthwise.preprocessing"] = Preprocessing(6, 4, mean=mean, std=(0.25,) * 4).to_json()
    return model


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("y = Conv<group=4, pads=[1,1,1,1]>(x, d)", "Depthwise"),
        ("y = Conv<group=2, pads=[0,1,2,1]>(x, g)", "Convolution"),
        ("y = Conv(x, p)", "Pointwise"),
        ("a = Conv(x, p) y = Add(a, x)", "Normalize Pointwise Add"),
        ("y = MaxPool<kernel_shape=[2,2]>(x)", "Normalize MaxPool"),
    ],
)
def test_normalization_is_folded_where_only_a_convolution_reads_it(body: str, expected: str) -> None:
    constants = {"d": weights(4, 1, 3, 3), "g": weights(4, 2, 3, 3), "p": weights(4, 4, 1, 1)}
    model = camera_case(body, **constants)
    camera = graph.normalize(model, input="uint8")
    assert operators(camera) == expected.split()
    pixels = np.random.default_rng(1).integers(0, 256, (1, 4, 6, 6), np.uint8)
    expected_output = runtime(model, ((pixels / 255 - 0.5) / 0.25).astype(np.float32))
    np.testing.assert_allclose(graph.evaluate(camera, [pixels])[0], expected_output, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("body", ["y = Conv(x, w)", "a = BatchNormalization(x, c, c, c, c) y = Conv(a, w)"])
def test_weights_that_are_one_number_are_no_absent_weights(body: str) -> None:
    model = camera_case(body, w=np.ones((8, 4, 3, 3), np.float32), c=np.full(4, 0.5, np.float32))
    pixels = np.random.default_rng(1).integers(0, 256, (1, 4, 6, 6), np.uint8)
    expected = runtime(model, ((pixels / 255 - 0.5) / 0.25).astype(np.float32))
    value = model.graph.initializers["w"]
    value.const_value = ir.Tensor(np.broadcast_to(np.float32(1), (8, 4, 3, 3)), name="w")
    camera = graph.normalize(model, input="uint8")
    np.testing.assert_allclose(graph.evaluate(camera, [pixels])[0], expected, rtol=1e-4, atol=1e-4)


def test_a_normal_form_of_floats_still_turns_into_one_of_camera_bytes() -> None:
    model = camera_case("y = Conv<pads=[1,1,1,1]>(x, w)", w=weights(8, 4, 3, 3))
    twice = graph.normalize(graph.normalize(model), input="uint8")
    assert operators(twice) == ["Convolution"]
    assert twice.graph.inputs[0].dtype == ir.DataType.UINT8


def test_camera_bytes_without_or_with_wrong_preprocessing_are_refused() -> None:
    with pytest.raises(UserError, match="--mean and --std, or compile with --input float"):
        graph.normalize(model_of("y = Relu(x)", y="float[N,a,b,c] y"), input="uint8")
    with pytest.raises(UserError, match="has 3 means and 4 standard deviations, input 'x'"):
        graph.normalize(camera_case("y = Relu(x)", mean=(0.5,) * 3), input="uint8")
    vector = Case("", "y = Gemm(x, w)", "", {"w": weights(7, 3)}, x="float[N,7] x", y="float[N,a] y").model()
    with pytest.raises(UserError, match="--input float"):
        graph.normalize(vector, input="uint8")


def test_a_model_without_preprocessing_is_given_one() -> None:
    model = model_of("y = Conv(x, w)", y="float[N,a,b,c] y", w=weights(8, 4, 3, 3))
    told = graph.with_normalization(model, [0.1, 0.2, 0.3, 0.4], [0.5] * 4)
    assert graph.preprocessing_of(model) is None
    assert graph.normalize(told, input="uint8").graph.inputs[0].dtype == ir.DataType.UINT8
    with pytest.raises(UserError, match="--mean has 3 and --std 4 numbers, the model's input 4 channels"):
        graph.with_normalization(model, [0.1] * 3, [0.5] * 4)
    with pytest.raises(UserError, match="not above 0"):
        graph.with_normalization(model, [0.1] * 4, [0.5, 0, 1, 1])


def test_evaluate_refuses_another_shape() -> None:
    normal = graph.normalize(model_of("y = Relu(x)", y="float[N,a,b,c] y"))
    with pytest.raises(UserError, match=r"float32 \[1, 4, 6, 6\], not float32 \[2, 4, 6, 6\]"):
        graph.evaluate(normal, np.zeros((2, 4, 6, 6), np.float32))


def break_output_shape(model: ir.Model) -> None:
    model.graph.node(0).outputs[0].shape = ir.Shape([1, 8, 5, 5])


def break_domain(model: ir.Model) -> None:
    model.graph.node(0).domain = ""


def break_node_name(model: ir.Model) -> None:
    model.graph.node(1).name = model.graph.node(0).name


def break_value_name(model: ir.Model) -> None:
    model.graph.node(0).outputs[0].name = model.graph.inputs[0].name


def break_type(model: ir.Model) -> None:
    model.graph.node(0).outputs[0].type = ir.TensorType(ir.DataType.DOUBLE)


def break_arity(model: ir.Model) -> None:
    model.graph.node(0).resize_inputs(2)


def break_order(model: ir.Model) -> None:
    node = model.graph.node(0)
    first, second = node.inputs[:2]
    node.replace_input_with(0, second)
    node.replace_input_with(1, first)


def break_batch(model: ir.Model) -> None:
    model.graph.inputs[0].shape = ir.Shape(["N", 4, 6, 6])


def break_sequence(model: ir.Model) -> None:
    first, second = model.graph.node(0), model.graph.node(1)
    model.graph.remove(first)
    model.graph.insert_after(second, first)


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (break_output_shape, "shapes are what the operators' rules say"),
        (break_domain, "registered operator"),
        (break_node_name, "node names are unique"),
        (break_value_name, "value names are unique"),
        (break_type, "values are float32"),
        (break_arity, "number of inputs"),
        (break_order, "activations come before parameters"),
        (break_batch, "shapes are static"),
        (break_sequence, "nodes stand after what they read"),
    ],
)
def test_the_verifier_sees_damage(damage, complaint: str) -> None:  # type: ignore[no-untyped-def]
    body = "a = Conv(x, w) y = MaxPool<kernel_shape=[2,2]>(a)"
    normal = graph.normalize(model_of(body, y="float[N,a,b,c] y", w=weights(8, 4, 3, 3)))
    graph.verify(normal)
    assert len(activations_of(normal.graph.node(0))) == 1
    damage(normal)
    with pytest.raises(ValueError, match=complaint):
        graph.verify(normal)


def test_saving_and_loading_keeps_a_graph(tmp_path) -> None:  # type: ignore[no-untyped-def]
    layers = small("mobilenet_v1")
    model = graph.build(layers, graph.initialize(layers), preprocessing=FORM, classes=["a"])
    graph.save(model, tmp_path / "model.onnx")
    assert [path.name for path in tmp_path.iterdir()] == ["model.onnx"]
    again = graph.load(tmp_path / "model.onnx")
    assert graph.preprocessing_of(again) == FORM
    x = image_for(model)
    np.testing.assert_array_equal(runtime(again, x), runtime(model, x))
    assert graph.load(again) is again
