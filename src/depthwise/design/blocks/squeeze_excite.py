"""Squeeze-excite, a part of other blocks: one gate per channel from the mean of the whole map (Hu et al. 2018)."""

from dataclasses import dataclass

from depthwise.design.architecture import TO_EIGHTS, Rounding
from depthwise.graph.layers import LayerList


@dataclass(frozen=True)
class SqueezeExcite:
    """squeeze (global mean) -> reduction (pointwise) -> activation -> excitation (pointwise) -> gate; map x gate.

    Attributes:
        ratio: the reduction has the map's channels divided by it.
        activation: after the reduction.
        gate: after the excitation.
        rounding: of the reduction's channels.
        of_input: the reduction has the channels of the block's input divided by `ratio`, not those of the map.
    """

    ratio: float = 4
    activation: str = "relu"
    gate: str = "hard_sigmoid"
    rounding: Rounding = TO_EIGHTS
    of_input: bool = False

    def expand(self, layers: LayerList, name: str, source: str, block_input: str | None = None) -> str:
        """Appends the layers, named under `name`, reading the map `source` of the block that reads `block_input`.

        Returns the last one's name. Without `block_input` it is a block by itself.
        """
        channels = layers.shape(source)[0]
        shared = layers.shape(block_input or source)[0] if self.of_input else channels
        x = layers.pool(f"{name}.squeeze", source)
        x = layers.conv(f"{name}.reduction", x, self.rounding(shared / self.ratio), bias=True)
        x = layers.activation(f"{name}.reduction_activation", x, self.activation)
        x = layers.conv(f"{name}.excitation", x, channels, bias=True)
        x = layers.activation(f"{name}.gate", x, self.gate)
        return layers.gate(f"{name}.scale", source, x)
