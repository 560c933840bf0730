"""A case: one node of the normal form with random values, to be computed by a kernel and by its reference."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import onnx_ir as ir

from depthwise.ops.base import DOMAIN, Shape
from depthwise.ops.cases._integers import Integers, integers_of

Attribute = int | float | str | tuple[int, ...] | tuple[float, ...]

ACTIVATIONS: tuple[Mapping[str, Attribute], ...] = (
    {},
    {"activation": "clip", "minimum": 0.0},
    {"activation": "clip", "minimum": 0.0, "maximum": 6.0},
    {"activation": "hard_sigmoid"},
    {"activation": "hard_swish"},
    {"activation": "sigmoid"},
    {"activation": "silu"},
)
"""Every activation function once: none, ReLU, ReLU6 and the rest."""


@dataclass(frozen=True)
class Case:
    """One node.

    Attributes:
        op: operator of the normal form.
        inputs: shapes of the activations.
        weight: shape of the weight; the bias has one value per output. Empty: no parameters.
        attributes: by the normal form's names.
        camera: whether the first activation is uint8.
        integer: which values it has in 8-bit form (`_integers.py`); empty: it is of floats.
    """

    op: str
    inputs: tuple[Shape, ...]
    weight: Shape = ()
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    camera: bool = False
    integer: Integers | Literal[""] = ""

    def __str__(self) -> str:
        shapes = " ".join("x".join(map(str, shape)) for shape in (*self.inputs, self.weight) if shape)
        extras = ",".join(f"{name}={value}" for name, value in self.attributes.items() if name != "kernel_shape")
        return f"{self.op} {shapes} {extras}{' camera' if self.camera else ''} {self.integer}".strip().replace(" ", "_")

    def _random(self, purpose: str) -> np.random.Generator:
        return np.random.default_rng(zlib.crc32(f"{self} {purpose}".encode()))

    def activations(self) -> list[np.ndarray]:
        """Random values for the inputs, the same at every call: bytes 0..255 or normal floats."""
        random = self._random("activations")
        if self.integer and self.op not in ("Quantize", "Normalize"):
            return [integers_of(self.integer).activation(random, shape) for shape in self.inputs]
        arrays = [random.standard_normal(shape).astype(np.float32) for shape in self.inputs]
        if self.camera:
            arrays[0] = random.integers(0, 256, self.inputs[0], np.uint8)
        return arrays

    def node(self) -> ir.Node:
        """The node with random parameters, the same at every call."""
        random = self._random("parameters")
        values = []
        integers = integers_of(self.integer) if self.integer else None
        for i, shape in enumerate(self.inputs):
            bytes_ = (self.camera and i == 0) or (integers is not None and self.op != "Quantize")
            kind = ir.DataType.UINT8 if bytes_ else ir.DataType.FLOAT
            values.append(ir.Value(name=f"x{i}", shape=ir.Shape(shape), type=ir.TensorType(kind)))
        if integers is not None:
            more = integers.attributes(random, self.op, len(self.inputs), self.weight)
            parameters = integers.parameters(random, self.weight)
            return ir.node(self.op, [*values, *parameters], {**self.attributes, **more}, domain=DOMAIN, name=str(self))
        if self.weight:
            fan_in = np.prod(self.weight[1:]) * (128**2 if self.camera else 1)
            weight = random.standard_normal(self.weight) / np.sqrt(fan_in)
            bias = random.standard_normal(self.weight[0])
            for name, array in (("weight", weight), ("bias", bias)):
                tensor = ir.tensor(array.astype(np.float32))
                values.append(
                    ir.Value(
                        name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor
                    )
                )
        return ir.node(self.op, values, attributes=dict(self.attributes), domain=DOMAIN, name=str(self))


def window(
    kernel: int | tuple[int, int],
    stride: int = 1,
    pads: int | tuple[int, int, int, int] | None = None,
    dilation: int = 1,
    **more: Attribute,
) -> dict[str, Attribute]:
    """Attributes of a sliding window; `pads` (top, left, bottom, right), one for all, or None: (kernel - 1) / 2."""
    height, width = (kernel, kernel) if isinstance(kernel, int) else kernel
    if pads is None:
        pads = ((height - 1) // 2, (width - 1) // 2) * 2
    return {
        "kernel_shape": (height, width),
        "strides": (stride, stride),
        "pads": (pads,) * 4 if isinstance(pads, int) else pads,
        "dilations": (dilation, dilation),
        **more,
    }
