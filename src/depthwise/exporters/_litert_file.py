"""A LiteRT (.tflite) file in the making: tensors, operators and metadata, in the schema that ai-edge-litert ships."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from depthwise.errors import missing_extra

ALIGNMENT = 16
"""Bytes to which the schema aligns the data of a buffer, so that weights can be read in place."""

IDENTIFIER = b"TFL3"
SCHEMA_VERSION = 3

OPTIONS: Mapping[str, str] = {
    "ADD": "AddOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "HARD_SWISH": "HardSwishOptions",
    "MAXIMUM": "MaximumMinimumOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "MEAN": "ReducerOptions",
    "MINIMUM": "MaximumMinimumOptions",
    "MUL": "MulOptions",
    "PAD": "PadOptions",
    "PADV2": "PadV2Options",
    "RESHAPE": "ReshapeOptions",
    "SOFTMAX": "SoftmaxOptions",
}
"""Operator -> table of its options; an operator that is not named has none."""


INTEGER_VERSIONS: Mapping[str, int] = {
    "ADD": 2,
    "AVERAGE_POOL_2D": 2,
    "CONCATENATION": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "DEQUANTIZE": 2,
    "FULLY_CONNECTED": 4,
    "MAXIMUM": 2,
    "MAX_POOL_2D": 2,
    "MEAN": 2,
    "MINIMUM": 2,
    "MUL": 2,
    "PAD": 2,
    "PADV2": 2,
    "QUANTIZE": 2,
    "RELU": 2,
    "RELU6": 2,
    "RELU_N1_TO_1": 2,
}
"""Operator -> the version that knows int8; 1 where nothing is said."""


@dataclass(frozen=True)
class Encoding:
    """What integers stand for: scale * (q - zero); several scales lie along `axis`."""

    scales: tuple[float, ...]
    zero: int = 0
    axis: int = 0


def load_schema() -> Any:
    """The Python classes of the file format's schema.

    Raises:
        UserError: ai-edge-litert is not installed.
    """
    try:
        from ai_edge_litert import schema_py_generated
    except ModuleNotFoundError:
        raise missing_extra("export to LiteRT", "ai-edge-litert", "export") from None
    return schema_py_generated


class LiteRtFile:
    """One graph of operators on float32 and int8 tensors; tensors are known by their index."""

    def __init__(self) -> None:
        self.schema = load_schema()
        self._tensors: list[Any] = []
        self._encodings: list[Encoding | None] = []
        self._buffers: list[Any] = [self.schema.BufferT()]  # the first one means "no data"
        self._operators: list[Any] = []
        self._codes: dict[tuple[str, int], int] = {}
        self._metadata: list[Any] = []

    def tensor(
        self, name: str, shape: Sequence[int], data: np.ndarray | None = None, encoding: Encoding | None = None
    ) -> int:
        """A new tensor: int8 if it has an encoding, else float32; `data` makes it a constant of its own type."""
        made = self.schema.TensorT(shape=list(shape), name=name, hasRank=True)
        kind = data.dtype.name if data is not None else "float32" if encoding is None else "int8"
        made.type = getattr(self.schema.TensorType, kind.upper())
        if encoding is not None:
            made.quantization = self.schema.QuantizationParametersT(
                scale=list(encoding.scales),
                zeroPoint=[encoding.zero] * len(encoding.scales),
                quantizedDimension=encoding.axis,
            )
        if data is not None:
            made.buffer = self._buffer(data)
        self._tensors.append(made)
        self._encodings.append(encoding)
        return len(self._tensors) - 1

    def constant(self, name: str, values: npt.ArrayLike) -> int:
        """A float32 constant."""
        array = np.asarray(values, np.float32)
        return self.tensor(name, array.shape, array)

    def integers(self, name: str, values: npt.ArrayLike) -> int:
        """An int32 constant: axes, shapes, paddings."""
        array = np.asarray(values, np.int32)
        return self.tensor(name, array.shape, array)

    def like(self, name: str, tensor: int, shape: Sequence[int] = ()) -> int:
        """A new tensor of another one's type, and of its shape if none is given."""
        return self.tensor(name, shape or self.shape(tensor), encoding=self.encoding(tensor))

    def encoding(self, tensor: int) -> Encoding | None:
        """What the integers of a tensor stand for; None: it has floats."""
        return self._encodings[tensor]

    def shape(self, tensor: int) -> list[int]:
        """The shape of a tensor."""
        return list(self._tensors[tensor].shape)

    def operator(self, code: str, inputs: Sequence[int], output: int, version: int = 1, **options: Any) -> None:
        """Adds an operator by the schema's name, with the fields of its options."""
        if any(self.encoding(tensor) for tensor in inputs):
            version = max(version, INTEGER_VERSIONS.get(code, 1))
        key = (code, version)
        made = self.schema.OperatorT(inputs=list(inputs), outputs=[output])
        made.opcodeIndex = self._codes.setdefault(key, len(self._codes))
        if code in OPTIONS:
            made.builtinOptionsType = getattr(self.schema.BuiltinOptions, OPTIONS[code])
            made.builtinOptions = getattr(self.schema, f"{OPTIONS[code]}T")(**options)
        self._operators.append(made)

    def metadata(self, name: str, content: bytes) -> None:
        """Adds a named block of bytes."""
        buffer = self._buffer(np.frombuffer(content, np.uint8))
        self._metadata.append(self.schema.MetadataT(name=name, buffer=buffer))

    def to_bytes(self, inputs: Mapping[str, int], outputs: Mapping[str, int], name: str) -> bytearray:
        """The file; inputs and outputs by the names of its signature "serving_default"."""
        schema = self.schema
        graph = schema.SubGraphT(self._tensors, [*inputs.values()], [*outputs.values()], self._operators, name)
        ends = ([schema.TensorMapT(key, index) for key, index in end.items()] for end in (inputs, outputs))
        model = schema.ModelT(
            version=SCHEMA_VERSION,
            description="depthwise",
            operatorCodes=[self._code(code, version) for code, version in self._codes],
            subgraphs=[graph],
            buffers=self._buffers,
            metadata=self._metadata,
            signatureDefs=[schema.SignatureDefT(*ends, signatureKey="serving_default")],
        )
        builder = _builder(1024 + 2 * sum(buffer.data.nbytes for buffer in self._buffers if buffer.data is not None))
        builder.Finish(model.Pack(builder), IDENTIFIER)
        return bytearray(builder.Output())

    def _buffer(self, data: np.ndarray) -> int:
        little = data.astype(data.dtype.newbyteorder("<"), copy=False)
        self._buffers.append(self.schema.BufferT(data=np.frombuffer(little.tobytes(), np.uint8)))
        return len(self._buffers) - 1

    def _code(self, name: str, version: int) -> Any:
        number = getattr(self.schema.BuiltinOperator, name)
        # Older readers know the first field only, which holds numbers up to 127.
        return self.schema.OperatorCodeT(min(number, 127), version=version, builtinCode=number)


def _builder(size: int) -> Any:
    """A builder that aligns vectors of bytes, which are the data of buffers; `size` is a guess of the file's."""
    import flatbuffers

    class Builder(flatbuffers.Builder):  # type: ignore[misc]
        def StartVector(self, elemSize: int, numElems: int, alignment: int) -> Any:  # noqa: N802, N803
            return super().StartVector(elemSize, numElems, ALIGNMENT if elemSize == 1 else alignment)

    return Builder(size)
