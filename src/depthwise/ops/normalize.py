"""Normalize: uint8 camera pixels x [1, C, H, W] -> float32 x * scale[C] + shift[C] (attributes `scale`, `shift`)."""

import numpy as np
import onnx_ir as ir

from depthwise.ops._kernels import integer_kernel, reads_pixels
from depthwise.ops._lanes import LANES_HEADERS, repeated_lines
from depthwise.ops._packing import scale_and_shift
from depthwise.ops._parameters import elementwise_fields, quantized_fields
from depthwise.ops._quantized import is_integer, output_quantization, round_to_byte
from depthwise.ops._vectors import with_vectors
from depthwise.ops.base import Kernel, Operator, Shape, row_by_row, shape_of


def _shape(node: ir.Node) -> Shape:
    shape = shape_of(node.inputs[0])
    for name in ("scale", "shift"):
        if len(node.attributes.get_floats(name, ())) != shape[1]:
            raise ValueError(f"{node.name}: {name} needs one value for each of the {shape[1]} channels")
    return shape


def _reference(node: ir.Node, x: np.ndarray) -> np.ndarray:
    scale, shift = (np.asarray(node.attributes.get_floats(name)).reshape(-1, 1, 1) for name in ("scale", "shift"))
    return np.asarray(x * scale + shift, np.float32)


def tables(node: ir.Node) -> np.ndarray:
    """What each pixel value becomes in each channel, uint8 [C, 256]."""
    scale, shift = (np.asarray(node.attributes.get_floats(name))[:, None] for name in ("scale", "shift"))
    return output_quantization(node).quantize(np.asarray(np.arange(256) * scale + shift, np.float32))


def _integer(node: ir.Node, x: np.ndarray) -> np.ndarray:
    return np.stack([row[channel] for row, channel in zip(tables(node), x[0], strict=True)])[None]


def _few_channels(node: ir.Node) -> bool:
    return reads_pixels(node) and shape_of(node.inputs[0])[1] <= 4


_KERNEL = Kernel(
    name="normalize_u8_f32",
    struct="elementwise_parameters",
    parameters=elementwise_fields,
    constants=scale_and_shift,
    fits=reads_pixels,
    input_type="uint8",
    includes=("parameters.h", "activation.h"),
)

_I8 = integer_kernel(
    "normalize_u8_i8", "quantized_parameters", parameters=quantized_fields, constants=tables, includes=("parameters.h",)
)


def _by_output(node: ir.Node) -> tuple[np.ndarray, np.ndarray]:
    """Scale and shift in units of the output, float32 [C]."""
    unit = np.float32(output_quantization(node).scale)
    scale, shift = (np.asarray(node.attributes.get_floats(name), np.float32) / unit for name in ("scale", "shift"))
    return scale, shift


def _is_linear(node: ir.Node) -> bool:
    """Whether a pixel times a float32 plus another one gives what the tables say, for every pixel and few channels."""
    if not is_integer(node) or shape_of(node.inputs[0])[1] > 4:
        return False
    scale, shift = (values[:, None] for values in _by_output(node))
    y = np.arange(256, dtype=np.float32) * scale + shift
    return np.array_equal(round_to_byte(y, output_quantization(node).zero), tables(node))


_I8_SIMD = with_vectors(
    _I8,
    fits=_is_linear,
    constants=lambda node: np.concatenate([repeated_lines(values) for values in _by_output(node)]),
    includes=LANES_HEADERS,
)

OPERATORS = {
    "Normalize": Operator(
        shape=_shape,
        reference=_reference,
        integer=_integer,
        kernels=(*_I8_SIMD, _I8, *with_vectors(_KERNEL, fits=_few_channels), _KERNEL),
        rows=row_by_row,
        pixelwise=True,
    )
}
