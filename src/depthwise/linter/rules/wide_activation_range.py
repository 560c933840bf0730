"""Activations in which one channel is huge beside the others

An activation of 8 bits has 256 steps for all channels of a tensor. Where one channel reaches far beyond the others it
takes the steps: a channel R times smaller keeps 256 / R. ReLU6 cuts such channels off at 6; swish, hard-swish and the
linear output of a projection do not. EfficientNet-Lite0 with swish fell from 75 to 46 % on ImageNet in 8 bits, for
one tensor from -168 to 204; with ReLU6 it keeps 74.4 % (the authors' blog and table, 2020).

Found: without any image, from the BatchNorm's own shift and scale, of which a channel spans about
|shift| + 6 |scale| (Nagel et al. 2019), cut to what the activation function behind it lets through: a
layer whose largest channel is 16 times the median one, so that half of the channels keep 16 steps or fewer. Genuine
MobileNetV2 and EfficientNet-Lite stay below 5. In a file of 8 bits, from its scales: a tensor whose range is 8 times
(three bits) that of the median tensor.

Mended by: ReLU6 in place of the unbounded function (`--deployable` does that to networks by name), training again
with weight decay on the BatchNorm's scale, or leaving that layer in float.
"""

from collections.abc import Iterator

import numpy as np
import onnx_ir as ir

from depthwise.graph import Graph, LayerList
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.bottlenecks import macs_of
from depthwise.linter.examples import classifier, filtered, separable, sketch
from depthwise.linter.subject import Subject
from depthwise.ops._activation import activation_of, bounds_of
from depthwise.ops.base import array_of, is_constant

STEPS, DEVIATIONS = 256, 6
"""Of an activation in 8 bits, and standard deviations of a channel that it is taken to reach."""

CHANNELS, TENSORS = 16.0, 8.0
"""How many times the median channel the largest may span, and how many times the median tensor a tensor."""


def _find(subject: Subject) -> Iterator[Found]:
    yield from _of_scales(subject)
    for name, low, high in _of_norms(subject):
        spans = high - low
        usual = float(np.median(spans))
        if usual > 0 and spans.max() >= CHANNELS * usual:
            worst = int(spans.argmax())
            yield Found(
                (name,),
                f"channel {worst} spans about {low[worst]:.3g} to {high[worst]:.3g}, {spans.max() / usual:.0f} times "
                f"the median channel, which keeps {STEPS * usual / spans.max():.0f} of {STEPS} steps in 8 bits",
                "bound it by ReLU6, train again with weight decay on the BatchNorm, or leave the layer in float",
            )


def _of_norms(subject: Subject) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Layer, lowest and highest value of each channel behind a BatchNorm and its function, as its statistics say."""
    assert subject.normal is not None
    forms = {str(node.name): node for node in subject.normal.graph}
    for norm in subject.nodes("BatchNormalization"):
        source = norm.inputs[0]
        before = source.producer() if source and len(source.uses()) == 1 else None
        form = forms.get(str(norm.name)) or (forms.get(str(before.name)) if before else None)
        if form is None or not macs_of(form) or not all(is_constant(value) for value in norm.inputs[1:3]):
            continue
        scale, shift = (array_of(value).astype(np.float64) for value in norm.inputs[1:3])
        low, high = shift - DEVIATIONS * np.abs(scale), shift + DEVIATIONS * np.abs(scale)
        yield str(form.name), *_through(form, low, high)


def _through(node: ir.Node, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a node's activation function makes of ranges; of a swish the lower end is near 0."""
    name = activation_of(node)
    if name == "none":
        return low, high
    if name == "clip":
        least, most = bounds_of(node)
    elif name.endswith("sigmoid"):
        least, most = 0.0, 1.0
    else:
        least, most = -SWISH, np.inf
    return np.clip(low, least, most), np.clip(high, least, most)


SWISH = 0.375
"""Depth of the dip of hard-swish below 0; swish's is 0.278."""


def _of_scales(subject: Subject) -> Iterator[Found]:
    spans: dict[str, float] = {}
    for node in subject.nodes("QuantizeLinear"):
        source, scale = node.inputs[0], node.inputs[1]
        if source is not None and not is_constant(source) and is_constant(scale) and array_of(scale).size == 1:
            maker = source.producer()
            spans[str(maker.name if maker else source.name)] = STEPS * float(array_of(scale).item())
    usual = float(np.median(list(spans.values()))) if spans else 0.0
    for name, span in spans.items():
        if span >= TENSORS * usual > 0:
            yield Found(
                (name,),
                f"spans {span:.3g} in 8 bits, {span / usual:.0f} times the network's median tensor ({usual:.3g})",
                "bound it by ReLU6 and train again, or leave the layer in float",
            )


def _network(activation: str) -> Graph:
    def draw(layers: LayerList) -> None:
        x = filtered(layers, "stem", "input", 16, 3, 2)
        classifier(layers, separable(layers, "block", x, 32, activation=activation))

    def change(weights: dict[str, np.ndarray]) -> None:
        weights["block.pointwise_norm.weight"][0] *= 100

    return sketch(draw, change=change)


RULES = {
    "DW019": Rule(
        "wide-activation-range",
        "warning",
        _find,
        bad=lambda: Example(_network("silu"), ("block.pointwise",)),
        good=lambda: Example(_network("relu6")),
        needs=("normal", "weights"),
    )
}
