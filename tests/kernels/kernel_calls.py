"""Kernels on cases: the C that calls them, its build, and calls through ctypes with guard words round every buffer."""

import ctypes
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import jinja2
import numpy as np

import depthwise
from depthwise.ops import REGISTRY, Kernel, cases, error_bound
from depthwise.ops.base import Rows
from depthwise.ops.cases import Case

KERNELS = Path(depthwise.__file__).parent / "kernels"
WARNINGS = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", "-ffp-contract=off")
_FLOATS = ("scale", "first_scale", "second_scale")
"""Fields that are floats wherever they are; those of a clip are so unless it is one of bytes."""
_ACTIVATIONS = ("CLIP", "HARD_SIGMOID", "HARD_SWISH", "SIGMOID", "SILU")
_WORDS = {"UNBOUNDED": np.inf, "-UNBOUNDED": -np.inf} | {f"ACTIVATION_{a}": i for i, a in enumerate(_ACTIVATIONS)}
"""What the words mean that stand for numbers in the fields of a kernel's parameters: see parameters.h."""

GUARD = 64
"""Guard bytes on either side of a buffer."""


@dataclass(frozen=True)
class Call:
    """A case and a kernel that serves it."""

    case: Case
    kernel: Kernel

    def __str__(self) -> str:
        return f"{self.kernel.name}-{self.case}"

    @cached_property
    def shape(self) -> tuple[int, ...]:
        return REGISTRY[self.case.op].shape(self.case.node())

    @cached_property
    def window(self) -> Rows | None:
        """Which input rows an output row needs; None for an operator that runs as a whole only."""
        describe = REGISTRY[self.case.op].rows
        return describe(self.case.node()) if describe else None

    @property
    def rows(self) -> int:
        """Rows that the kernel counts: of the output, or of the input if it reduces it."""
        shape = self.case.inputs[0] if self.window and self.window.reduces else self.shape
        return shape[2] if len(shape) == 4 else 1

    @property
    def channels(self) -> int:
        """Channels of the output."""
        return self.shape[1]

    def band(self, first: int) -> tuple[int, list[int]]:
        """First input row of the band from row `first` on; bytes before the band in x, x2, constants, y."""
        if self.window is None or first == 0:
            return 0, [0, 0, 0, 0]
        base = max(0, first * self.window.stride - self.window.pad)
        gate = len(self.case.inputs) == 2 and self.case.inputs[1][2:] != self.case.inputs[0][2:]
        before = [
            base * row_bytes(shape, array.itemsize)
            for shape, array in zip(self.case.inputs, self.operands, strict=False)
        ]
        before += [0] * (2 - len(before))
        return base, [
            before[0],
            0 if gate else before[1],
            0,
            0 if self.window.reduces else first * row_bytes(self.shape, self.output_type.itemsize),
        ]

    @cached_property
    def operands(self) -> list[np.ndarray]:
        """x, x2, constants as the kernel reads them (NHWC); an absent one is empty."""
        arrays = [channels_last(array) for array in self.case.activations()]
        constants = self.kernel.constants(self.case.node())
        empty = np.zeros(0, np.float32)
        if isinstance(constants, np.ndarray):
            constants = constants.reshape(-1)
        else:  # several arrays lie one after the other, each of whole words
            words = [np.pad(np.frombuffer(one.tobytes(), np.uint8), (0, -one.nbytes % 4)) for one in constants or ()]
            constants = np.concatenate(words) if words else empty
        return [*arrays, *[empty] * (2 - len(arrays)), constants]

    @property
    def output_type(self) -> np.dtype:
        return np.dtype(self.kernel.output_type)

    @property
    def output_bytes(self) -> int:
        return int(np.prod(self.shape)) * self.output_type.itemsize

    @cached_property
    def fields(self) -> Mapping[str, int | float | str]:
        """The kernel's parameters."""
        return self.kernel.parameters(self.case.node())

    @cached_property
    def workspace(self) -> int:
        return self.kernel.workspace(self.case.node())

    @cached_property
    def expected(self) -> np.ndarray:
        return REGISTRY[self.case.op].compute(self.case.node(), *self.case.activations())

    @cached_property
    def tolerance(self) -> np.ndarray:
        """How far the kernel may be off."""
        if self.case.integer:
            return np.zeros(self.shape)
        return error_bound(REGISTRY[self.case.op], self.case.node(), self.expected, *self.case.activations())


def serving(case: Case, instructions: str) -> list[Kernel]:
    """The kernels for an instruction set that serve a case."""
    return [
        kernel
        for kernel in REGISTRY[case.op].kernels
        if kernel.instructions == instructions
        and kernel.input_type == case.activations()[0].dtype.name
        and kernel.fits(case.node())
    ]


def calls_for(instructions: str) -> list[Call]:
    """Every case with every kernel for an instruction set that serves it."""
    table = [case for op, some in cases.REGISTRY.items() for case in (*some, *cases.integer_cases(op))]
    return [Call(case, kernel) for case in table for kernel in serving(case, instructions)]


def row_bytes(shape: tuple[int, ...], element: int) -> int:
    """Bytes of a row of a map [1, C, H, W] with elements of so many."""
    return int(shape[1] * np.prod(shape[3:])) * element


def channels_last(array: np.ndarray) -> np.ndarray:
    """[1, C, H, W] as NHWC, flat."""
    return np.ascontiguousarray(array.transpose(0, 2, 3, 1) if array.ndim == 4 else array).reshape(-1)


