"""A Graph in normal form on its way into an ML Program: names, constants, preprocessing, activations and classes."""

import contextlib
import importlib.util
import io
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir

from depthwise.data.preprocessing import Preprocessing
from depthwise.errors import UserError, missing_extra
from depthwise.exporters._coreml_weights import eight_bit_weights
from depthwise.files import open_to_readers
from depthwise.graph.metadata import CLASSES, PREPROCESSING, classes_of, image_input, preprocessing_of
from depthwise.ops._activation import activation_of, bounds_of
from depthwise.ops.base import activations_of, array_of, shape_of

TARGET = "iOS16"
"""The oldest system (with macOS 13) whose ML Programs may hold int8 weights (`constexpr_affine_dequantize`)."""

IMAGE = "image"
"""Name of an image input."""

OUTPUTS = "depthwise.outputs"
"""Key of the package's metadata: names of the network's outputs in the program, separated by commas."""

COLOURS = {1: "GRAYSCALE", 3: "RGB"}
"""Channels of an image -> Core ML's name for it."""

_FITTING = {"crop": "centerCrop", "squash": "scaleFill", "pad": "scaleFit"}
"""Resize rule -> Vision's `imageCropAndScaleOption`."""


def load_coremltools() -> Any:
    """coremltools, without the lines that it writes about other libraries.

    Raises:
        UserError: it is not installed, or without the part that writes weights, as from its source.
    """
    try:
        with quiet():
            import coremltools
    except ImportError:
        raise missing_extra("export to Core ML", "coremltools", "export") from None
    if importlib.util.find_spec("coremltools.libmilstoragepython") is None:
        raise UserError(
            f"this build of coremltools {coremltools.__version__} cannot write weights: it has wheels that can for "
            "Linux on x86-64 and macOS, and for Python up to 3.13"
        )
    return coremltools


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keeps coremltools' warnings and progress bars from standard error."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def image_of(normal: ir.Model, value: ir.Value) -> Preprocessing | None:
    """How an input is made from an image; None if it is none that Core ML knows."""
    form = preprocessing_of(normal)
    if form is None or value is not image_input(normal) or form.channels not in COLOURS:
        return None
    return form if shape_of(value) == (1, form.channels, form.size, form.width) else None


def names_of(normal: ir.Model) -> dict[ir.Value, str]:
    """What inputs and nodes' outputs are called in the program: nodes by their own names, made identifiers."""
    names: dict[ir.Value, str] = {}
    taken = {IMAGE, "classLabel", "classLabel_probs", "probabilities"}
    wanted = [(value, str(value.name)) for value in normal.graph.inputs]
    wanted += [(node.outputs[0], str(node.name)) for node in normal.graph]
    for value, name in wanted:
        if value.is_graph_input() and image_of(normal, value):
            names[value] = IMAGE
            continue
        base = re.sub(r"\W", "_", name, flags=re.ASCII)
        base = base if re.match(r"[A-Za-z_]", base) else f"n_{base}"
        unique, number = base, 1
        while unique in taken:
            unique, number = f"{base}_{number}", number + 1
        taken.add(unique)
        names[value] = unique
    return names


