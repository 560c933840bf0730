"""Files and modules from outside: what exporters write in fact, and what is broken."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from graph_cases import weights
from graph_models import check_normal, model_of, operators
from torch import nn

from depthwise import graph
from depthwise.errors import UserError


class InvertedResidual(nn.Module):
    """expand -> depthwise -> squeeze-excite -> project, with a residual."""

    def __init__(self, channels: int, activation: nn.Module, vectors: bool) -> None:
        super().__init__()
        wide = 2 * channels
        self.expand = nn.Sequential(nn.Conv2d(channels, wide, 1, bias=False), nn.BatchNorm2d(wide), activation)
        self.depthwise = nn.Sequential(
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False), nn.BatchNorm2d(wide), activation
        )
        self.vectors = vectors
        self.reduce = nn.Linear(wide, 4) if vectors else nn.Conv2d(wide, 4, 1)
        self.excite = nn.Linear(4, wide) if vectors else nn.Conv2d(4, wide, 1)
        self.gate = nn.Hardsigmoid()
        self.project = nn.Sequential(nn.Conv2d(wide, channels, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.depthwise(self.expand(x))
        pooled = y.mean((2, 3)) if self.vectors else nn.functional.adaptive_avg_pool2d(y, 1)
        gate = self.gate(self.excite(torch.relu(self.reduce(pooled))))
        y = y * (gate.view(gate.shape[0], -1, 1, 1) if self.vectors else gate)
        return x + self.project(y)


class Classifier(nn.Module):
    """A small network of what people use: BatchNorm, residual, gates, several ways to end."""

    def __init__(self, activation: nn.Module, ending: str = "pool", vectors: bool = False) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(8), activation)
        self.block = InvertedResidual(8, activation, vectors)
        self.ending = ending
        self.dropout = nn.Dropout(0.2)
        self.classifier = nn.Linear(8 * 64 if ending == "map" else 8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.block(self.stem(x))
        match self.ending:
            case "pool":
                x = nn.functional.adaptive_avg_pool2d(x, 1).flatten(1)
            case "means":
                x = x.mean(3).mean(2)
            case "view":
                x = nn.functional.avg_pool2d(x, 8)
                x = x.view(x.size(0), -1)
            case "map":
                x = torch.flatten(x, 1)
        return self.classifier(self.dropout(x))


def network(activation: nn.Module | None = None, ending: str = "pool", vectors: bool = False) -> Classifier:
    torch.manual_seed(0)
    module = Classifier(activation or nn.ReLU6(), ending, vectors)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.normal_(part.bias, 0, 0.1)
            part.running_mean.normal_(0, 0.1)
            part.running_var.uniform_(0.5, 1.5)
    return module


def same_numbers(module: nn.Module, model: ir.Model) -> ir.Model:
    x = np.random.default_rng(0).standard_normal((1, 3, 16, 16)).astype(np.float32)
    module.eval()
    with torch.no_grad():
        expected = module(torch.from_numpy(x)).numpy()
    normal = graph.normalize(model)
    np.testing.assert_allclose(graph.evaluate(normal, x)[0], expected, rtol=1e-4, atol=1e-5)
    return normal


NETWORKS: dict[str, Callable[[], Classifier]] = {
    "relu6": network,
    "hard_swish": lambda: network(nn.Hardswish()),
    "silu": lambda: network(nn.SiLU()),
    "sigmoid": lambda: network(nn.Sigmoid()),
    "hardtanh": lambda: network(nn.Hardtanh(-1, 2)),
    "means": lambda: network(ending="means"),
    "view": lambda: network(ending="view"),
    "map": lambda: network(ending="map"),
    "vectors": lambda: network(vectors=True),
}
INSIDE = ["Pointwise", "Depthwise", "GlobalAveragePool", "Pointwise", "Pointwise", "Multiply", "Pointwise", "Add"]


@pytest.mark.parametrize("name", ["relu6", "map", "vectors"])  # torch's exporter takes seconds
def test_a_torch_module_comes_in_whole(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    module = NETWORKS[name]()
    module.train()
    module.block.expand[1].eval()
    modes = [part.training for part in module.modules()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = graph.load(module, shape=(3, 16, 16))
    assert capfd.readouterr() == ("", "")
    assert [part.training for part in module.modules()] == modes
    normal = same_numbers(module, model)
    ending = ["Convolution", "Flatten"] if name == "map" else ["GlobalAveragePool", "Flatten", "FullyConnected"]
    assert [node.op_type for node in normal.graph] == ["Convolution", *INSIDE, *ending]
    assert {"stem.0", "block.depthwise.0", "block.project.0", "classifier"} <= {node.name for node in normal.graph}
    counted = sum(int(node.metadata_props.get("depthwise.parameters", "0")) for node in normal.graph)
    assert counted == sum(parameter.numel() for parameter in module.parameters())


def test_a_module_without_shape_is_told_what_to_pass() -> None:
    with pytest.raises(UserError, match=r"Classifier is unknown: pass shape=\(channels, height, width\)"):
        graph.load(network())


def test_a_module_that_fails_gives_one_line() -> None:
    module = network(ending="map").train()
    with pytest.raises(
        UserError, match=r"Classifier cannot be exported for an input \[1, 3, 32, 32\]: a and b must"
    ) as caught:
        graph.load(module, shape=(3, 32, 32))
    assert "\n" not in str(caught.value)
    assert module.training


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("opset", [11, 17])
def test_a_file_of_the_old_exporter_with_a_dynamic_batch(name: str, opset: int, tmp_path: Path) -> None:
    module, path = NETWORKS[name]().eval(), tmp_path / "model.onnx"
    torch.onnx.export(
        module, (torch.zeros(1, 3, 16, 16),), str(path), dynamo=False, opset_version=opset, input_names=["x"],
        output_names=["y"], dynamic_axes={"x": {0: "batch"}, "y": {0: "batch"}}, do_constant_folding=False,
    )  # fmt: skip
    same_numbers(module, graph.load(path))


@pytest.mark.filterwarnings("ignore")
def test_a_file_of_the_new_exporter_with_a_dynamic_batch_and_external_data(tmp_path: Path) -> None:
    module, path = network(nn.Hardswish(), "view").eval(), tmp_path / "model.onnx"
    batch = torch.export.Dim("batch")
    torch.onnx.export(
        module, (torch.zeros(2, 3, 16, 16),), str(path), dynamo=True, verbose=False, dynamic_shapes=({0: batch},),
        external_data=True,
    )  # fmt: skip
    assert (tmp_path / "model.onnx.data").is_file()
    same_numbers(module, graph.load(path))
    (tmp_path / "model.onnx.data").unlink()
    with pytest.raises(UserError, match=r"model.onnx' keeps its weights in another file that cannot be read"):
        graph.load(path)


def saved(tmp_path: Path) -> Path:
    path = tmp_path / "model.onnx"
    graph.save(model_of("a = Conv(x, w) y = Relu(a)", y="float[N,a,b,c] y", w=weights(8, 4, 3, 3)), path)
    return path


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_file_is_refused(share: float, tmp_path: Path) -> None:
    path = saved(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=r"model.onnx'.* (truncated|no ONNX model|damaged|has no)"):
        graph.normalize(graph.load(path))


@pytest.mark.parametrize("content", [b"\x89PNG\r\n\x1a\n" * 20, b"not a model", bytes(100), b"\x08\x08"])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises(UserError, match="no ONNX model"):
        graph.load(path)


def test_nothing_and_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="does not exist"):
        graph.load(tmp_path / "missing.onnx")
    with pytest.raises(UserError, match="is a folder"):
        graph.load(tmp_path)
    with pytest.raises(UserError, match="a int is no network"):
        graph.load(3)


def damaged(tmp_path: Path, damage: Callable[[onnx.GraphProto], None]) -> Path:
    path = saved(tmp_path)
    proto = onnx.load(path)
    damage(proto.graph)
    onnx.save(proto, path)
    return path


def make_cycle(body: onnx.GraphProto) -> None:
    body.node[0].input[0] = "y"


def read_nothing(body: onnx.GraphProto) -> None:
    body.node[0].input[0] = "nowhere"


def compute_twice(body: onnx.GraphProto) -> None:
    body.node.append(body.node[1])


def drop_output(body: onnx.GraphProto) -> None:
    body.output[0].name = "nowhere"


def cut_weights(body: onnx.GraphProto) -> None:
    body.initializer[0].raw_data = body.initializer[0].raw_data[:-8]


def misfit(body: onnx.GraphProto) -> None:
    body.initializer[0].dims[:] = [8, 2, 3, 6]


def empty(body: onnx.GraphProto) -> None:
    del body.node[:]


@pytest.mark.parametrize(
    "damage",
    [make_cycle, read_nothing, compute_twice, drop_output, cut_weights, misfit, empty],
    ids=lambda f: f.__name__,
)
def test_a_malformed_graph_is_refused_in_one_line(damage: Callable[[onnx.GraphProto], None], tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        graph.normalize(graph.load(damaged(tmp_path, damage)))
    assert "\n" not in str(caught.value)


def test_random_damage_gives_one_line_or_a_network(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = saved(tmp_path).read_bytes()
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        copy = bytearray(content)
        # Structure stands at both ends of the file, weights between.
        places = [*range(100), *range(len(copy) - 100, len(copy))]
        for place in random.choice(places, random.integers(1, 4)):
            copy[place] = random.integers(256)
        (tmp_path / "model.onnx").write_bytes(copy)
        try:
            graph.normalize(graph.load(tmp_path / "model.onnx"))
        except UserError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 100
    assert caplog.text == ""


def test_nodes_out_of_order_are_sorted(tmp_path: Path) -> None:
    def reverse(body: onnx.GraphProto) -> None:
        first, second = (onnx.NodeProto.FromString(node.SerializeToString()) for node in body.node)
        del body.node[:]
        body.node.extend([second, first])

    assert operators(graph.normalize(graph.load(damaged(tmp_path, reverse)))) == ["Convolution+clip"]


def test_an_old_file_is_upgraded(tmp_path: Path) -> None:
    body = (
        "a = Conv(x, w) c = Clip<min=0.0, max=6.0>(a) g = GlobalAveragePool(c) "
        "s = Squeeze<axes=[2,3]>(g) y = Softmax<axis=1>(s)"
    )
    model = model_of(body, y="float[N,a] y", opset=9, w=weights(8, 4, 3, 3))
    graph.save(model, tmp_path / "old.onnx")
    loaded = graph.load(tmp_path / "old.onnx")
    assert operators(check_normal(loaded)) == ["Convolution+clip", "GlobalAveragePool", "Flatten", "Softmax"]


def test_a_float16_weight_is_named(tmp_path: Path) -> None:
    model = model_of("y = Conv(x, w)", y="float[N,a,b,c] y", w=weights(8, 4, 3, 3).astype(np.float16))
    with pytest.raises(UserError, match=r"weight 'w' \[8, 4, 3, 3\] is FLOAT16: export the network in float32"):
        graph.normalize(model)


def test_constants_listed_as_inputs_are_constants(tmp_path: Path) -> None:
    def list_as_inputs(body: onnx.GraphProto) -> None:
        weight = body.initializer[0]
        body.input.append(onnx.helper.make_tensor_value_info(weight.name, 1, weight.dims))

    assert operators(graph.normalize(graph.load(damaged(tmp_path, list_as_inputs)))) == ["Convolution+clip"]
