"""What a network costs, as records: `analysis.cost` counts it, results.json has it."""

from pydantic import Field

from depthwise.config import Record
from depthwise.device import Precision


class LayerCost(Record):
    """One row of the cost table, a fused operator: MACs, trainable parameters, bytes of its weights and output.

    `moved_bytes` are those that it reads and writes at least once: its inputs, weights and output.
    """

    name: str
    op: str
    shape: list[int]
    parameters: int
    macs: int
    weight_bytes: int
    activation_bytes: int
    moved_bytes: int = 0


class Separable(Record):
    """A depthwise operator of `inputs` channels with the pointwise one behind it, and their standard convolution.

    `kernel` is the depthwise filter's height and width; weights are numbers, without biases.
    """

    depthwise: str
    pointwise: str
    kernel: list[int]
    inputs: int
    outputs: int
    macs: int
    standard_macs: int
    weights: int
    standard_weights: int


class Cost(Record):
    """Exact counts of a network; `parameters` are trainable ones, BatchNorm scale and shift included, as in papers.

    `input_shape` is that of one image, [C, H, W]; empty if it is not recorded. `separable` is each separable layer
    beside the standard convolution that it stands for; `peaks` schedule -> most bytes of activations at one time
    (`analysis.peaks`), empty if they were not asked for.
    """

    parameters: int
    macs: int
    layers: list[LayerCost]
    input_shape: list[int] = Field(default_factory=list)
    separable: list[Separable] = Field(default_factory=list)
    peaks: dict[str, int] = Field(default_factory=dict)

    @property
    def separable_macs(self) -> int:
        """Multiply-accumulates of all separable layers."""
        return sum(one.macs for one in self.separable)

    @property
    def standard_macs(self) -> int:
        """Those of the standard convolutions that they stand for."""
        return sum(one.standard_macs for one in self.separable)


class Roofline(Record):
    """What one thread of a device reaches at best: `peak` MACs a second in `precision`.

    `bandwidth`: level that bytes come from -> bytes a second, the nearest first, "memory" last.
    """

    device: str
    precision: Precision
    peak: float
    bandwidth: dict[str, float]

    def ridge(self, level: str) -> float:
        """MACs for each byte from which on arithmetic is the bound, if bytes come from `level`."""
        return self.peak / self.bandwidth[level]


class Bound(Record):
    """A layer under a roofline: MACs for each byte, MACs a second at best; "compute" or a level bounds them."""

    layer: str
    operator: str
    precision: Precision
    intensity: float
    attainable: float
    bound: str
