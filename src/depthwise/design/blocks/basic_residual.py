"""The basic residual block of two standard convolutions (ResNet-18 and -34, arXiv 1512.03385, fig. 2 and table 1)."""

from dataclasses import dataclass

from depthwise.graph.layers import LayerList


@dataclass(frozen=True)
class BasicResidual:
    """3 x 3 -> norm -> activation -> 3 x 3 -> norm, added to the input -> activation.

    Where stride or channels differ, the input passes a pointwise convolution first (option B of section 3.3).

    Attributes:
        channels: output channels of both convolutions.
        stride: of the first convolution.
        activation: after the first convolution and after the sum.
    """

    channels: int
    stride: int = 1
    activation: str = "relu"

    def expand(self, layers: LayerList, name: str, source: str) -> str:
        """Appends the block's layers, named under `name`, reading `source`; returns the last one's name."""
        x = layers.conv(f"{name}.first", source, self.channels, 3, self.stride)
        x = layers.norm(f"{name}.first_norm", x)
        x = layers.activation(f"{name}.first_activation", x, self.activation)
        x = layers.conv(f"{name}.second", x, self.channels, 3)
        x = layers.norm(f"{name}.second_norm", x)
        shortcut = source
        if self.stride != 1 or layers.shape(source)[0] != self.channels:
            shortcut = layers.conv(f"{name}.shortcut", source, self.channels, 1, self.stride)
            shortcut = layers.norm(f"{name}.shortcut_norm", shortcut)
        x = layers.add(f"{name}.add", x, shortcut)
        return layers.activation(f"{name}.activation", x, self.activation)
