"""Packs the parameters of a depthwise convolution of 8 bits as `kernels/lanes_i8.h` reads them.

For 64 channels at a time there are lines of 64 bytes. A line of weights holds words of four int8: the taps of four rows
of the window in one channel. Of 16 channels each, the first line has 0 .. 3 (that is 0 .. 3, 16 .. 19, 32 .. 35,
48 .. 51 in all), the next one 4 .. 7, and so on. Biases and scales are words in this order. Where 32 does not divide
the channels, the last 32 follow once more, in the first half of their lines.
"""

import math
from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from depthwise.ops._packing import folded_bias
from depthwise.ops._quantized import input_quantization, output_scales
from depthwise.ops._window import window_of
from depthwise.ops.base import array_of, shape_of

_CHUNK, _LAST = 64, 32


@dataclass(frozen=True)
class Lanes:
    """The layout.

    Attributes:
        pairs: two lines of int16 instead of one of int8: taps of rows 0 and 2 of four, and of rows 1 and 3.
        offset: what the kernel takes from each input beforehand.
        symmetric: the kernel takes no weight of -128.
        repeated: instead of a rest, the channels over and over again until lines are full.
    """

    pairs: bool = False
    offset: int = 0
    symmetric: bool = False
    repeated: bool = False

    def __call__(self, node: ir.Node) -> list[np.ndarray]:
        """Weights int8 or int16, biases int32 with zero points folded in, scales float32 of a node in 8-bit form."""
        weight, bias = array_of(node.inputs[1])[:, 0], folded_bias(node, input_quantization(node).zero - self.offset)
        scale = output_scales(node)
        if self.repeated:
            order = np.arange(math.lcm(len(bias), _CHUNK)) % len(bias)
            weight, bias, scale = weight[order], bias[order], scale[order]
        weight = np.pad(weight, ((0, 0), (0, -weight.shape[1] % 4), (0, 0)))
        taps = weight.reshape(len(weight), -1, 4, weight.shape[2]).transpose(0, 1, 3, 2)  # [C, groups, kw, 4]
        lines = _lines(taps)  # [chunks, 4 quarters, 16 words, groups, kw, 4]
        lines = lines.transpose(0, 3, 4, 1, 2, 5)
        if self.pairs:
            lines = np.stack([lines[..., 0::2], lines[..., 1::2]], axis=4).astype(np.int16)
        return [lines.reshape(-1), _lines(bias).reshape(-1), _lines(scale).reshape(-1)]


def _lines(channels: np.ndarray) -> np.ndarray:
    """What there is of each channel [C, ...] in the order of the lines [chunks, 4 quarters, 16 words, ...]."""
    count, rest = len(channels), channels.shape[1:]
    padding = ((0, 0),) * len(rest)
    parts = [np.pad(channels, ((0, -count % _CHUNK), *padding))]
    if count % _LAST:
        last = np.pad(channels[-_LAST:], ((max(0, _LAST - count), 0), *padding))
        parts.append(np.pad(last, ((0, _CHUNK - _LAST), *padding)))
    lanes = np.concatenate(parts).reshape(-1, 4, 4, 4, *rest)  # [chunks, lanes, quarters, channels, ...]
    return lanes.swapaxes(1, 2).reshape(-1, 4, 16, *rest)


LINES = 16
"""Rows of the tallest window (DEPTHWISE_I8_LINES in `kernels/depthwise_i8_simd.h`)."""

LANES = {
    "avx512vnni": (Lanes(), 32),
    "avx512": (Lanes(pairs=True), 32),
    "avxvnni": (Lanes(), 32),
    "avx2": (Lanes(pairs=True), 32),
    "neondot": (Lanes(offset=128), 16),
    "neon": (Lanes(offset=128, symmetric=True), 16),
    "sse2": (Lanes(pairs=True), 16),
    "wasm": (Lanes(pairs=True), 16),
}
"""By instruction set, best first: the layout, and the least number of channels that the kernel takes."""


def repeated_lines(channels: np.ndarray) -> np.ndarray:
    """Words of each channel [C] in the order of the lines, the channels over and over again until lines are full."""
    return _lines(channels[np.arange(math.lcm(len(channels), _CHUNK)) % len(channels)]).reshape(-1)


def narrow_lines(node: ir.Node) -> int:
    """Bytes of the lines that `kernels/depthwise_i8_narrow_simd.h` copies input rows into."""
    window, channels = window_of(node), shape_of(node.inputs[0])[1]
    (height, width), (down, right), stride = window.kernel, window.dilation, window.stride[1]
    columns = (window.output(*shape_of(node.inputs[0])[2:])[1] - 1) * stride + (width - 1) * right + 1
    return ((height - 1) * down + 2) * stride * (math.ceil(columns / stride) * channels + _CHUNK)


SIMD_I8_HEADERS = ("parameters.h", "requantize.h", "activation.h", "simd.h", "simd_i8.h")
LANES_HEADERS = (*SIMD_I8_HEADERS, "lanes_i8.h")
"""What a kernel that includes the last of these includes with it."""
