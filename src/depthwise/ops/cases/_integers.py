"""Values for nodes in 8-bit form: random ones, and those at which a rule of docs/int8.md could be got wrong."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import onnx_ir as ir

from depthwise.ops.base import Shape

Integers = Literal["random", "ends", "halves", "overflow", "wrap"]
"""What the values are chosen for:

random: outputs all over the range. ends: the largest products, -128 x 255 K times, zero points at both ends.
halves: every other accumulator falls on a half. overflow: products with the scale beyond 2^31. wrap: biases so large
that accumulators pass 2^31 and 2^24.
"""

KINDS = get_args(Integers)


@dataclass(frozen=True)
class _Values:
    kind: Integers

    def activation(self, random: np.random.Generator, shape: Shape) -> np.ndarray:
        """uint8 values of an input."""
        if self.kind == "halves":
            return random.integers(0, 8, shape, np.uint8)
        if self.kind == "ends":
            return (
                (random.integers(0, 2, shape) * 255).astype(np.uint8)
                if random.integers(2)
                else np.full(shape, 255, np.uint8)
            )
        return random.integers(0, 256, shape, np.uint8)

    def attributes(
        self, random: np.random.Generator, op: str, inputs: int, weight: Shape
    ) -> Mapping[str, float | int | list[float] | list[int]]:
        """Scales and zero points of a node."""
        ends = self.kind == "ends"
        x_zeros = [255 * int(random.integers(2)) if ends else int(random.integers(0, 256)) for _ in range(inputs)]
        y_zero = 255 * int(random.integers(2)) if ends else int(random.integers(0, 256))
        x_scales = [float(np.float32(0.02 * random.uniform(0.5, 1.5))) for _ in range(inputs)]
        y_scale = np.float32(0.02 * random.uniform(0.5, 1.5))
        if weight:
            y_scale = np.float32(y_scale * 40 * np.sqrt(np.prod(weight[1:])))
        elif op == "Multiply":
            y_scale = np.float32(y_scale * 2)
        if self.kind == "halves":
            x_zeros, x_scales, y_scale = [3] * inputs, [1.0] * inputs, np.float32(2)
        if op in ("MaxPool", "Flatten"):
            y_scale, y_zero = np.float32(x_scales[0]), x_zeros[0]
        written = {} if op == "Dequantize" else {"y_scale": float(y_scale), "y_zero": y_zero}
        return written if op in ("Quantize", "Normalize") else {"x_scales": x_scales, "x_zeros": x_zeros, **written}

    def parameters(self, random: np.random.Generator, weight: Shape) -> list[ir.Value]:
        """Weight, bias and scales of the weights; none where `weight` is empty."""
        if not weight:
            return []
        outputs, depth = weight[0], int(np.prod(weight[1:]))
        integers = random.integers(-128, 128, weight)
        bias = random.integers(-100 * depth, 100 * depth + 1, outputs)
        scales = 0.02 * random.uniform(0.5, 1.5, outputs)
        match self.kind:
            case "ends":
                integers = (
                    np.where(random.integers(0, 2, (outputs, *[1] * (len(weight) - 1))), -128, 127) + 0 * integers
                )
            case "halves":
                integers, bias, scales = random.integers(-1, 2, weight), bias % 5, np.ones(outputs)
            case "overflow":
                scales = scales * 1e9
            case "wrap":
                bias = random.integers(-(2**31), 2**31, outputs)
                scales = scales * 1e-5
        return [
            _constant("weight", integers.astype(np.int8)),
            _constant("bias", bias.astype(np.int32)),
            _constant("scale", scales.astype(np.float32)),
        ]


def integers_of(kind: Integers) -> _Values:
    """The values of a kind."""
    return _Values(kind)


def _constant(name: str, array: np.ndarray) -> ir.Value:
    tensor = ir.tensor(array)
    return ir.Value(name=name, shape=ir.Shape(array.shape), type=ir.TensorType(tensor.dtype), const_value=tensor)
