"""A model that is damaged, goes round in a circle or is huge gives one clear line, before it takes time or memory."""

import time
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from depthwise.cli import main


def model(nodes: list[onnx.NodeProto], *initializers: TensorProto) -> onnx.ModelProto:
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3, 8, 8]) for name in ("x", "y")]
    made = helper.make_graph(nodes, "network", ends[:1], ends[1:], list(initializers))
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def node(operator: str, *names: str) -> onnx.NodeProto:
    return helper.make_node(operator, names[:-1], names[-1:], name=f"{operator} to {names[-1]}")


def circle(path: Path) -> None:
    nodes = [node("Add", "x", "b", "a"), node("Relu", "a", "b"), node("Relu", "b", "y")]
    onnx.save_model(model(nodes), path)


def itself(path: Path) -> None:
    onnx.save_model(model([node("Add", "x", "y", "y")]), path)


def loose_end(path: Path) -> None:
    onnx.save_model(model([node("Add", "x", "nowhere", "y")]), path)


def truncated(path: Path) -> None:
    onnx.save_model(model([node("Relu", "x", "y")]), path)
    path.write_bytes(path.read_bytes()[:-20])


def garbage(path: Path) -> None:
    path.write_bytes(b"\x99" * 1000)


def empty(path: Path) -> None:
    path.touch()


def many_nodes(path: Path) -> None:
    big = model([node("Relu", "x", "y")])
    big.graph.node.extend([node("Relu", "y", "z")] * 100_000)
    onnx.save_model(big, path)


def large_file(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**31 + 10)  # of holes


def large_weights(path: Path) -> None:
    """Two tensors of 4 GiB, in a file of holes beside it."""
    weight = TensorProto(name="w", dims=[2**10] * 3, data_type=TensorProto.FLOAT, data_location=TensorProto.EXTERNAL)
    weight.external_data.add(key="location", value="weights")
    another = TensorProto()
    another.CopyFrom(weight)
    another.name = "v"
    onnx.save_model(model([node("Add", "x", "w", "a"), node("Add", "a", "v", "y")], weight, another), path)
    with path.with_name("weights").open("wb") as file:
        file.truncate(2**32)


def short_weights(path: Path) -> None:
    weight = TensorProto(name="w", dims=[3, 1, 1], data_type=TensorProto.FLOAT, raw_data=b"1234")
    onnx.save_model(model([node("Add", "x", "w", "y")], weight), path)


def calling(path: Path, *calls: int) -> None:
    """Functions by number, each of which calls that of `calls` twice."""
    opset = [helper.make_opsetid("", 18), helper.make_opsetid("own", 1)]
    big = model([helper.make_node(f"F{len(calls) - 1}", ["x"], ["y"], domain="own")])
    for number, call in enumerate(calls):
        nodes = [
            helper.make_node(f"F{call}", ["a"], ["b"], domain="own"),
            helper.make_node(f"F{call}", ["b"], ["c"], domain="own"),
        ]
        body = nodes if call >= 0 else [node("Relu", "a", "c")]
        big.functions.append(helper.make_function("own", f"F{number}", ["a"], ["c"], body, opset))
    big.opset_import.append(opset[1])
    onnx.save_model(big, path)


def nested_functions(path: Path) -> None:
    calling(path, *range(-1, 39))


def function_of_itself(path: Path) -> None:
    calling(path, 1, 0)


def wrong_attribute(path: Path) -> None:
    onnx.save_model(model([helper.make_node("LeakyRelu", ["x"], ["y"], name="leaky", alpha=1)]), path)


def name_of_no_text(path: Path) -> None:
    weight = TensorProto(name="w", dims=[3, 1, 1], data_type=TensorProto.FLOAT, raw_data=bytes(12))
    onnx.save_model(model([node("Add", "x", "w", "y")], weight), path)
    path.write_bytes(path.read_bytes().replace(b"Add to y", b"Add\xffto y"))


BAD: dict[Callable[[Path], None], str] = {
    circle: "is a damaged ONNX model: Graph contains a cycle",
    itself: "is a damaged ONNX model: Graph contains a cycle",
    loose_end: "reads 'nowhere', which nothing before it computes",
    truncated: "is no ONNX model or is truncated",
    garbage: "is no ONNX model or is truncated",
    empty: "(0 bytes) is no ONNX model",
    many_nodes: "has 100,001 nodes: networks of up to 20,000 are taken",
    nested_functions: "has 549,755,813,888 nodes: networks of up to 20,000 are taken",
    function_of_itself: "that calls itself: the model is damaged",
    wrong_attribute: "node 'leaky' (LeakyRelu) has INT in its attribute 'alpha', which is FLOAT: the model is damaged",
    name_of_no_text: "cannot be written as ONNX, though it could be read: the model is damaged",
    large_file: "has 2.0 GiB: an ONNX file holds at most 2 GiB",
    large_weights: "states 2,147,483,648 weights: networks of up to 2 GiB are taken",
    short_weights: "is a damaged ONNX model",
}


@pytest.mark.parametrize("write", BAD, ids=lambda write: write.__name__)
def test_one_line(write: Callable[[Path], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.onnx"
    write(path)
    begin = time.process_time()
    with pytest.raises(SystemExit) as stop:
        main(["lint", str(path)])
    assert time.process_time() - begin < 15  # it would take minutes
    assert stop.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("depthwise: ") and told.err.count("\n") == 1
    assert BAD[write] in told.err
