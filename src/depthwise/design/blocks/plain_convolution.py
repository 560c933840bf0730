"""The standard convolution as a block of its own (VGG, arXiv 1409.1556, without normalization)."""

from dataclasses import dataclass

from depthwise.graph.layers import LayerList


@dataclass(frozen=True)
class PlainConvolution:
    """convolution k x k -> norm -> activation, no residual.

    Attributes:
        channels: output channels.
        stride: of the convolution.
        kernel: side of its filter.
        activation: after it.
        normalized: batch normalization follows; False: the convolution has a bias.
    """

    channels: int
    stride: int = 1
    kernel: int = 3
    activation: str = "relu"
    normalized: bool = True

    def expand(self, layers: LayerList, name: str, source: str) -> str:
        """Appends the block's layers, named under `name`, reading `source`; returns the last one's name."""
        x = layers.conv(
            f"{name}.convolution", source, self.channels, self.kernel, self.stride, bias=not self.normalized
        )
        if self.normalized:
            x = layers.norm(f"{name}.convolution_norm", x)
        return layers.activation(f"{name}.activation", x, self.activation)
