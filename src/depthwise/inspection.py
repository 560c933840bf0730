"""Where a compiled network first differs from what it should compute.

Every layer's tensor is made an output. Each is held against the NumPy reference of its operator, on what the compiled
layers before it gave: so an error is found where it is made, and rounding does not add up over the layers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx_ir as ir

from depthwise import graph
from depthwise.config import Record
from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.ops import REGISTRY, error_bound
from depthwise.ops._quantized import is_integer, output_quantization
from depthwise.ops.base import activations_of, shape_of
from depthwise.planning import DEFAULT, Choice


class LayerCheck(Record):
    """A layer beside its reference, at its worst element.

    Attributes:
        name, op: of the layer. kernel: the C that served it, if known. shape: [H, W, C] or [C].
        index: of the element whose error is the largest share of what is allowed there; that share.
        found, expected, allowed: its value, the reference's, and the bound of their difference (none in 8 bits).
    """

    name: str
    op: str
    kernel: str
    shape: list[int]
    index: list[int]
    share: float
    found: float
    expected: float
    allowed: float

    @property
    def agrees(self) -> bool:
        """Whether no element is farther off than is allowed; not a number is, unless the reference is none either."""
        return self.share <= 1

    @property
    def exact(self) -> bool:
        """Whether nothing but the very bits is allowed."""
        return self.allowed == 0


class Inspection(Record):
    """All layers in order of execution.

    Attributes:
        same_bits: whether the network without these outputs, with the maps between its layers where the plan has them,
            gives the same outputs bit for bit.
    """

    layers: list[LayerCheck]
    same_bits: bool

    @property
    def first(self) -> LayerCheck | None:
        """The first layer that differs."""
        return next((layer for layer in self.layers if not layer.agrees), None)


def inspect(
    model: ir.Model, inputs: Any = None, input: str = "auto", *, choice: Choice = DEFAULT, seed: int = 0
) -> Inspection:
    """Compiles a network for this machine with every layer's tensor as an output, runs it once and checks the layers.

    Args:
        model: any Graph with weights.
        inputs: one image as for a call of the engine; None: random ones.
        input: see `graph.normalize`. choice: which schedules may be taken.
        seed: of the random inputs.

    Raises:
        UserError: as `Engine.build` and a call of the engine; several images.
    """
    normal = graph.normalize(model, input)
    every = graph.with_outputs(normal, ["all"], input)
    plain, engine = Engine.build(normal, input, choice=choice), Engine.build(every, input, choice=choice, profile=True)
    given = _random_inputs(normal, seed) if inputs is None else inputs
    found = _by_name(every.graph.outputs, engine.prepared(given)())
    usual = _by_name(normal.graph.outputs, plain.prepared(given)())
    arrays = _by_name(normal.graph.inputs, given)
    same = all(np.array_equal(array, found[name], equal_nan=True) for name, array in usual.items())
    kernels = {call.name: call.kernel for call in engine.manifest.profile}
    return Inspection(layers=check_layers(every, arrays, found, kernels), same_bits=same)


def check_layers(
    model: ir.Model,
    inputs: Mapping[str, np.ndarray],
    found: Mapping[str, np.ndarray],
    kernels: Mapping[str, str] | None = None,
) -> list[LayerCheck]:
    """Holds every layer of a network against its reference on the tensors that were found before it.

    Args:
        model: in normal form, from `graph.with_outputs` with "all".
        inputs, found: arrays of one image by name, [1, H, W, C] or [1, C], possibly from another machine.
        kernels: names of kernels by layer, to be noted.

    Raises:
        UserError: the tensor of a layer is missing or has another shape.
    """
    values = {value: _channels_first(_one(value, inputs)) for value in model.graph.inputs}
    checks = []
    with np.errstate(all="ignore"):  # what is infinite here may be not a number there
        for node in model.graph:
            operator, activations = REGISTRY[node.op_type], [values[value] for value in activations_of(node)]
            expected = operator.compute(node, *activations)
            if operator.view:
                values[node.outputs[0]] = expected
                continue
            here = values[node.outputs[0]] = _found(node, found)
            if _is_copy(node):
                continue
            exact = is_integer(node) or node.op_type == "Dequantize"
            allowed = np.zeros(here.shape) if exact else error_bound(operator, node, expected, *activations)
            checks.append(_worst(node, (kernels or {}).get(str(node.name), ""), here, expected, allowed))
    return checks


def _found(node: ir.Node, found: Mapping[str, np.ndarray]) -> np.ndarray:
    """What a node gave; bytes are found as the floats that they stand for."""
    value = node.outputs[0]
    if value.dtype != ir.DataType.UINT8:
        return _channels_first(_one(value, found))
    floats = next(use.node.outputs[0] for use in value.uses() if use.node.op_type == "Dequantize")
    return output_quantization(node).quantize(_channels_first(_one(floats, found)))


def _is_copy(node: ir.Node) -> bool:
    """Whether a Dequantize is there only to make a layer's bytes an output, under the layer's name."""
    before = activations_of(node)[0].producer()
    return node.op_type == "Dequantize" and before is not None and before.name == node.outputs[0].name


def _worst(node: ir.Node, kernel: str, found: np.ndarray, expected: np.ndarray, allowed: np.ndarray) -> LayerCheck:
    found, expected, allowed = (_channels_last(array)[0] for array in (found, expected, allowed))
    share = np.abs(found.astype(np.float64) - expected) / np.where(allowed > 0, allowed, np.finfo(np.float64).tiny)
    share[np.isnan(share)] = np.inf  # not a number, where the reference is one
    share[(found == expected) | np.isnan(found) & np.isnan(expected)] = 0
    worst = np.unravel_index(int(share.argmax()), share.shape)
    return LayerCheck(
        name=str(node.name),
        op=node.op_type,
        kernel=kernel,
        shape=list(found.shape),
        index=[int(i) for i in worst],
        share=float(share[worst]),
        found=float(found[worst]),
        expected=float(expected[worst]),
        allowed=float(allowed[worst]),
    )


def _random_inputs(model: ir.Model, seed: int) -> Any:
    """An image for an engine: an array, or a list of arrays for several inputs."""
    random = np.random.default_rng(seed)
    arrays = []
    for value in model.graph.inputs:
        shape = shape_of(value)
        camera = value.dtype == ir.DataType.UINT8
        array = random.integers(0, 256, shape) if camera else random.normal(size=shape)
        arrays.append(np.ascontiguousarray(_channels_last(array), np.uint8 if camera else np.float32))
    return arrays if len(arrays) > 1 else arrays[0]


def _by_name(values: Sequence[ir.Value], arrays: Any) -> dict[str, np.ndarray]:
    """Arrays by name, given so, in order, or alone; each with its first axis for the one image."""
    names = [str(value.name) for value in values]
    if not isinstance(arrays, Mapping):
        arrays = dict(zip(names, arrays if len(names) > 1 else [arrays], strict=True))
    shapes = {str(value.name): len(shape_of(value)) for value in values}
    return {
        name: array[None] if array.ndim == shapes.get(name, array.ndim) - 1 else array for name, array in arrays.items()
    }


def _one(value: ir.Value, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    batch, *sizes = shape_of(value)
    shape = (batch, *sizes[1:], sizes[0]) if len(sizes) == 3 else (batch, *sizes)
    array = arrays.get(str(value.name))
    if array is None or array.shape != shape:
        got = "nothing" if array is None else str(list(array.shape))
        raise UserError(f"the tensor '{value.name}' {list(shape)} is needed to check the layers, got {got}")
    return array


def _channels_first(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 3, 1, 2) if array.ndim == 4 else array


def _channels_last(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1) if array.ndim == 4 else array
