"""The operations of an ML Program as they stand in a package: its specification (MIL.proto) and its weight.bin."""

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

_TYPES = {"BOOL": np.bool_, "FLOAT16": np.float16, "FLOAT32": np.float32, "INT8": np.int8, "INT32": np.int32}
"""Name of an element type in MIL.proto -> NumPy's; what else there is are strings."""

_BLOB = struct.Struct("<IIQQ")
"""Head of an entry of weight.bin: mark, element type, bytes, where they begin."""

_MARK = 0xDEADBEEF


class Name(str):
    """An argument that is what another operation computes."""


@dataclass(frozen=True)
class Operation:
    """An operation of a program.

    Attributes:
        kind: e.g. "conv". name: of its first output.
        arguments: by name: a Name, a constant (an array or a text), or a list of such.
    """

    kind: str
    name: str
    arguments: Mapping[str, Any]


def read_operations(operations: Iterable[Any], weights: bytes) -> list[Operation]:
    """The operations of a block.

    Args:
        operations: MIL.proto's.
        weights: content of weight.bin.
    """
    found = []
    for each in operations:
        arguments = {key: _constant(value, weights) for key, value in each.attributes.items()}
        for key, given in each.inputs.items():
            several = [
                Name(one.name) if one.WhichOneof("binding") == "name" else _constant(one.value, weights)
                for one in given.arguments
            ]
            arguments[key] = several[0] if len(several) == 1 else several
        found.append(Operation(each.type, each.outputs[0].name, arguments))
    return found


def _constant(value: Any, weights: bytes) -> Any:
    if value.type.WhichOneof("type") == "listType":
        return [_constant(one, weights) for one in value.immediateValue.list.values]
    kind = value.type.tensorType
    shape = [int(side.constant.size) for side in kind.dimensions]
    dtype = _TYPES.get(kind.DESCRIPTOR.fields_by_name["dataType"].enum_type.values_by_number[kind.dataType].name)
    if value.WhichOneof("value") == "blobFileValue":
        mark, _, size, start = _BLOB.unpack_from(weights, value.blobFileValue.offset)
        if mark != _MARK:
            raise ValueError(f"weight.bin has no entry at {value.blobFileValue.offset}")
        return np.frombuffer(weights[start : start + size], dtype).reshape(shape)
    tensor = value.immediateValue.tensor
    field = tensor.WhichOneof("value")
    values = getattr(tensor, field).values
    if field == "strings":
        return str(values[0])
    flat = np.frombuffer(values, dtype) if field == "bytes" else np.asarray(list(values), dtype)
    return flat.reshape(shape)
