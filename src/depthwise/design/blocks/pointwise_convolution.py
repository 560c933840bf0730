"""A pointwise convolution by itself: it mixes the channels of each pixel."""

from dataclasses import dataclass

from depthwise.graph.layers import LayerList


@dataclass(frozen=True)
class Pointwise:
    """pointwise -> norm -> activation.

    Attributes:
        channels: output channels.
        activation: after it.
    """

    channels: int
    activation: str = "relu6"

    def expand(self, layers: LayerList, name: str, source: str) -> str:
        """Appends the block's layers, named under `name`, reading `source`; returns the last one's name."""
        x = layers.conv(f"{name}.pointwise", source, self.channels)
        x = layers.norm(f"{name}.pointwise_norm", x)
        return layers.activation(f"{name}.pointwise_activation", x, self.activation)
