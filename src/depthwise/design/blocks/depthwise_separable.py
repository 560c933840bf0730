"""The depthwise separable block: depthwise k x k, then pointwise (MobileNetV1, arXiv 1704.04861, fig. 3).

With squeeze-excite between the two it is that of PP-LCNet (arXiv 2109.15099, fig. 2).
"""

from dataclasses import dataclass, replace

from depthwise.design.blocks.squeeze_excite import SqueezeExcite
from depthwise.graph.layers import LayerList


@dataclass(frozen=True)
class DepthwiseSeparable:
    """depthwise k x k -> norm -> activation -> pointwise -> norm -> activation, no residual.

    Attributes:
        channels: output channels.
        stride: of the depthwise convolution.
        kernel: side of the depthwise filter.
        activation: after both convolutions.
        squeeze_excite: gates what the pointwise convolution reads; None: nothing does.
        multiplier: depthwise filters for each channel. dilation: how far their taps are apart.
    """

    channels: int
    stride: int = 1
    kernel: int = 3
    activation: str = "relu6"
    squeeze_excite: SqueezeExcite | None = None
    multiplier: int = 1
    dilation: int = 1

    def ungated(self) -> "DepthwiseSeparable":
        """The block without squeeze-excite."""
        return replace(self, squeeze_excite=None)

    def expand(self, layers: LayerList, name: str, source: str) -> str:
        """Appends the block's layers, named under `name`, reading `source`; returns the last one's name."""
        x = layers.depthwise(f"{name}.depthwise", source, self.kernel, self.stride, self.multiplier, self.dilation)
        x = layers.norm(f"{name}.depthwise_norm", x)
        x = layers.activation(f"{name}.depthwise_activation", x, self.activation)
        if self.squeeze_excite:
            x = self.squeeze_excite.expand(layers, f"{name}.squeeze_excite", x, source)
        x = layers.conv(f"{name}.pointwise", x, self.channels)
        x = layers.norm(f"{name}.pointwise_norm", x)
        return layers.activation(f"{name}.pointwise_activation", x, self.activation)