def channels_first(flat: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The inverse of `channels_last`."""
    if len(shape) == 2:
        return flat.reshape(shape)
    return flat.reshape(1, *shape[2:], shape[1]).transpose(0, 3, 1, 2)


def source(calls: Sequence[Call], macros: Sequence[str] = ()) -> str:
    """The C text of a list of calls."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    kernels = {call.kernel.name: call for call in calls}
    return environment.get_template("one_call.c.j2").render(
        macros=macros,
        headers=[f"{name}.h" for name in kernels],
        kernels=[
            {
                "name": name,
                "struct": call.kernel.struct,
                "fields": {field: _field_type(call, field) for field in call.fields},
                "binary": len(call.case.inputs) == 2,
                "channels": call.kernel.channels,
            }
            for name, call in kernels.items()
        ],
        calls=[
            {
                "index": index,
                "kernel": call.kernel.name,
                "struct": call.kernel.struct,
                "fields": call.fields,
                "sizes": [*(array.nbytes for array in call.operands), call.output_bytes, call.workspace],
                "rows": call.rows,
                "channels": call.channels,
            }
            for index, call in enumerate(calls)
        ],
    )


def _field_type(call: Call, field: str) -> str:
    clip = field in ("minimum", "maximum") and not call.case.integer
    return "float" if clip or field in _FLOATS else "int"


def build(command: Sequence[str], text: str, output: Path) -> Path:
    """Compiles C text with the kernels on the include path; a warning or an error fails the test with its words.

    Flags of the command come after WARNINGS, so that they win.
    """
    file = output.with_suffix(".c")
    file.write_text(text)
    compiler, *flags = command
    done = subprocess.run(
        [compiler, *WARNINGS, *flags, f"-I{KERNELS}", str(file), "-o", str(output)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return output


def run_program(command: Sequence[str], calls: Sequence[Call], folder: Path) -> list[np.ndarray]:
    """The outputs of a program built with WITH_MAIN, NCHW."""
    (folder / "in").write_bytes(b"".join(array.tobytes() for call in calls for array in call.operands))
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}  # leak checking needs ptrace, absent in containers
    done = subprocess.run(
        [*command, str(folder / "in"), str(folder / "out")],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr[:4000]}"
    flat = np.fromfile(folder / "out", np.uint8)
    parts = np.split(flat, np.cumsum([call.output_bytes for call in calls])[:-1])
    return [channels_first(part.view(call.output_type), call.shape) for call, part in zip(calls, parts, strict=True)]


class Guarded:
    """A buffer of exactly `bytes` between guard words.

    Round an input they are not-a-numbers, so that what is read from them shows in the output; round an output they are
    numbers, since a not-a-number that was read there and stored again would go unseen.

    Args:
        content: an input; an int: an output of that many bytes, filled with not-a-numbers.
    """

    def __init__(self, content: np.ndarray | int) -> None:
        self.bytes = content if isinstance(content, int) else content.nbytes
        self.all = np.full(self.bytes + 2 * GUARD, 0xFF, np.uint8)
        self.inside = self.all[GUARD : GUARD + self.bytes]
        if isinstance(content, int):
            self.all[:GUARD] = self.all[GUARD + self.bytes :] = 0xA5
        if not isinstance(content, int):
            self.inside[:] = content.view(np.uint8)
        self.before = self.all.copy()

    @property
    def address(self) -> ctypes.c_void_p:
        return ctypes.c_void_p(self.all.ctypes.data + GUARD)

    def check(self, *, unchanged: bool) -> None:
        """The guard words stand, and if `unchanged` the content too."""
        assert np.array_equal(self.all[:GUARD], self.before[:GUARD]), "written before the buffer"
        assert np.array_equal(self.all[-GUARD:], self.before[-GUARD:]), "written past the buffer"
        assert not unchanged or np.array_equal(self.all, self.before), "an input was written"


def run(
    library: ctypes.CDLL, index: int, call: Call, cuts: Sequence[int] = (), channels: tuple[int, int] | None = None
) -> np.ndarray:
    """The output (NCHW) of call `index`, computed in bands of rows that end at `cuts` and at the last row.

    With `channels` only those from the one to before the other are computed; the others are not-a-numbers.
    """
    return _run(getattr(library, f"run_{index}"), call, cuts, channels)


def run_any(library: ctypes.CDLL, call: Call, cuts: Sequence[int] = ()) -> np.ndarray:
    """The output of a call that need not be among those of the library, as `run`."""
    fields = [float(_WORDS.get(value, value)) for value in call.fields.values()]
    function = getattr(library, f"any_{call.kernel.name}")
    return _run(partial(function, (ctypes.c_double * len(fields))(*fields)), call, cuts, None)


def _run(
    function: Callable[..., object], call: Call, cuts: Sequence[int], channels: tuple[int, int] | None
) -> np.ndarray:
    operands = [Guarded(array) for array in call.operands]
    y, workspace = Guarded(call.output_bytes), Guarded(call.workspace)
    for first, last in zip((0, *cuts), (*cuts, call.rows), strict=True):
        base, before = call.band(first)
        addresses = [
            ctypes.c_void_p(buffer.address.value + skipped)
            for buffer, skipped in zip((*operands, y, workspace), (*before, 0), strict=True)
        ]
        function(*addresses, *map(ctypes.c_int, (base, first, last, *(channels or (0, call.channels)))))
    for buffer in operands:
        buffer.check(unchanged=True)
    y.check(unchanged=False)
    workspace.check(unchanged=False)
    return channels_first(y.inside.copy().view(call.output_type), call.shape)
