"""Graphs from outside: .onnx files and torch modules; and Graphs to files."""

import math
import sys
from pathlib import Path
from typing import Any

import onnx_ir as ir

from depthwise.errors import UserError
from depthwise.files import atomic_file
from depthwise.graph.passes.fold_constants import quiet

OLDEST_OPSET = 13
"""Since this ONNX operator set Softmax, Clip, Dropout, Squeeze and BatchNormalization mean what the passes expect."""

MOST_NODES = 20_000
"""Nodes of the largest network that is taken, twenty times those of the largest one that has a name here."""

MOST_BYTES = 2**31 - 2**20
"""Of weights and of a file: protobuf ends at 2 GiB."""


def load(source: Any, *, shape: tuple[int, int, int] | None = None) -> ir.Model:
    """The Graph of an ONNX file, a torch module, or a Graph (which is returned as it is).

    Args:
        source: path of an .onnx file (with its external data beside it, if any), torch.nn.Module, or Graph.
        shape: (channels, height, width) of a torch module's input.

    Raises:
        UserError: no such file; a file that is truncated, no ONNX, or larger than `MOST_NODES` and `MOST_BYTES`; a
            torch module without `shape` or that cannot be exported; anything else.
    """
    if isinstance(source, ir.Model):
        return source
    if isinstance(source, str | Path):
        return _load_file(Path(source))
    torch = sys.modules.get("torch")  # whoever holds a module has imported it
    if torch is not None and isinstance(source, torch.nn.Module):
        from depthwise.graph.from_torch import from_torch

        return from_torch(source, shape)
    raise UserError(f"a {type(source).__name__} is no network: give a path to an .onnx file, a torch module or a Graph")


def save(graph: ir.Model, path: Path | str) -> None:
    """Writes an ONNX file whole or not at all.

    Raises:
        UserError: the Graph is above protobuf's limit of 2 GiB.
    """
    size = sum(value.const_value.nbytes for value in graph.graph.initializers.values() if value.const_value is not None)
    if size >= MOST_BYTES:
        raise UserError(f"the network has {size / 2**30:.1f} GiB of weights: an ONNX file holds at most 2 GiB")
    with atomic_file(Path(path)) as aside:
        ir.save(graph, aside)


def _load_file(path: Path) -> ir.Model:
    if not path.is_file():
        raise UserError(f"'{path}' does not exist" if not path.exists() else f"'{path}' is a folder, not an .onnx file")
    if path.stat().st_size >= MOST_BYTES:
        raise UserError(f"'{path}' has {path.stat().st_size / 2**30:.1f} GiB: an ONNX file holds at most 2 GiB")
    import onnx
    from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

    try:
        proto = onnx.load_model(path, load_external_data=False)
        # An empty or foreign file may still decode, as a message without a graph.
        if not proto.HasField("graph") or not (proto.graph.node or proto.graph.input):
            raise UserError(f"'{path}' ({path.stat().st_size} bytes) is no ONNX model: it has no graph")
        _check_size(proto, path)
        onnx.external_data_helper.load_external_data_for_model(proto, str(path.resolve().parent))
        with quiet():
            model: ir.Model = ir.from_proto(_upgraded(proto, path))
        model.graph.sort()
        _check_attributes(model)
        for value in model.graph.initializers.values():
            if value.const_value is not None:
                value.const_value.numpy()  # fails where the data is shorter than the shape says
    except UserError:
        raise
    except (DecodeError, UnicodeDecodeError):
        raise UserError(
            f"'{path}' ({path.stat().st_size} bytes) is no ONNX model or is truncated: export it again"
        ) from None
    except (FileNotFoundError, onnx.checker.ValidationError) as error:
        raise UserError(
            f"'{path}' keeps its weights in another file that cannot be read: {_first_line(error)}"
        ) from None
    except (ValueError, KeyError, TypeError, RuntimeError, AssertionError) as error:
        raise UserError(f"'{path}' is a damaged ONNX model: {_first_line(error)}") from None
    return model


def _check_size(proto: Any, path: Path) -> None:
    """Refuses what would take minutes or more memory than there is, before any of it is read."""
    nodes = _nodes_of(proto, path)
    if nodes > MOST_NODES:
        raise UserError(f"'{path}' has {nodes:,} nodes: networks of up to {MOST_NODES:,} are taken")
    numbers = sum(math.prod(tensor.dims) for tensor in proto.graph.initializer)
    if numbers >= MOST_BYTES:
        raise UserError(f"'{path}' states {numbers:,} weights: networks of up to 2 GiB are taken")


def _nodes_of(proto: Any, path: Path) -> int:
    """How many nodes there are once the nodes of functions stand where these are called."""
    functions = {(function.domain, function.name): function for function in proto.functions}
    counted: dict[tuple[str, str], int] = {}

    def count(nodes: Any, callers: tuple[tuple[str, str], ...]) -> int:
        total = 0
        for node in nodes:
            key = (node.domain, node.op_type)
            if key in callers:
                raise UserError(f"'{path}' has a function '{node.op_type}' that calls itself: the model is damaged")
            if key in functions and key not in counted:
                counted[key] = count(functions[key].node, (*callers, key))
            total += counted.get(key, 1)
        return total

    return count(proto.graph.node, ())


def _check_attributes(model: ir.Model) -> None:
    """Refuses attributes of other types than their operators have, before anything reads them.

    Raises:
        UserError: there is one.
    """
    import onnx.defs

    opset = model.graph.opset_imports.get("", OLDEST_OPSET)
    for node in model.graph:
        if node.domain or not onnx.defs.has(node.op_type):
            continue
        try:
            known = onnx.defs.get_schema(node.op_type, opset).attributes
        except onnx.defs.SchemaError:  # of a newer operator set
            continue
        for name, attribute in node.attributes.items():
            if name in known and not attribute.is_ref() and attribute.type.value != known[name].type.value:
                raise UserError(
                    f"node '{node.name}' ({node.op_type}) has {attribute.type.name} in its attribute '{name}', "
                    f"which is {ir.AttributeType(known[name].type.value).name}: the model is damaged"
                )


def _upgraded(proto: Any, path: Path) -> Any:
    """The model in a newer operator set, if its own is older than the passes know."""
    opset = next((entry.version for entry in proto.opset_import if entry.domain in ("", "ai.onnx")), None)
    if opset is None or opset >= OLDEST_OPSET:
        return proto
    import onnx.version_converter

    with quiet():
        try:
            return onnx.version_converter.convert_version(proto, OLDEST_OPSET)
        except Exception as error:  # the converter, C++ behind, raises anything
            raise UserError(
                f"'{path}' uses ONNX opset {opset} and cannot be brought to {OLDEST_OPSET} ({_first_line(error)}): "
                f"export it with opset {OLDEST_OPSET} or newer"
            ) from None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
