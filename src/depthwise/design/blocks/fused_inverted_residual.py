"""The inverted residual whose expansion and depthwise convolution are one standard convolution.

First in EfficientNet-EdgeTPU (Gupta and Akin 2020, arXiv 2003.02838, section 3); MobileNetV4 begins with one.
"""

from dataclasses import dataclass

from depthwise.design.architecture import TO_EIGHTS, Rounding
from depthwise.graph.layers import LayerList


@dataclass(frozen=True)
class FusedInvertedResidual:
    """expansion (k x k) -> norm -> activation -> projection (pointwise, linear), with a residual where shapes allow it.

    Attributes:
        channels: output channels of the projection.
        stride: of the expansion.
        expansion: hidden channels as a multiple of the input's.
        kernel: side of the expansion's filter.
        activation: after the expansion.
        rounding: of the hidden channels.
    """

    channels: int
    stride: int = 1
    expansion: float = 4
    kernel: int = 3
    activation: str = "relu"
    rounding: Rounding = TO_EIGHTS

    def expand(self, layers: LayerList, name: str, source: str) -> str:
        """Appends the block's layers, named under `name`, reading `source`; returns the last one's name."""
        channels = layers.shape(source)[0]
        x = layers.conv(f"{name}.expansion", source, self.rounding(channels * self.expansion), self.kernel, self.stride)
        x = layers.norm(f"{name}.expansion_norm", x)
        x = layers.activation(f"{name}.expansion_activation", x, self.activation)
        x = layers.conv(f"{name}.projection", x, self.channels)
        x = layers.norm(f"{name}.projection_norm", x)
        if self.stride == 1 and channels == self.channels:
            x = layers.add(f"{name}.add", x, source)
        return x
