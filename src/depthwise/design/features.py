"""The maps inside a network, one for each size, as detectors and segmenters take them."""

from collections.abc import Sequence
from dataclasses import dataclass

from depthwise.graph.layers import Layer


@dataclass(frozen=True)
class Feature:
    """A map that a FeatureNetwork returns.

    Attributes:
        layer: name of the layer that computes it.
        channels: of the map.
        reduction: by how much it is smaller than the image, in one direction.
    """

    layer: str
    channels: int
    reduction: int


def features_of(layers: Sequence[Layer]) -> tuple[Feature, ...]:
    """The last output of a block, or of the stem, of each size; the image itself is none, the head has none."""
    parts = {_part(layer.name): layer for layer in layers[1:]}  # keeps the last of each
    maps = [layer for part, layer in parts.items() if part != "head"]
    last = {layer.shape[1]: layer for layer in maps}
    height = layers[0].shape[1]
    return tuple(Feature(layer.name, layer.shape[0], round(height / size)) for size, layer in last.items())


def _part(name: str) -> str:
    """ "stem", "blocks.STAGE.REPEAT" or "head"."""
    kind, _, rest = name.partition(".")
    return ".".join([kind, *rest.split(".")[:2]]) if kind == "blocks" else kind
