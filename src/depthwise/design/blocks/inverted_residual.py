"""The inverted residual with linear bottleneck (MobileNetV2, arXiv 1801.04381, table 1 and fig. 4d)."""

from dataclasses import dataclass

from depthwise.graph.layers import LayerList


@dataclass(frozen=True)
class InvertedResidual:
    """expansion (pointwise) -> depthwise -> projection (pointwise, linear), with a residual where shapes allow it.

    The projection has no activation: a ReLU on the narrow bottleneck would destroy information (section 3.2).

    Attributes:
        channels: output channels of the projection.
        stride: of the depthwise convolution.
        expansion: hidden channels as a multiple of the input's; 1 leaves the expansion out.
        kernel: side of the depthwise filter.
        activation: after expansion and depthwise convolution.
    """

    channels: int
    stride: int = 1
    expansion: float = 6
    kernel: int = 3
    activation: str = "relu6"

    def expand(self, layers: LayerList, name: str, source: str) -> str:
        """Appends the block's layers, named under `name`, reading `source`; returns the last one's name."""
        channels = layers.shape(source)[0]
        hidden = round(channels * self.expansion)
        x = source
        if hidden != channels:
            x = layers.conv(f"{name}.expansion", x, hidden)
            x = layers.norm(f"{name}.expansion_norm", x)
            x = layers.activation(f"{name}.expansion_activation", x, self.activation)
        x = layers.conv(f"{name}.depthwise", x, hidden, self.kernel, self.stride, groups=hidden)
        x = layers.norm(f"{name}.depthwise_norm", x)
        x = layers.activation(f"{name}.depthwise_activation", x, self.activation)
        x = layers.conv(f"{name}.projection", x, self.channels)
        x = layers.norm(f"{name}.projection_norm", x)
        if self.stride == 1 and channels == self.channels:
            x = layers.add(f"{name}.add", x, source)
        return x
