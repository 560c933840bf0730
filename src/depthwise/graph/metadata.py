"""What travels with a Graph in its ONNX metadata: preprocessing, class names, and the state of its weights."""

import json
from collections.abc import Sequence

import onnx_ir as ir

from depthwise.data.preprocessing import Preprocessing
from depthwise.errors import UserError

PREPROCESSING = "depthwise.preprocessing"
"""Key of the model metadata that holds `Preprocessing.to_json()`."""

CLASSES = "depthwise.classes"
"""Key of the model metadata that holds a JSON list of class names."""

WEIGHTS = "depthwise.weights"
"""Key of the model metadata that is "none" in a Graph of shapes only, whose zeros are no weights."""

PARAMETERS = "depthwise.parameters"
"""Key of the node metadata: number of trainable parameters of the source layers that a node stands for."""


def annotate(graph: ir.Model, preprocessing: Preprocessing | None, classes: Sequence[str]) -> None:
    """Writes preprocessing and class names into the metadata; what is None or empty is not written."""
    if preprocessing is not None:
        graph.metadata_props[PREPROCESSING] = preprocessing.to_json()
    if classes:
        graph.metadata_props[CLASSES] = json.dumps(list(classes))


def with_normalization(graph: ir.Model, mean: Sequence[float], std: Sequence[float]) -> ir.Model:
    """A copy of a Graph that says how its input is normalized, for models that come without it.

    Args:
        graph: a Graph whose first image input has static sides.
        mean, std: per channel, of pixel values scaled to 0..1.

    Raises:
        UserError: another number of channels, a deviation that is not above 0, an input that is no image.
    """
    shape = image_input(graph).shape
    sides = [side for side in tuple(shape or ())[1:] if isinstance(side, int)]
    if len(sides) != 3:
        raise UserError(f"--mean and --std are for an image input [N, C, H, W]; the model's input is {shape}")
    channels, height, width = sides
    if not len(mean) == len(std) == channels:
        raise UserError(f"--mean has {len(mean)} and --std {len(std)} numbers, the model's input {channels} channels")
    if not all(deviation > 0 for deviation in std):
        raise UserError(f"--std {', '.join(f'{deviation:g}' for deviation in std)} has a number that is not above 0")
    copy = graph.clone()
    annotate(copy, Preprocessing(height, channels, mean=tuple(mean), std=tuple(std), width=width), ())
    return copy


def image_input(graph: ir.Model) -> ir.Value:
    """The input that the preprocessing is about: the first that is a map, else the first."""
    maps = (value for value in graph.graph.inputs if value.shape is not None and len(value.shape) == 4)
    return next(maps, graph.graph.inputs[0])


def preprocessing_of(graph: ir.Model) -> Preprocessing | None:
    """How an image becomes the input of a Graph, if its metadata says so.

    Raises:
        UserError: the metadata is there but cannot be read.
    """
    text = graph.metadata_props.get(PREPROCESSING)
    if text is None:
        return None
    try:
        return Preprocessing.from_json(text)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"the model's metadata '{PREPROCESSING}' cannot be read ({error}): {text[:80]}") from None


def classes_of(graph: ir.Model) -> tuple[str, ...]:
    """The class names of a Graph in the order of its outputs; empty if its metadata names none.

    Raises:
        UserError: the metadata is there but is no JSON list.
    """
    text = graph.metadata_props.get(CLASSES)
    if text is None:
        return ()
    try:
        names = json.loads(text)
    except ValueError:
        names = None
    if not isinstance(names, list):
        raise UserError(f"the model's metadata '{CLASSES}' is no JSON list of names: {text[:80]}")
    return tuple(str(name) for name in names)


def has_weights(graph: ir.Model) -> bool:
    """Whether a Graph carries real weights, not zeros that only give shapes."""
    return graph.metadata_props.get(WEIGHTS) != "none"


def parameters_of_node(node: ir.Node) -> int:
    """Trainable parameters that a node stands for, as far as passes have counted them."""
    return int(node.metadata_props.get(PARAMETERS, "0"))


def add_parameters(node: ir.Node, count: int) -> None:
    """Adds to the trainable parameters that a node stands for."""
    if count:
        node.metadata_props[PARAMETERS] = str(parameters_of_node(node) + count)
