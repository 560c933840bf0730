"""Window geometry of convolutions and pooling, read from a node of the normal form."""

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir

from depthwise.ops.base import Rows, Shape, shape_of


@dataclass(frozen=True)
class Window:
    """A sliding window over [1, C, H, W]. All fields are in elements.

    Attributes:
        kernel, stride, dilation: (vertical, horizontal).
        pads: (top, left, bottom, right).
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)

    def output(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the output map.

        Raises:
            ValueError: the padded input is smaller than the window.
        """
        sides = []
        for axis, size in enumerate((height, width)):
            reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1
            padded = size + self.pads[axis] + self.pads[axis + 2]
            if padded < reach:
                raise ValueError(f"a window of {reach} does not fit into {padded} padded elements (axis {axis})")
            sides.append((padded - reach) // self.stride[axis] + 1)
        return sides[0], sides[1]

    def pad(self, x: np.ndarray, value: float | np.ndarray = 0.0) -> np.ndarray:
        """[C, H, W] in float64 with its border filled with `value`, a number or one per channel."""
        channels, height, width = x.shape
        top, left, bottom, right = self.pads
        padded = np.empty((channels, height + top + bottom, width + left + right))
        padded[:] = np.asarray(value, np.float64).reshape(-1, 1, 1)
        padded[:, top : top + height, left : left + width] = x
        return padded

    def patches(self, padded: np.ndarray) -> np.ndarray:
        """A view [C, OH, OW, kh, kw] of a padded map: what the window sees at each output."""
        reach = tuple((k - 1) * d + 1 for k, d in zip(self.kernel, self.dilation, strict=True))
        seen = np.lib.stride_tricks.sliding_window_view(padded, reach, axis=(1, 2))
        (sy, sx), (dy, dx) = self.stride, self.dilation
        view: np.ndarray = seen[:, ::sy, ::sx, ::dy, ::dx]
        return view


def window_of(node: ir.Node) -> Window:
    """The window of a node: `kernel_shape` (else the weight's last two axes), `strides`, `pads`, `dilations`."""
    kernel = tuple(node.attributes.get_ints("kernel_shape", ()))
    if not kernel:
        kernel = shape_of(node.inputs[1])[2:]
    strides = tuple(node.attributes.get_ints("strides", (1, 1)))
    pads = tuple(node.attributes.get_ints("pads", (0, 0, 0, 0)))
    dilations = tuple(node.attributes.get_ints("dilations", (1, 1)))
    return Window((kernel[0], kernel[1]), (strides[0], strides[1]), (pads[0], pads[1], pads[2], pads[3]), dilations[:2])  # type: ignore[arg-type]


def window_rows(node: ir.Node) -> Rows:
    """The rows of an operator with a window."""
    window = window_of(node)
    return Rows((window.kernel[0] - 1) * window.dilation[0] + 1, window.stride[0], window.pads[0])


def pad_values_of(node: ir.Node) -> np.ndarray | None:
    """What padded pixels count as, one value per input channel; None: zero."""
    values = node.attributes.get_floats("pad_values", None)
    return None if values is None else np.asarray(values, np.float32)


def pooled_shape(node: ir.Node) -> Shape:
    """Shape rule of pooling: channels stay."""
    _, channels, height, width = shape_of(node.inputs[0])
    return (1, channels, *window_of(node).output(height, width))


def convolved_shape(node: ir.Node) -> Shape:
    """Shape rule of convolutions: weight [O, I / group, kh, kw].

    Raises:
        ValueError: the weight does not fit the input's channels.
    """
    _, channels, height, width = shape_of(node.inputs[0])
    outputs, depth = shape_of(node.inputs[1])[:2]
    group = node.attributes.get_int("group", 1)
    if depth * group != channels or outputs % group:
        raise ValueError(
            f"{node.name}: weight {shape_of(node.inputs[1])} in {group} groups cannot read {channels} channels"
        )
    return (1, outputs, *window_of(node).output(height, width))
