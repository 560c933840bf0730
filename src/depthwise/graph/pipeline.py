"""From any ONNX network to the normal form: THE list of passes, in order.

The normal form: every node is an operator of `depthwise.ops` (domain "depthwise") with one output, batch 1, static
shapes, activations first among its inputs, then float32 parameters; BatchNorms are folded, activation functions are
epilogues, padding is explicit. Cost, planning, quantization and compiling all read this form, so they cannot disagree.
"""

from collections.abc import Collection, Iterable

import onnx_ir as ir

from depthwise.graph.metadata import preprocessing_of
from depthwise.graph.passes.base import Pass, describe
from depthwise.graph.passes.batchnorm_to_depthwise import batchnorm_to_depthwise
from depthwise.graph.passes.binary_concat import binary_concat
from depthwise.graph.passes.camera_bytes import camera_bytes
from depthwise.graph.passes.canonical_linear import canonical_linear
from depthwise.graph.passes.canonical_views import canonical_views
from depthwise.graph.passes.check_operators import check_operators
from depthwise.graph.passes.check_weights import check_weights
from depthwise.graph.passes.check_wires import check_wires
from depthwise.graph.passes.count_parameters import count_parameters
from depthwise.graph.passes.explicit_padding import explicit_padding
from depthwise.graph.passes.fix_batch import fix_batch
from depthwise.graph.passes.flatten_to_convolution import flatten_to_convolution
from depthwise.graph.passes.fold_batchnorm import fold_batchnorm
from depthwise.graph.passes.fold_batchnorm_forward import fold_batchnorm_forward
from depthwise.graph.passes.fold_constants import fold_constants
from depthwise.graph.passes.fold_normalization import fold_normalization
from depthwise.graph.passes.fuse_activation import fuse_activation
from depthwise.graph.passes.infer_shapes import infer_shapes
from depthwise.graph.passes.inline_functions import inline_functions
from depthwise.graph.passes.lower import LOWERINGS, lower
from depthwise.graph.passes.move_scales import move_scales
from depthwise.graph.passes.name_nodes import name_nodes
from depthwise.graph.passes.name_values import name_values
from depthwise.graph.passes.quantized_bytes import quantized_bytes
from depthwise.graph.passes.read_scales import read_scales
from depthwise.graph.passes.recompose_activations import recompose_activations
from depthwise.graph.passes.recompose_affine import recompose_affine
from depthwise.graph.passes.remove_dead import remove_dead
from depthwise.graph.passes.remove_identities import remove_identities
from depthwise.graph.passes.to_integers import to_integers
from depthwise.graph.passes.vectors_to_maps import vectors_to_maps
from depthwise.graph.verifier import verify
from depthwise.ops.base import DOMAIN
from depthwise.registry import choose

INPUTS = ("auto", "uint8", "float", "int8")
"""What a network may be made to take."""

# fmt: off
UNDERSTAND: tuple[Pass, ...] = (
    Pass(inline_functions,       "exporters hide operators in functions"),
    Pass(fix_batch,              "with one static input shape every other shape follows"),
    Pass(read_scales,            "weights in integers are constants too, but their scales must be remembered"),
    Pass(fold_constants,         "shape arithmetic and computed weights vanish; what is left is the network",
         gone=("Constant",)),
    Pass(name_nodes,             "errors and cost rows speak of nodes by name"),
    Pass(infer_shapes,           "every rule below asks for shapes"),
)
"""What must be known of a network before it can be refused or rewritten."""

REWRITE: tuple[Pass, ...] = (
    Pass(check_weights,          "NaN is refused where it still has its own name"),
    Pass(remove_identities,      "so that the patterns below need not look through them",
         gone=("Identity", "Dropout", "Cast", "Transpose", "Expand")),
    Pass(move_scales,            "scales around a reshape or a border would hide it from the rules below"),
    Pass(canonical_linear,       "MatMul and Gemm are one thing, with weights [O, I]",
         gone=("MatMul",)),
    Pass(count_parameters,       "papers count BatchNorm's scale and shift, which are folded next"),
    Pass(recompose_activations,  "before the arithmetic with constants inside is taken for a BatchNorm",
         gone=("Relu", "Clip", "Max", "Min", "Sigmoid", "HardSigmoid", "HardSwish", "Swish")),
    Pass(explicit_padding,       "after activations: MaxPool takes a zero border only if nothing is negative",
         gone=("Pad",)),
    Pass(canonical_views,        "means are pools, reshapes are flattens",
         gone=("ReduceMean", "GlobalMaxPool", "Squeeze")),
    Pass(recompose_affine,       "a bias after a MatMul, a scaled input: BatchNorms from here on",
         gone=("Sub", "Div")),
    Pass(fold_batchnorm,         "into the convolution before: costs nothing"),
    Pass(fold_batchnorm_forward, "else into the one after, if it has no padding"),
    Pass(batchnorm_to_depthwise, "else a 1 x 1 depthwise convolution",
         gone=("BatchNormalization",)),
    Pass(vectors_to_maps,        "squeeze-excite by fully connected layers becomes 1 x 1 convolutions",
         gone=("Reshape", "Unsqueeze")),
    Pass(flatten_to_convolution, "biases are in: fully connected layers on maps become convolutions"),
    Pass(binary_concat,          "kernels take two maps"),
    Pass(lower,                  "standard ONNX ends here",
         gone=tuple(LOWERINGS)),
    Pass(fuse_activation,        "epilogues of the operators that now exist"),
)
"""From understood ONNX to the normal form."""

