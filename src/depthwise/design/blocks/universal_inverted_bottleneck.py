"""The universal inverted bottleneck of MobileNetV4 (Qin et al. 2024, arXiv 2404.10518, section 3 and fig. 4).

Two optional depthwise convolutions make it one of four blocks: both, "extra depthwise"; the middle one only, the
inverted residual of MobileNetV2; the first only, a block like ConvNeXt's; none, a feed-forward network of two pointwise
convolutions.
"""

from dataclasses import dataclass

from depthwise.design.architecture import TO_EIGHTS, Rounding
from depthwise.graph.layers import LayerList


@dataclass(frozen=True)
class UniversalInvertedBottleneck:
    """[depthwise, linear] -> expansion (pointwise) -> [depthwise] -> projection (pointwise, linear), and a residual.

    Attributes:
        channels: output channels of the projection.
        stride: of the middle depthwise convolution; of the first if there is no middle one.
        expansion: hidden channels as a multiple of the input's.
        first: side of the depthwise filter before the expansion; 0: there is none.
        middle: side of the depthwise filter between expansion and projection; 0: there is none.
        activation: after the expansion and the middle depthwise convolution.
        rounding: of the hidden channels.
    """

    channels: int
    stride: int = 1
    expansion: float = 4
    first: int = 0
    middle: int = 3
    activation: str = "relu"
    rounding: Rounding = TO_EIGHTS

    def expand(self, layers: LayerList, name: str, source: str) -> str:
        """Appends the block's layers, named under `name`, reading `source`; returns the last one's name."""
        x, channels = source, layers.shape(source)[0]
        if self.first:
            stride = 1 if self.middle else self.stride
            x = layers.depthwise(f"{name}.first_depthwise", x, self.first, stride)
            x = layers.norm(f"{name}.first_depthwise_norm", x)
        hidden = self.rounding(channels * self.expansion)
        x = layers.conv(f"{name}.expansion", x, hidden)
        x = layers.norm(f"{name}.expansion_norm", x)
        x = layers.activation(f"{name}.expansion_activation", x, self.activation)
        if self.middle:
            x = layers.depthwise(f"{name}.depthwise", x, self.middle, self.stride)
            x = layers.norm(f"{name}.depthwise_norm", x)
            x = layers.activation(f"{name}.depthwise_activation", x, self.activation)
        x = layers.conv(f"{name}.projection", x, self.channels)
        x = layers.norm(f"{name}.projection_norm", x)
        if self.stride == 1 and channels == self.channels:
            x = layers.add(f"{name}.add", x, source)
        return x
