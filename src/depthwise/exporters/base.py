"""What an exporter is, and the one way in which every format is written: aside, run, compared, renamed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx_ir as ir

from depthwise import graph
from depthwise.device import Precision
from depthwise.errors import UserError
from depthwise.files import atomic_file, atomic_folder
from depthwise.graph.metadata import has_weights
from depthwise.ops._quantized import input_quantization, is_integer
from depthwise.ops.base import shape_of

AGREEMENT: Mapping[Precision, float] = {"float32": 1e-4, "int8": 0.1}
"""Largest allowed max|a - b| / max|b| between an exported file and the network's own meaning.

Runtimes round 8-bit values in their own ways, and one step in a layer is some in the next. What is wrong is far beyond.
"""


@dataclass(frozen=True)
class Exporter:
    """A format of another runtime.

    Attributes:
        suffix: of its files, with the dot.
        runtime: who runs them, for messages.
        layout: of image inputs and outputs, "NHWC" or "NCHW".
        write: writes a Graph in normal form with float32 input to a path; raises UserError for what it cannot express.
        run: runs a file on one array per input, in `layout`, and returns one array per output.
        folder: whether its files are folders; `write` gets an empty one.
        precisions: in which a user may have the weights, for a format that offers a choice.
        stored: the network of the rounded weights that the file has, of a Graph in normal form and one of `precisions`
            (None: as suits the network); `write` gets it. None: the network itself.
        agreement: largest allowed difference between the file and the stored network; None: by precision, AGREEMENT.
        takes_image: whether its files take the image's pixels and normalize them inside, for a Graph in normal form.
        checked: what is compared, for messages; empty: what the runtime computes.
    """

    suffix: str
    runtime: str
    layout: str
    write: Callable[[ir.Model, Path], None]
    run: Callable[[Path, Sequence[np.ndarray]], list[np.ndarray]]
    folder: bool = False
    precisions: Sequence[str] = ()
    stored: Callable[[ir.Model, str | None], ir.Model] | None = None
    agreement: float | None = None
    takes_image: Callable[[ir.Model], bool] = lambda _: False
    checked: str = ""


@dataclass(frozen=True)
class Exported:
    """A file that was written: where, its bytes, its inputs' shapes in the format's layout, and how well it agrees.

    `difference` is max|a - b| / max|b| over all outputs, b from the NumPy interpreter in float64 accumulation.
    Of a network that ends in 8 bits `steps` is the same in steps of the last output's scale, else None.
    `input_type` is "int8" where the file takes the values of an input that the network quantizes first, "image" where
    it takes pixels and normalizes them itself. `checked` says what was compared.
    """

    path: Path
    bytes: int
    layout: str
    inputs: list[tuple[int, ...]]
    difference: float
    runtime: str
    input_type: str
    steps: float | None = None
    checked: str = ""


def write(network: ir.Model, exporter: Exporter, path: Path, precision: str | None = None) -> Exported:
    """Writes a network by an exporter and compares what comes out on random inputs.

    Args:
        network: any Graph with weights.
        exporter: of the format.
        path: of the file.
        precision: of the weights, one of the exporter's; None: as suits the network.

    Raises:
        UserError: a suffix of another format; a precision that it does not offer; a network without weights; what
            `graph.normalize` and the exporter refuse; a missing library; a difference above the allowed one. Nothing
            is left behind then.
    """
    _check(network, exporter, path, precision)
    normal = graph.normalize(network)
    stored = normal if exporter.stored is None else exporter.stored(normal, precision)
    random = np.random.default_rng(0)
    inputs = [random.standard_normal(shape_of(value)).astype(np.float32) for value in normal.graph.inputs]
    arranged = [to_layout(array, exporter.layout) for array in inputs]
    expected, meant = (
        [to_layout(array, exporter.layout) for array in graph.evaluate(one, inputs)] for one in (normal, stored)
    )
    checked = exporter.checked or exporter.runtime
    with (atomic_folder if exporter.folder else atomic_file)(path) as aside:
        exporter.write(stored, aside)
        found = exporter.run(aside, arranged)
        wrong = _largest_difference(found, meant)
        allowed = exporter.agreement or AGREEMENT["int8" if any(map(is_integer, normal.graph)) else "float32"]
        if not wrong <= allowed:
            raise UserError(
                f"{checked} computes other outputs from {path} than the network: they differ by "
                f"{wrong:.1e} of the largest, allowed are {allowed:g}; nothing was written"
            )
    difference, step = _largest_difference(found, expected), _step(normal)
    return Exported(
        path,
        _bytes(path),
        exporter.layout,
        [array.shape for array in arranged],
        difference,
        exporter.runtime,
        _input_type(exporter, normal),
        None if step is None else difference * max(float(np.abs(array).max()) for array in expected) / step,
        checked,
    )


def _check(network: ir.Model, exporter: Exporter, path: Path, precision: str | None) -> None:
    """Refuses what can be refused before any work."""
    if path.suffix != exporter.suffix:
        raise UserError(
            f"{exporter.runtime} files end in {exporter.suffix}: name it {path.with_suffix(exporter.suffix)}"
        )
    if precision is not None and precision not in exporter.precisions:
        offered = " or ".join(exporter.precisions) or "in the network's own precision"
        raise UserError(f"--precision {precision}: {exporter.runtime} files are written {offered}")
    if not has_weights(network):
        raise UserError(
            "the network has shapes only, no trained weights: give a run folder of `depthwise fit` or an .onnx file"
        )


def _input_type(exporter: Exporter, normal: ir.Model) -> str:
    if exporter.takes_image(normal):
        return "image"
    quantized = exporter.stored is None and all(bytes_of_input(value) for value in normal.graph.inputs)
    return "int8" if quantized else "float32"


def _bytes(path: Path) -> int:
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files)


def _step(normal: ir.Model) -> float | None:
    """The scale of the last output, if the network is of 8 bits there."""
    last = normal.graph.outputs[-1].producer()
    return input_quantization(last).scale if last is not None and last.op_type == "Dequantize" else None


def bytes_of_input(value: ir.Value) -> ir.Value | None:
    """What an input is quantized to, if nothing else is read of it."""
    readers = [use.node for use in value.uses()]
    return readers[0].outputs[0] if len(readers) == 1 and readers[0].op_type == "Quantize" else None


def to_layout(array: np.ndarray, layout: str) -> np.ndarray:
    """[1, C, H, W] in another layout; vectors stay as they are."""
    if array.ndim == 4 and layout == "NHWC":
        return np.ascontiguousarray(array.transpose(0, 2, 3, 1))
    return array


def from_layout(array: np.ndarray, layout: str) -> np.ndarray:
    """The inverse of `to_layout`."""
    if array.ndim == 4 and layout == "NHWC":
        return np.ascontiguousarray(array.transpose(0, 3, 1, 2))
    return array


def _largest_difference(found: Sequence[np.ndarray], expected: Sequence[np.ndarray]) -> float:
    differences = []
    for a, b in zip(found, expected, strict=True):
        if a.shape != b.shape:
            raise UserError(f"an exported output is {list(a.shape)}, not {list(b.shape)}; nothing was written")
        largest = float(np.abs(b).max())
        differences.append(float(np.abs(a - b).max()) / (largest or 1.0))
    return float(np.max(differences))  # NaN stays NaN and is refused
