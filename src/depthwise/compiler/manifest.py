"""manifest.json of an emitted folder: its exact figures, and what a caller must know to use it."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from depthwise.config import Record
from depthwise.data.preprocessing import Preprocessing
from depthwise.device import Precision
from depthwise.errors import UserError
from depthwise.results import Buffer

WeightsForm = Literal["array", "incbin", "pointer"]
FILE = "manifest.json"


class Tensor(Record):
    """The network's input or output in memory: NHWC without batch, [H, W, C] or [C]; `bytes` in all.

    A byte q of an input with a `scale` stands for scale * (q - zero); the file names the two only there.
    """

    type: Literal["uint8", "float32"]
    shape: list[int]
    bytes: int
    scale: float | None = None
    zero: int | None = None

    @model_serializer(mode="wrap")
    def _written(self, fields: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {name: value for name, value in fields(self).items() if value is not None}


class Part(Tensor):
    """One of several inputs or outputs: its name, and where it begins in the caller's one buffer, in bytes."""

    name: str
    offset: int


class LayerType(Record):
    """What a layer of a network in 8 bits writes: floats, or bytes q that stand for scale * (q - zero)."""

    name: str
    op: str
    type: Literal["uint8", "float32"]
    scale: float | None = None
    zero: int | None = None


class TimedCall(Record):
    """A call whose time NAME_run_profiled takes: of a layer, its operator and kernel; its segment's number."""

    name: str
    op: str
    kernel: str
    segment: int


class Manifest(Record):
    """What an emitted folder holds.

    Attributes:
        name: prefix of every symbol and file. version: of depthwise.
        device, target: their names; triple: of a compiler for the target, empty for any.
        variants: the instruction set of each, best first; one alone needs no choice when the network runs.
        sources: C files of the network, NAME.c first; without constants and example.
        flags: those of flags.txt.
        weights_form: how the constants are stored; weights: their bytes.
        arena, alignment: bytes; lower_bound: what no memory plan for these calls can go below.
        input, output: the first ones. inputs, outputs: all, where there are several; else the field is not in the file.
        thread: bytes of the arena that every thread beyond the first adds; None: the C takes one thread only.
        calls: layers in order of execution, the times of `buffers`.
        preprocessing: None if the model does not say.
        layers: of a network in 8 bits what each layer writes, in order; of a float network not in the file.
        floats: which of these compute with floats.
        profile: the calls in order, if the C can take their times; it and `thread` are in the file only then.
    """

    schema_version: int = 1
    name: str
    version: str
    device: str
    target: str
    triple: str
    variants: list[str]
    sources: list[str]
    flags: list[str]
    weights_form: WeightsForm
    weights: int
    arena: int
    alignment: int
    lower_bound: int
    input: Tensor
    output: Tensor
    inputs: list[Part] = Field(default_factory=list)
    outputs: list[Part] = Field(default_factory=list)
    classes: list[str]
    preprocessing: Preprocessing | None
    calls: list[str]
    buffers: list[Buffer]
    thread: int | None = None
    layers: list[LayerType] = Field(default_factory=list)
    floats: list[str] = Field(default_factory=list)
    profile: list[TimedCall] = Field(default_factory=list)

    @property
    def precision(self) -> Precision:
        """In which most of it is computed."""
        return "int8" if self.layers else "float32"

    @property
    def input_bytes(self) -> int:
        """Bytes of the caller's buffer of all inputs."""
        return max((part.offset + part.bytes for part in self.inputs), default=self.input.bytes)

    @property
    def output_bytes(self) -> int:
        """Bytes of the caller's buffer of all outputs."""
        return max((part.offset + part.bytes for part in self.outputs), default=self.output.bytes)

    def text(self) -> str:
        """What the file holds."""
        optional = ("inputs", "outputs", "thread", "layers", "floats", "profile")
        absent = {name for name in optional if getattr(self, name) in (None, [])}
        return self.model_dump_json(indent=1, exclude=absent) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of an emitted folder.

    Raises:
        UserError: the folder is not one, or its manifest is damaged.
    """
    path = folder / FILE
    try:
        return Manifest.model_validate_json(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(
            f"{folder} is not a compiled network (no {FILE} in it); `depthwise compile MODEL -o {folder}` makes one"
        ) from None
    except (ValidationError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is damaged ({type(error).__name__}): compile the network again") from None
