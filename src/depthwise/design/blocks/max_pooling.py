"""Max pooling between the blocks of a network (ResNet, arXiv 1512.03385, table 1; VGG, arXiv 1409.1556, table 1)."""

from dataclasses import dataclass

from depthwise.graph.layers import LayerList


@dataclass(frozen=True)
class MaxPooling:
    """The largest value of each window. With stride 1, which the small-input rule may set, there is no pooling at all.

    Attributes:
        channels: as many as what it reads has; it stands here so that the width multiplier treats both alike.
        stride: of the windows.
        kernel: side of the window.
    """

    channels: int
    stride: int = 2
    kernel: int = 2

    def expand(self, layers: LayerList, name: str, source: str) -> str:
        """Appends the pooling, named under `name`, reading `source`; returns its name."""
        if layers.shape(source)[0] != self.channels:
            raise ValueError(f"{name}: pooling keeps the {layers.shape(source)[0]} channels, not {self.channels}")
        return source if self.stride == 1 else layers.max_pool(f"{name}.pooling", source, self.kernel, self.stride)
