"""A Core ML package read again: what its program means, in NumPy, and whether it holds what it should.

Core ML itself runs on Apple's systems only. The operations are those that `coreml.py` writes, by the definitions in
coremltools' reference (Model Intermediate Language).
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from depthwise.data.preprocessing import Preprocessing
from depthwise.errors import UserError
from depthwise.exporters._coreml_file import Name, read_operations
from depthwise.exporters._coreml_program import (
    COLOURS,
    IMAGE,
    OUTPUTS,
    classes_for,
    image_of,
    load_coremltools,
    names_of,
)
from depthwise.exporters._coreml_weights import eight_bit_weights
from depthwise.graph.metadata import PREPROCESSING
from depthwise.ops._window import Window
from depthwise.ops.base import array_of, parameters_of

Arguments = Mapping[str, Any]


class Package:
    """A package on disk.

    Attributes:
        description: inputs, outputs, metadata, of the specification. operations: of its program, in order.
    """

    def __init__(self, path: Path) -> None:
        tools = load_coremltools()
        spec = tools.models.utils.load_spec(str(path))
        weights = path / "Data" / "com.apple.CoreML" / "weights" / "weight.bin"
        main = spec.mlProgram.functions["main"]
        self.description = spec.description
        self.operations = read_operations(
            main.block_specializations[main.opset].operations, weights.read_bytes() if weights.exists() else b""
        )
        self._named = {operation.name: operation for operation in self.operations}

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the writer noted."""
        return dict(self.description.metadata.userDefined)

    def evaluate(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """All that the program computes, by name, in float64; constants are the stored numbers."""
        values: dict[str, Any] = dict(inputs)
        for operation in self.operations:
            if operation.kind == "const":
                values[operation.name] = operation.arguments["val"]
            elif operation.kind != "classify":
                values[operation.name] = RULES[operation.kind](
                    {key: _resolved(argument, values) for key, argument in operation.arguments.items()}
                )
        return values

    def constant(self, name: str) -> dict[str, Any]:
        """What is stored under a name: {"val": floats}, or "quantized_data", "scale" and "zero_point"."""
        operation = self._named.get(name)
        return {} if operation is None else {key: it for key, it in operation.arguments.items() if key != "name"}

    def classes(self) -> list[str]:
        """The labels of a classifier, in the order of its outputs."""
        return [
            str(label)
            for operation in self.operations
            if operation.kind == "classify"
            for label in operation.arguments["classes"]
        ]


def _resolved(argument: Any, values: Mapping[str, Any]) -> Any:
    """An argument whose names are replaced by what they stand for."""
    if isinstance(argument, Name):
        return values[argument]
    return [_resolved(each, values) for each in argument] if isinstance(argument, list) else argument


def run(path: Path, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The network's outputs for its own (normalized) inputs, one after the other; images are made pixels before."""
    package = Package(path)
    given = {}
    for feature, array in zip(package.description.input, inputs, strict=True):
        x = array.astype(np.float64)
        if feature.type.WhichOneof("Type") == "imageType":
            form = Preprocessing.from_json(package.metadata[PREPROCESSING])
            mean, std = (np.asarray(each).reshape(1, -1, 1, 1) for each in (form.mean, form.std))
            x = (x * std + mean) * 255
        given[feature.name] = x
    values = package.evaluate(given)
    return [values[name].astype(np.float32) for name in package.metadata[OUTPUTS].split(",")]


def compare(path: Path, stored: ir.Model) -> None:
    """Whether a package has the inputs, classes and parameters of the network that it was made from.

    Raises:
        UserError: what it has else.
    """
    package, names = Package(path), names_of(stored)
    for value, feature in zip(stored.graph.inputs, package.description.input, strict=True):
        form = image_of(stored, value)
        kind = feature.type.WhichOneof("Type")
        found: object = kind
        wanted: object = "imageType" if form else "multiArrayType"
        if form and kind == wanted:
            image = feature.type.imageType
            found = (feature.name, image.width, image.height, image.ColorSpace.Name(image.colorSpace))
            wanted = (IMAGE, form.width, form.size, COLOURS[form.channels])
        _same(f"input '{feature.name}'", found, wanted)
    _same("its list of classes", package.classes(), list(classes_for(stored)))
    for node in stored.graph:
        if not parameters_of(node):
            continue
        name, eight = names[node.outputs[0]], eight_bit_weights(node)
        weight = {"val": array_of(node.inputs[1]).astype(np.float16)}
        if eight is not None:
            weight = {"quantized_data": eight[0], "scale": eight[1], "zero_point": np.zeros(len(eight[1]), np.int8)}
        wanted_constants = {
            f"{name}_weight": weight,
            f"{name}_bias": {"val": array_of(node.inputs[2]).astype(np.float16)},
        }
        for constant, arrays in wanted_constants.items():
            there = package.constant(constant)
            if not all(key in there and _equal(there[key], array) for key, array in arrays.items()):
                raise UserError(f"the package has other numbers in '{constant}' than the network; nothing was written")


def _equal(a: np.ndarray, b: np.ndarray) -> bool:
    return a.dtype == b.dtype and np.array_equal(a, b)


def _same(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise UserError(
            f"the package is wrong: {what} is {str(found)[:80]}, not {str(wanted)[:80]}; nothing was written"
        )


def _conv(a: Arguments) -> np.ndarray:
    """x [1, I, H, W], weight [O, I / groups, kh, kw]."""
    weight, groups = np.asarray(a["weight"], np.float64), int(a["groups"])
    window = _window(a, weight.shape[2:])
    patches = window.patches(window.pad(a["x"][0])).transpose(0, 3, 4, 1, 2)
    height, width = patches.shape[3:]
    columns = patches.reshape(groups, -1, height * width)
    sums = weight.reshape(groups, len(weight) // groups, -1) @ columns
    bias = np.asarray(a["bias"], np.float64).reshape(-1, 1, 1)
    return np.asarray(sums.reshape(len(weight), height, width) + bias)[None]


def _window(a: Arguments, kernel: Sequence[int]) -> Window:
    """MIL has its border as (top, bottom, left, right)."""
    top, bottom, left, right = map(int, a["pad"])
    stride = (int(a["strides"][0]), int(a["strides"][1]))
    dilation = tuple(map(int, a.get("dilations", (1, 1))))
    return Window((int(kernel[0]), int(kernel[1])), stride, (top, left, bottom, right), (dilation[0], dilation[1]))


def _max_pool(a: Arguments) -> np.ndarray:
    window = _window(a, a["kernel_sizes"])
    return np.asarray(window.patches(window.pad(a["x"][0], -np.inf)).max(axis=(3, 4)))[None]


def _avg_pool(a: Arguments) -> np.ndarray:
    window = _window(a, a["kernel_sizes"])
    sums = window.patches(window.pad(a["x"][0])).sum(axis=(3, 4))
    counted = np.ones((1, *a["x"].shape[2:]))
    count = window.patches(window.pad(counted, float(not a["exclude_padding_from_average"]))).sum(axis=(3, 4))
    return np.asarray(sums / count)[None]


def _softmax(a: Arguments) -> np.ndarray:
    axis = int(a["axis"])
    powers = np.exp(a["x"] - a["x"].max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True))


def _dequantize(a: Arguments) -> np.ndarray:
    values = np.asarray(a["quantized_data"], np.float64)
    side = [1] * values.ndim
    side[int(a["axis"])] = -1
    scale, zero = (np.asarray(a[key], np.float64).reshape(side) for key in ("scale", "zero_point"))
    return np.asarray(scale * (values - zero))


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return np.asarray(0.5 * (1 + np.tanh(x / 2)))  # never overflows


def _two(function: Callable[..., Any]) -> Callable[[Arguments], np.ndarray]:
    return lambda a: np.asarray(function(np.asarray(a["x"], np.float64), np.asarray(a["y"], np.float64)))


RULES: Mapping[str, Callable[[Arguments], np.ndarray]] = {
    "add": _two(np.add),
    "avg_pool": _avg_pool,
    "cast": lambda a: np.asarray(a["x"]),
    "clip": lambda a: np.clip(a["x"], float(a["alpha"]), float(a["beta"])),
    "concat": lambda a: np.concatenate(a["values"], axis=int(a["axis"])),
    "constexpr_affine_dequantize": _dequantize,
    "conv": _conv,
    "linear": lambda a: np.asarray(a["x"]) @ np.asarray(a["weight"], np.float64).T + np.asarray(a["bias"], np.float64),
    "max_pool": _max_pool,
    "maximum": _two(np.maximum),
    "minimum": _two(np.minimum),
    "mul": _two(np.multiply),
    "reduce_mean": lambda a: a["x"].mean(axis=tuple(map(int, a["axes"])), keepdims=bool(a["keep_dims"])),
    "relu": lambda a: np.maximum(a["x"], 0),
    "relu6": lambda a: np.clip(a["x"], 0, 6),
    "reshape": lambda a: a["x"].reshape([int(side) for side in a["shape"]]),
    "sigmoid": lambda a: _sigmoid(a["x"]),
    "sigmoid_hard": lambda a: np.clip(float(a["alpha"]) * a["x"] + float(a["beta"]), 0, 1),
    "silu": lambda a: a["x"] * _sigmoid(a["x"]),
    "softmax": _softmax,
    "sub": _two(np.subtract),
}
"""Operation -> its value, from its arguments by name."""
