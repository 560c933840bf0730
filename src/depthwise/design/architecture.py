"""Architecture: a network as data (stem, stages of blocks, head), before any weight exists."""

from dataclasses import dataclass, replace
from typing import Protocol

from depthwise.data.preprocessing import Preprocessing, ResizeRule
from depthwise.graph.layers import Layer, LayerList, Sides


class Block(Protocol):
    """What every block kind offers: a frozen dataclass with output channels and stride that expands to Layers."""

    @property
    def channels(self) -> int:
        """Output channels."""

    @property
    def stride(self) -> int:
        """Factor by which the block shrinks its map."""

    def expand(self, layers: LayerList, name: str, source: str) -> str:
        """Appends the block's layers under `name`, reading layer `source`; returns the last layer's name."""


@dataclass(frozen=True)
class Stem:
    """The standard convolution that reads the image.

    Attributes:
        channels: its output channels. kernel: side of its filter, or (down, across). stride: by which it shrinks the
            image.
        activation: after it.
        fixed: the width multiplier leaves `channels` as they are.
        grows_only: the width multiplier may widen `channels` but not thin them.
        normalized: batch normalization follows; False: the convolution has a bias.
        dropout: ratio behind it, in training only.
    """

    channels: int
    kernel: Sides = 3
    stride: int = 2
    activation: str = "relu6"
    fixed: bool = False
    grows_only: bool = False
    normalized: bool = True
    dropout: float = 0.0

    def expand(self, layers: LayerList, source: str) -> str:
        """Appends the layers stem.*, reading `source`; returns the last one's name."""
        x = layers.conv("stem.conv", source, self.channels, self.kernel, self.stride, bias=not self.normalized)
        if self.normalized:
            x = layers.norm("stem.norm", x)
        x = layers.activation("stem.activation", x, self.activation)
        return layers.dropout("stem.dropout", x, self.dropout)


@dataclass(frozen=True)
class Stage:
    """`repeats` blocks of one kind; the first has the block's stride, the others stride 1."""

    block: Block
    repeats: int = 1


@dataclass(frozen=True)
class Head:
    """Optional pointwise convolution, global average pooling, optional fully connected layer, dropout, classifier.

    Attributes:
        channels: of the pointwise convolution before the pooling; None: there is none.
        features: of the fully connected layer after the pooling; None: there is none.
        dropout: ratio before the classifier, in training only.
        activation: after the pointwise convolution and after the fully connected layer.
        grows_only: the width multiplier may widen what the classifier reads (`features`, else `channels`) but not thin
            it (MobileNetV2, section 4.1 of its paper).
        fixed: the width multiplier leaves both as they are.
        normalized: the layer after the pooling has batch normalization instead of a bias (MobileNetV4).
    """

    channels: int | None = None
    features: int | None = None
    dropout: float = 0.0
    activation: str = "relu6"
    grows_only: bool = False
    fixed: bool = False
    normalized: bool = False

    def expand(self, layers: LayerList, source: str, classes: int) -> str:
        """Appends the layers head.*, reading the map `source`; returns the name of the classifier of `classes`."""
        x = source
        if self.channels is not None:
            x = layers.conv("head.conv", x, self.channels)
            x = layers.norm("head.norm", x)
            x = layers.activation("head.activation", x, self.activation)
        x = layers.pool("head.pool", x)
        if self.features is not None and self.normalized:
            x = layers.conv("head.features", x, self.features)
            x = layers.norm("head.features_norm", x)
            x = layers.activation("head.features_activation", x, self.activation)
        x = layers.flatten("head.flatten", x)
        if self.features is not None and not self.normalized:
            x = layers.linear("head.features", x, self.features)
            x = layers.activation("head.features_activation", x, self.activation)
        x = layers.dropout("head.dropout", x, self.dropout)
        return layers.linear("head.classifier", x, classes)


@dataclass(frozen=True)
class Rounding:
    """How scaled channel counts are rounded, as the family's paper or reference code does it.

    Attributes:
        divisor: counts become multiples of it.
        minimum: smallest count.
        keep: rounding down below this share of the unrounded count goes up one divisor instead (0: never).
        nearest: round to the nearest multiple; False: cut down.
    """

    divisor: int = 8
    minimum: int = 8
    keep: float = 0.9
    nearest: bool = True

    def __call__(self, channels: float) -> int:
        """The rounded count."""
        shift = self.divisor / 2 if self.nearest else 0
        rounded = max(self.minimum, int(channels + shift) // self.divisor * self.divisor)
        return rounded + self.divisor if rounded < self.keep * channels else rounded


TO_EIGHTS = Rounding()
"""To multiples of 8, as MobileNetV2 and most families since."""


@dataclass(frozen=True)
class Architecture:
    """A whole network as data.

    Attributes:
        name: of the family member, e.g. "mobilenet_v2".
        stem, stages, head: its parts in order.
        rounding: how the width multiplier rounds.
        epsilon: of every batch normalization.
        padding: of every convolution, a name in PADDINGS.
        resolution: height of the input in pixels. aspect: its width as a share of its height.
        channels: of the input image.
        classes: outputs of the classifier.
        width, depth: the multipliers that have been applied.
        aliases: names that other libraries give it, without a width; see `naming`.
        papers: what describes it, "authors year, title, address" each.
        searched: whether searches and suggestions try the family unasked.
        repeats_single: the depth multiplier repeats stages of one block, too (EfficientNet).
        origin: of a member that is another architecture scaled: that one, and by which width and depth.
        deployable: whether `make_deployable` has made it.
    """

    name: str
    stem: Stem
    stages: tuple[Stage, ...]
    head: Head
    rounding: Rounding = TO_EIGHTS
    epsilon: float = 1e-5
    padding: str = "symmetric"
    resolution: int = 224
    aspect: float = 1.0
    channels: int = 3
    classes: int = 1000
    width: float = 1.0
    depth: float = 1.0
    aliases: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    searched: bool = False
    repeats_single: bool = False
    origin: "tuple[Architecture, float, float] | None" = None
    deployable: bool = False

    @property
    def sides(self) -> tuple[int, int]:
        """Height and width of the input in pixels."""
        return self.resolution, max(1, round(self.resolution * self.aspect))

    def preprocessing(
        self, mean: tuple[float, ...] | None = None, std: tuple[float, ...] | None = None
    ) -> Preprocessing:
        """How an image becomes its input; mean and deviation, per channel, are 0.5 unless they are known."""
        (height, width), half = self.sides, (0.5,) * self.channels
        resize: ResizeRule = "crop" if height == width else "squash"
        return Preprocessing(height, self.channels, resize, mean or half, std or half, width)

    def layers(self) -> tuple[Layer, ...]:
        """Expands to Layers, named stem.*, blocks.STAGE.REPEAT.* and head.*."""
        layers = LayerList(self.channels, self.sides, self.epsilon, self.padding)
        x = self.stem.expand(layers, "input")
        for i, stage in enumerate(self.stages):
            for j in range(stage.repeats):
                block = stage.block if j == 0 else replace(stage.block, stride=1)  # type: ignore[type-var]
                x = block.expand(layers, f"blocks.{i}.{j}", x)
        self.head.expand(layers, x, self.classes)
        return tuple(layers.layers)
