"""The fully connected layer on a whole map (VGG, arXiv 1409.1556, section 2.1)."""

from dataclasses import dataclass

from depthwise.graph.layers import LayerList


@dataclass(frozen=True)
class Dense:
    """A convolution as large as the map, with bias -> activation -> dropout: a fully connected layer on its pixels.

    Attributes:
        channels: outputs, as a map of 1 x 1.
        stride: 1; the map shrinks to one pixel by the size of the filter.
        activation: after it.
        dropout: ratio, in training only.
    """

    channels: int
    stride: int = 1
    activation: str = "relu"
    dropout: float = 0.5

    def expand(self, layers: LayerList, name: str, source: str) -> str:
        """Appends the block's layers, named under `name`, reading `source`; returns the last one's name."""
        x = layers.cover(f"{name}.dense", source, self.channels)
        x = layers.activation(f"{name}.activation", x, self.activation)
        return layers.dropout(f"{name}.dropout", x, self.dropout)
