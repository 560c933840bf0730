"""A depthwise convolution by itself: one spatial filter, or `multiplier` of them, for each channel."""

from dataclasses import dataclass

from depthwise.graph.layers import LayerList


@dataclass(frozen=True)
class Depthwise:
    """depthwise k x k -> norm -> activation.

    Attributes:
        kernel: side of the filter. stride: of it.
        multiplier: filters for each channel.
        dilation: how far taps are apart.
        activation: after it.
    """

    kernel: int = 3
    stride: int = 1
    multiplier: int = 1
    dilation: int = 1
    activation: str = "relu6"

    def expand(self, layers: LayerList, name: str, source: str) -> str:
        """Appends the block's layers, named under `name`, reading `source`; returns the last one's name."""
        x = layers.depthwise(f"{name}.depthwise", source, self.kernel, self.stride, self.multiplier, self.dilation)
        x = layers.norm(f"{name}.depthwise_norm", x)
        return layers.activation(f"{name}.depthwise_activation", x, self.activation)