class Translation:
    """A stored network on its way into a program.

    Attributes:
        mb: coremltools' builder of operations. names: of `names_of`. values: activation -> what computes it.
    """

    def __init__(self, normal: ir.Model) -> None:
        self._tools, self._normal = load_coremltools(), normal
        mil = self._tools.converters.mil
        self.mb, self.names = mil.Builder, names_of(normal)
        self.values: dict[ir.Value, Any] = {}
        inputs = normal.graph.inputs
        float32 = mil.mil.types.fp32
        holders = {self.names[value]: self.mb.placeholder(shape=shape_of(value), dtype=float32) for value in inputs}
        self.function = mil.Function(holders, opset_version=getattr(self._tools.target, TARGET))
        self._images = {value: form for value in inputs if (form := image_of(normal, value))}

    def begin(self) -> None:
        """Inputs as float16. Pixels are normalized before, in float32: the scale of `ImageType` is one number only."""
        for value in self._normal.graph.inputs:
            name = self.names[value]
            x, form = self.function.inputs[name], self._images.get(value)
            if form is not None:
                mean, std = (np.asarray(each, np.float64).reshape(1, -1, 1, 1) * 255 for each in (form.mean, form.std))
                x = self.mb.sub(x=x, y=mean.astype(np.float32), name=f"{name}_centred")
                x = self.mb.mul(x=x, y=(1 / std).astype(np.float32), name=f"{name}_normalized")
            self.values[value] = self.mb.cast(x=x, dtype="fp16", name=f"{name}_half")

    def inputs(self, node: ir.Node) -> list[Any]:
        """What a node's activations are."""
        return [self.values[value] for value in activations_of(node)]

    def parameters(self, node: ir.Node) -> dict[str, Any]:
        """Weight and bias of a node."""
        name, eight = self.name(node), eight_bit_weights(node)
        if eight is None:
            weight = self.mb.const(val=array_of(node.inputs[1]).astype(np.float16), name=f"{name}_weight")
        else:
            values, scales = eight
            weight = self.mb.constexpr_affine_dequantize(
                quantized_data=values, zero_point=np.zeros(len(scales), np.int8), scale=scales, axis=0,
                name=f"{name}_weight",
            )  # fmt: skip
        bias = self.mb.const(val=array_of(node.inputs[2]).astype(np.float16), name=f"{name}_bias")
        return {"weight": weight, "bias": bias}

    def name(self, node: ir.Node) -> str:
        """Of a node, in the program."""
        return self.names[node.outputs[0]]

    def linear_name(self, node: ir.Node) -> str:
        """Of what a node computes before its activation function."""
        return self.name(node) + ("" if activation_of(node) == "none" else "_linear")

    def activate(self, node: ir.Node, x: Any) -> Any:
        """The node's activation function of `x`."""
        mb, name = self.mb, self.name(node)
        match activation_of(node):
            case "sigmoid":
                return mb.sigmoid(x=x, name=name)
            case "silu":
                return mb.silu(x=x, name=name)
            case "hard_sigmoid":
                return self._hard_sigmoid(x, name)
            case "hard_swish":
                return mb.mul(x=x, y=self._hard_sigmoid(x, f"{name}_gate"), name=name)
            case "clip":
                return self._clip(node, x, name)
            case _:
                return x

    def _hard_sigmoid(self, x: Any, name: str) -> Any:
        return self.mb.sigmoid_hard(x=x, alpha=np.float16(1 / 6), beta=np.float16(0.5), name=name)

    def _clip(self, node: ir.Node, x: Any, name: str) -> Any:
        low, high = bounds_of(node)
        if (low, high) == (0, np.inf):
            return self.mb.relu(x=x, name=name)
        if (low, high) == (0, 6):
            return self.mb.relu6(x=x, name=name)
        if np.isinf(high):
            return x if np.isinf(low) else self.mb.maximum(x=x, y=np.float16(low), name=name)
        if np.isinf(low):
            return self.mb.minimum(x=x, y=np.float16(high), name=name)
        return self.mb.clip(x=x, alpha=np.float16(low), beta=np.float16(high), name=name)

    def save(self, path: Path) -> None:
        """Ends the program with float32 outputs, or classes and their probabilities, and writes the package."""
        tools, mb = self._tools, self.mb
        classes = classes_for(self._normal)
        with self.function:
            ends = [
                mb.cast(x=self.values[value], dtype="fp32", name=f"{self.names[value]}_output")
                for value in self._normal.graph.outputs
            ]
            names = [str(end.name) for end in ends]
            if classes:
                last = self._normal.graph.outputs[0].producer()
                if last is None or last.op_type != "Softmax":
                    ends = [mb.softmax(x=ends[0], axis=1, name="probabilities")]
            self.function.set_outputs(ends)
        program = tools.converters.mil.Program()
        program.add_function("main", self.function)
        with quiet():
            package = tools.convert(
                program,
                source="milinternal",
                convert_to="mlprogram",
                inputs=[self._type_of(value) for value in self._normal.graph.inputs],
                classifier_config=tools.ClassifierConfig(list(classes), "classLabel", ends[0].name)
                if classes
                else None,
                minimum_deployment_target=getattr(tools.target, TARGET),
                compute_precision=tools.precision.FLOAT32,  # float16 stands in the program where it is meant
                pass_pipeline=tools.PassPipeline.EMPTY,
                skip_model_load=True,
            )
            self._describe(package, names)
            package.save(str(path))
        open_to_readers(path)

    def _type_of(self, value: ir.Value) -> Any:
        name, form = self.names[value], self._images.get(value)
        if form is None:
            return self._tools.TensorType(name=name, shape=shape_of(value))
        colour = getattr(self._tools.colorlayout, COLOURS[form.channels])
        return self._tools.ImageType(name=name, shape=shape_of(value), color_layout=colour)

    def _describe(self, package: Any, outputs: list[str]) -> None:
        package.short_description = str(self._normal.graph.name or "network")
        metadata = self._normal.metadata_props
        for key in (PREPROCESSING, CLASSES):
            if key in metadata:
                package.user_defined_metadata[key] = metadata[key]
        package.user_defined_metadata[OUTPUTS] = ",".join(outputs)
        for form in self._images.values():
            package.input_description[IMAGE] = (
                f"{COLOURS[form.channels]}, {form.size} x {form.width} pixels, normalized inside; "
                f"resize as Vision does with .{_FITTING[form.resize]}"
            )


def classes_for(normal: ir.Model) -> tuple[str, ...]:
    """The classes of a classifier; empty where the network has other outputs than one vector of so many."""
    classes, outputs = classes_of(normal), normal.graph.outputs
    return classes if len(outputs) == 1 and shape_of(outputs[0]) == (1, len(classes)) else ()
