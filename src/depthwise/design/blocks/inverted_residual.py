"""The inverted residual with linear bottleneck (MobileNetV2, arXiv 1801.04381, table 1 and fig. 4d).

With squeeze-excite between depthwise and projection it is that of MNASNet, MobileNetV3 (arXiv 1905.02244, fig. 4) and
EfficientNet, whose papers call it MBConv.
"""

from dataclasses import dataclass, replace

from depthwise.design.architecture import TO_EIGHTS, Rounding
from depthwise.design.blocks.squeeze_excite import SqueezeExcite
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
        squeeze_excite: gates what the projection reads; None: nothing does.
        rounding: of the hidden channels.
        residual: False: there is none even where shapes allow it.
        dilation: how far the taps of the depthwise filter are apart.
    """

    channels: int
    stride: int = 1
    expansion: float = 6
    kernel: int = 3
    activation: str = "relu6"
    squeeze_excite: SqueezeExcite | None = None
    rounding: Rounding = TO_EIGHTS
    residual: bool = True
    dilation: int = 1

    def ungated(self) -> "InvertedResidual":
        """The block without squeeze-excite."""
        return replace(self, squeeze_excite=None)

    def expand(self, layers: LayerList, name: str, source: str) -> str:
        """Appends the block's layers, named under `name`, reading `source`; returns the last one's name."""
        channels = hidden = layers.shape(source)[0]
        x = source
        if self.expansion != 1:
            hidden = self.rounding(channels * self.expansion)
            x = layers.conv(f"{name}.expansion", x, hidden)
            x = layers.norm(f"{name}.expansion_norm", x)
            x = layers.activation(f"{name}.expansion_activation", x, self.activation)
        x = layers.depthwise(f"{name}.depthwise", x, self.kernel, self.stride, dilation=self.dilation)
        x = layers.norm(f"{name}.depthwise_norm", x)
        x = layers.activation(f"{name}.depthwise_activation", x, self.activation)
        if self.squeeze_excite:
            x = self.squeeze_excite.expand(layers, f"{name}.squeeze_excite", x, source)
        x = layers.conv(f"{name}.projection", x, self.channels)
        x = layers.norm(f"{name}.projection_norm", x)
        if self.residual and self.stride == 1 and channels == self.channels:
            x = layers.add(f"{name}.add", x, source)
        return x
