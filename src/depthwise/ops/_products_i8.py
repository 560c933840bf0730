"""The matrix products of 8 bits with vectors: how each instruction set wants weights and inputs, and the kernels."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir

from depthwise.ops._kernels import CONVOLUTION_AHEAD, CONVOLUTION_I8, PANEL, POINTWISE_I8, one_group, window_inputs
from depthwise.ops._packing import folded_bias
from depthwise.ops._parameters import map_shape
from depthwise.ops._quantized import input_quantization, is_integer, output_scales
from depthwise.ops.base import Kernel, array_of, shape_of

PREPARED, ROWS = 65536, 14
"""PANEL_I8_PREPARED in `kernels/panel_i8_simd.h`, and the most pixels that a tile of any set has."""

UNIT = 8
"""PANEL_UNIT in `kernels/panel.h`."""


@dataclass(frozen=True)
class Words:
    """What `kernels/simd_i8.h` says of a set.

    Attributes:
        group: inputs in a word (I8_GROUP). size: bytes of an input (I8_INPUT). offset: taken off each (I8_OFFSET).
        direct: whether inputs are bytes as they are in memory (I8_DIRECT).
    """

    group: int
    size: int
    offset: int = 0
    direct: bool = False

    def constants(self, node: ir.Node) -> list[np.ndarray]:
        """Weights in panels, int8 [outputs / PANEL][lines][words of a line][PANEL][group]; biases; scales.

        A line is a pointwise layer's channels or a kernel row. The last panel, biases and scales are filled up to a
        multiple of UNIT, lines to whole words.
        """
        weight = array_of(node.inputs[1])
        outputs = len(weight)
        lines = weight.reshape(*weight.shape, *(1,) * (4 - weight.ndim)).transpose(0, 2, 3, 1)
        lines = lines.reshape(outputs, lines.shape[1], -1)
        fill = -outputs % UNIT
        words = np.pad(lines, ((0, fill), (0, 0), (0, -lines.shape[2] % self.group)))
        words = words.reshape(outputs + fill, -1, self.group).transpose(1, 0, 2)
        panels = [words[:, start : start + PANEL].reshape(-1) for start in range(0, outputs + fill, PANEL)]
        bias = folded_bias(node, input_quantization(node).zero - self.offset)
        return [np.concatenate(panels), np.pad(bias, (0, fill)), np.pad(output_scales(node), (0, fill))]

    def prepared(self, node: ir.Node) -> int:
        """Bytes of workspace for the pixels of a pointwise layer."""
        height, width, channels = map_shape(shape_of(node.inputs[0]))
        if self.direct and channels % self.group == 0:
            return 0
        room = max(PREPARED // (channels * self.size), ROWS)
        return self._filled(min(height * width, room) * channels)

    def window(self, node: ir.Node) -> int:
        """Bytes of workspace for the rows under a window."""
        return self._filled(window_inputs(node, CONVOLUTION_AHEAD))

    def _filled(self, inputs: int) -> int:
        """Bytes of inputs of which the last may be the first of a word."""
        return math.ceil((inputs + self.group) * self.size / 4) * 4


SETS: Mapping[str, Words] = {
    "avx512vnni": Words(4, 1, direct=True),
    "avx512": Words(2, 2),
    "avxvnni": Words(4, 1, direct=True),
    "avx2": Words(2, 2),
    "sse2": Words(2, 2),
    "neondot": Words(4, 1, offset=128),
    "neon": Words(1, 2),
    "wasm": Words(2, 2),
}
"""Best first."""

_HEADERS = ("parameters.h", "requantize.h", "activation.h", "simd.h", "panel.h", "simd_i8.h", "panel_i8_simd.h")


def _variants(plain: Kernel) -> tuple[Kernel, ...]:
    changed = replace(plain, name=f"{plain.name}_simd", includes=_HEADERS, channels=PANEL)
    return tuple(replace(changed, instructions=name, constants=words.constants) for name, words in SETS.items())


POINTWISE_I8_SIMD = tuple(replace(one, workspace=SETS[one.instructions].prepared) for one in _variants(POINTWISE_I8))

CONVOLUTION_I8_SIMD = tuple(
    replace(one, workspace=SETS[one.instructions].window, fits=lambda node: is_integer(node) and one_group(node))
    for one in _variants(CONVOLUTION_I8)
)
