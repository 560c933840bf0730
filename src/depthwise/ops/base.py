"""What an operator of the normal form is, and what a kernel that serves it is.

To add an operator: one file in this folder that defines `OPERATORS = {op_type: Operator(...)}`, its cases in
`ops/cases/` and its plain reference kernel `kernels/NAME.h`. To add a faster kernel: one header, and one line in
the operator's `kernels`, before the slower ones.

A node of the normal form is an `onnx_ir.Node` in the domain "depthwise": batch 1, static shapes, float32 tensors
[1, C, H, W] or [1, C], activations first among its inputs, then its parameters as initializers. `_quantized.py` says
what a node in 8-bit form is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

DOMAIN = "depthwise"
"""ONNX domain of the operators of the normal form."""

Shape = tuple[int, ...]

ErrorRule = Callable[[ir.Node, np.ndarray, np.ndarray], np.ndarray]
"""From a node, its exact output and sum |a w| to the largest allowed error, all of the output's shape."""


def shape_of(value: ir.Value | None) -> Shape:
    """Static shape of a value of the normal form."""
    if value is None or value.shape is None:
        raise ValueError(f"value {value} has no static shape")
    return value.shape.numpy()


def array_of(value: ir.Value | None) -> np.ndarray:
    """The constant behind a parameter of the normal form."""
    if value is None or value.const_value is None:
        raise ValueError(f"value {value} is no constant")
    return value.const_value.numpy()


def is_constant(value: ir.Value | None) -> bool:
    """Whether a value is a parameter (an initializer) rather than an activation."""
    return value is not None and value.const_value is not None


def activations_of(node: ir.Node) -> list[ir.Value]:
    """The inputs of a node that other nodes compute, in order."""
    return [value for value in node.inputs if value is not None and not is_constant(value)]


def parameters_of(node: ir.Node) -> list[ir.Value]:
    """The inputs of a node that are constants, in order (weight, bias)."""
    return [value for value in node.inputs if value is not None and is_constant(value)]


def always(_: ir.Node) -> bool:
    """The predicate of a kernel that serves every node of its operator."""
    return True


@dataclass(frozen=True)
class Kernel:
    """One C implementation of an operator: `kernels/NAME.h` defines `static inline void NAME(...)`.

    Every kernel has the same signature, so that the emitted program is a flat list of calls:

        NAME(const struct PARAMETERS *p, const INPUT *x, [const INPUT *x2,] const float *constants,
             OUTPUT *y, float *workspace, int base, int first, int last[, int from, int to])

    (constants and workspace are void pointers in kernels of 8 bits)

    It computes rows `first` (inclusive) to `last` (exclusive) of its output map (NHWC; a vector has one row). y begins
    with row `first`, x (and x2, unless it is a gate) with input row `base`; without a window, base is first. A kernel
    with `channels` computes the channels `from` to `to` (exclusive) of these rows, and leaves the others as they are.

    Attributes:
        name: file stem of the header and name of its function, by the grammar `op_dtype[_variant]`.
        parameters: name of the struct in `kernels/parameters.h` and function that gives its fields for a node,
            written as designated initializers.
        instructions: instruction set that the target must have: "c" (every target), or one of `compiler/isa.py`. For
            "avx2" the emitted source defines DEPTHWISE_AVX2 before it includes the kernel, and so for the others:
            `kernels/simd.h` then compiles for that set whatever the flags are, as the packed weights need.
        fits: whether the kernel can serve a node.
        constants: packs the parameters of a node into what the kernel reads: an array, or several that lie one after
            the other, each at a multiple of 4 bytes (None: none).
        workspace: bytes of scratch which the kernel needs for a node.
        keeps: whether the workspace holds its content from one call of a stream to the next.
        input_type, output_type: element types of the first activation and of the output, "float32" or "uint8".
        includes: further headers of `kernels/` which the kernel includes.
        channels: `from` and `to` are multiples of this, or the end, at least so far apart; 0: it takes no such range.
    """

    name: str
    struct: str
    parameters: Callable[[ir.Node], Mapping[str, int | float | str]]
    instructions: str = "c"
    fits: Callable[[ir.Node], bool] = always
    constants: Callable[[ir.Node], np.ndarray | Sequence[np.ndarray] | None] = lambda _: None
    workspace: Callable[[ir.Node], int] = lambda _: 0
    keeps: bool = False
    input_type: str = "float32"
    output_type: str = "float32"
    includes: Sequence[str] = ()
    channels: int = 0


@dataclass(frozen=True)
class Rows:
    """Which rows of its input maps an operator reads: output row r needs `reach` rows from r * stride - pad on.

    Attributes:
        reduces: the output is one value per channel for the whole map; the kernel takes the input's rows as they come.
    """

    reach: int = 1
    stride: int = 1
    pad: int = 0
    reduces: bool = False

    @property
    def aligned(self) -> bool:
        """Whether row r is made from row r alone."""
        return (self.reach, self.stride, self.pad) == (1, 1, 0)


def row_by_row(_: ir.Node) -> Rows:
    """The rows of an elementwise operator."""
    return Rows()


@dataclass(frozen=True)
class Operator:
    """An operator of the normal form.

    Attributes:
        shape: shape rule, from a node to the shape of its one output.
        macs: multiply-accumulates of a node; elementwise work and pooling count as none (the papers' convention).
        reference: NumPy reference from a node and its activations (float64 accumulation) to its output; NCHW.
        integer: the same for a node in 8-bit form, exact to the bit (docs/int8.md); None: it has no such form.
        kernels: the kernels that serve it, fastest first; the last one serves every node on every target.
        rows: which input rows an output row needs, for an operator that can run row by row (None: only as a whole).
            Activations as high as the first one are read by these rows, others (a gate) as a whole.
        in_place: whether the output may take the buffer of the first activation.
        pixelwise: whether each pixel of the output needs no pixel but the same one of each map.
        channelwise: whether output channel c needs no channel but c of each activation, if they have as many.
        view: whether the output is the first activation under another shape, so that no kernel runs.
        error: how far a kernel may be off; None: as the sum over a filter's weights, or of one term without a filter.
    """

    shape: Callable[[ir.Node], Shape]
    reference: Callable[..., np.ndarray]
    integer: Callable[..., np.ndarray] | None = None
    macs: Callable[[ir.Node], int] = lambda _: 0
    kernels: Sequence[Kernel] = field(default_factory=tuple)
    rows: Callable[[ir.Node], Rows] | None = None
    in_place: bool = False
    pixelwise: bool = False
    channelwise: bool = False
    view: bool = False
    error: ErrorRule | None = None

    def compute(self, node: ir.Node, *activations: np.ndarray) -> np.ndarray:
        """The output of a node by the NumPy reference of its form."""
        if "y_scale" in node.attributes and self.integer is not None:
            return self.integer(node, *activations)
        return self.reference(node, *activations)
