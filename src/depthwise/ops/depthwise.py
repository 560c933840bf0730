"""Depthwise convolution: x [1, C, H, W], weight [C * m, 1, kh, kw], bias [C * m] -> [1, C * m, OH, OW], group = C > 1.

Output channel o reads input channel o // m, where m is the depth multiplier.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx_ir as ir

from depthwise.ops._convolution import convolution_macs, convolve, convolve_integers
from depthwise.ops._kernels import CONVOLUTION_U8_F32, integer_kernel, reads_floats
from depthwise.ops._lanes import LANES, LANES_HEADERS, LINES, Lanes, narrow_lines
from depthwise.ops._packing import IntegerLayout, Layout
from depthwise.ops._parameters import convolution_fields, convolution_i8_fields
from depthwise.ops._quantized import is_integer
from depthwise.ops._vectors import SIMD_WIDTHS, with_vectors
from depthwise.ops._window import convolved_shape, window_rows
from depthwise.ops.base import Kernel, Operator, array_of, shape_of

_F32 = Kernel(
    name="depthwise_f32",
    struct="convolution_parameters",
    parameters=convolution_fields,
    fits=reads_floats,
    constants=Layout("HWIO"),
    includes=("parameters.h", "activation.h", "window.h"),
)


def _multiplier(node: ir.Node) -> int:
    return shape_of(node.inputs[1])[0] // shape_of(node.inputs[0])[1]


def _members_first(node: ir.Node) -> np.ndarray:
    """Weight [kh, kw, m, C], bias [m, C]: output o = c * m + j of the ONNX order stands at [j, c]."""
    channels, multiplier = shape_of(node.inputs[0])[1], _multiplier(node)
    weight, bias = array_of(node.inputs[1]), array_of(node.inputs[2])
    ordered = weight.reshape(channels, multiplier, *weight.shape[2:]).transpose(2, 3, 1, 0)
    return np.concatenate([ordered.reshape(-1), bias.reshape(channels, multiplier).T.reshape(-1)]).astype(np.float32)


def _fills_vector(width: int) -> Callable[[ir.Node], bool]:
    """Whether the node has multiplier 1 and at least one whole vector of channels."""
    return lambda node: reads_floats(node) and shape_of(node.inputs[1])[0] == shape_of(node.inputs[0])[1] >= width


def _leaves_lanes(width: int) -> Callable[[ir.Node], bool]:
    """Whether the node has multiplier 1 and less than a vector of channels."""
    return lambda node: reads_floats(node) and shape_of(node.inputs[1])[0] == shape_of(node.inputs[0])[1] < width


_F32_SIMD = tuple(
    replace(kernel, fits=_fills_vector(width), channels=width)
    for kernel, width in zip(with_vectors(_F32), SIMD_WIDTHS.values(), strict=True)
)

_F32_NARROW_SIMD = tuple(
    replace(kernel, fits=_leaves_lanes(SIMD_WIDTHS[kernel.instructions]))
    for kernel in with_vectors(_F32, name="depthwise_f32_narrow_simd")
)

_F32_MULTIPLIER_SIMD = with_vectors(
    _F32,
    name="depthwise_f32_multiplier_simd",
    fits=lambda node: reads_floats(node) and _multiplier(node) > 1,
    constants=_members_first,
)

_I8 = integer_kernel(
    "depthwise_i8", "convolution_i8_parameters", parameters=convolution_i8_fields, constants=IntegerLayout("HWIO")
)


def _lanes_fit(packing: Lanes, channels: range) -> Callable[[ir.Node], bool]:
    """Whether a node is in 8-bit form, with multiplier 1, so many channels and a window that is not too high."""

    def fits(node: ir.Node) -> bool:
        weight = shape_of(node.inputs[1])
        if not is_integer(node) or _multiplier(node) > 1 or weight[0] not in channels or weight[2] > LINES:
            return False
        return not packing.symmetric or bool((array_of(node.inputs[1]) > -128).all())

    return fits


_I8_SIMD = tuple(
    replace(
        _I8,
        name="depthwise_i8_simd",
        instructions=instructions,
        fits=_lanes_fit(packing, range(channels, 1 << 30)),
        constants=packing,
        includes=LANES_HEADERS,
        channels=channels,
    )
    for instructions, (packing, channels) in LANES.items()
)

_I8_NARROW_SIMD = tuple(
    replace(
        _I8,
        name="depthwise_i8_narrow_simd",
        instructions=instructions,
        fits=_lanes_fit(packing, range(2, narrow)),
        constants=replace(packing, repeated=True),
        workspace=narrow_lines,
        includes=(*LANES_HEADERS, "depthwise_i8_simd.h"),
    )
    for instructions, (packing, narrow) in LANES.items()
)

OPERATORS = {
    "Depthwise": Operator(
        shape=convolved_shape,
        reference=convolve,
        integer=convolve_integers,
        macs=convolution_macs,
        kernels=(
            *_I8_SIMD,
            *_I8_NARROW_SIMD,
            _I8,
            CONVOLUTION_U8_F32,
            *_F32_SIMD,
            *_F32_NARROW_SIMD,
            *_F32_MULTIPLIER_SIMD,
            _F32,
        ),
        rows=window_rows,
        channelwise=True,
    )
}
