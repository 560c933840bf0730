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
    """

    ratio: float = 4
    activation: str = "relu"
    gate: str = "hard_sigmoid"
    rounding: Rounding = TO_EIGHTS

    def expand(self, layers: LayerList, name: str, source: str) -> str:
        """Appends the layers, named under `name`, reading the map `source`; returns the last one's name."""
        channels = layers.shape(source)[0]
        x = layers.pool(f"{name}.squeeze", source)
        x = layers.conv(f"{name}.reduction", x, self.rounding(channels / self.ratio), bias=True)
        x = layers.activation(f"{name}.reduction_activation", x, self.activation)
        x = layers.conv(f"{name}.excitation", x, channels, bias=True)
        x = layers.activation(f"{name}.gate", x, self.gate)
        return layers.gate(f"{name}.scale", source, x)