CAMERA: tuple[Pass, ...] = (
    Pass(camera_bytes,           "the input is pixels 0..255"),
    Pass(fold_normalization,     "mean and deviation cost nothing inside the first convolution"),
)
"""Only for input "uint8"."""

FINISH: tuple[Pass, ...] = (
    Pass(to_integers,            "what stands between 8-bit values is computed in 8 bits"),
    Pass(name_nodes,             "rules that made two nodes of one gave both its name"),
    Pass(name_values,            "buffers and parameters are named after their nodes"),
)

BYTES: tuple[Pass, ...] = (
    Pass(quantized_bytes,        "the caller has quantized the input"),
)
"""Only for input "int8"."""
# fmt: on


FUSING = ("fold_batchnorm", "fold_batchnorm_forward", "fuse_activation")
"""Passes that may be left out: what they would fuse stays a node of its own, at the cost of time."""


def supported_operators() -> tuple[str, ...]:
    """The ONNX operators which the passes turn into the normal form (some only in the settings which they describe)."""
    return tuple(sorted({operator for step in (*UNDERSTAND, *REWRITE) for operator in step.gone}))


def normalize(graph: ir.Model, input: str = "float", *, without: Collection[str] = ()) -> ir.Model:
    """The normal form of a Graph, which stays as it is.

    Args:
        graph: any Graph. One that is in normal form already is only copied.
        input: "float": the network's own float32 inputs, [1, C, H, W] or [1, C]; "uint8": the first image input takes
            raw pixels 0..255, normalized by the metadata's Preprocessing inside the network; "auto": so if it has one;
            "int8": an input that is quantized first takes the bytes (docs/int8.md).
        without: names of passes in FUSING to leave out, to see what fusing gains.

    Raises:
        UserError: it has an operator, a shape or weights that cannot be compiled; or "uint8" without Preprocessing,
            "int8" without a quantized input.
    """
    for name in without:
        choose("fusing pass", name, FUSING)
    if choose("input type", input, INPUTS) == "auto":
        input = "uint8" if preprocessing_of(graph) is not None else "float"
    check_wires(graph)
    model = graph.clone()
    if all(node.domain == DOMAIN for node in model.graph) and len(model.graph):
        pixels = any(value.dtype == ir.DataType.UINT8 for value in model.graph.inputs)
        if not pixels:
            run(model, {"uint8": CAMERA + FINISH, "int8": BYTES}.get(input, ()))
    else:
        run(model, UNDERSTAND)
        check_operators(model, supported_operators())
        rewrite = tuple(step for step in REWRITE if step.name not in without)
        run(model, rewrite + (CAMERA if input == "uint8" else ()) + FINISH + (BYTES if input == "int8" else ()))
    verify(model)
    return model


def understand(graph: ir.Model) -> ir.Model:
    """A copy of a Graph in which every name and shape is known, otherwise as it was written: what a linter reads.

    Raises:
        UserError: as `normalize`, of what must be known before anything is rewritten.
    """
    check_wires(graph)
    model = graph.clone()
    run(model, UNDERSTAND)
    return model


def finish(model: ir.Model) -> None:
    """Brings a Graph in normal form, into which Quantize and Dequantize were put, to that of 8 bits, in place."""
    run(model, FINISH)
    verify(model)


def run(model: ir.Model, passes: Iterable[Pass]) -> None:
    """Runs passes in order; after each, what nobody reads is removed and what must be gone is looked for.

    Raises:
        UserError: what a pass refuses.
        AssertionError: a pass that neither treated nor refused an operator which it promises to remove.
    """
    for step in passes:
        if step.run(model):
            remove_dead(model)
        for node in model.graph:
            if node.op_type in step.gone and not node.domain:
                raise AssertionError(f"pass {step.name} left {describe(node)}")
