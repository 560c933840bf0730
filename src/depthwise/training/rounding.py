"""Learned rounding: for each weight, up or down, whichever keeps the layer's output (Nagel et al., arXiv:2004.10568).

    min over v   |f(W x) - f(W~ x~)|^2 + l sum(1 - |2 h - 1|^b)
    where        W~ = s (floor(W / s) + h),  h = clip(1.2 sigmoid(v) - 0.1, 0, 1)

x is what the float network gives to the layer, x~ what the one in 8 bits does; the layers learn in order of execution,
so that each makes up for those before. b falls, which leaves h free at first and at last lets it be 0 or 1 only. Some
hundred images without labels are enough. What is not better than the nearest values on them is not taken.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor

from depthwise.data.preprocessing import Preprocessing
from depthwise.ops.base import activations_of, parameters_of, shape_of
from depthwise.progress import Progress, Silent
from depthwise.quantization.state import State, weighted_layers
from depthwise.quantization.weights import LARGEST
from depthwise.training.byte_module import ByteModule
from depthwise.training.evaluate import normalize, to_unit
from depthwise.training.learner import repeatable
from depthwise.training.normal_module import NormalModule, activate

IMAGES = 256
"""Training images that are enough."""

BATCH = 32
"""Images in a step."""

RATE = 0.02
"""Learning rate of v."""

FREE = 0.2
"""Share of the steps before h is drawn to 0 and 1."""

BETAS = (20.0, 2.0)
"""The exponent b at first and in the end."""

MOST_BYTES = 2**29
"""Of the activations that are held at a time: it decides how many images are looked at."""


@dataclass(frozen=True, eq=False)
class Rounding:
    """Learned rounding of all weights.

    Attributes:
        pixels: some training images, uint8 [N, H, W, C]. preprocessing: from them to the network's input.
        steps: of each layer.
        seed: of the order of images.
        progress: told of each layer.
    """

    pixels: Any
    preprocessing: Preprocessing
    steps: int = 250
    seed: int = 0
    progress: Progress = field(default_factory=Silent)
    name: str = "learned rounding"

    def __call__(self, state: State) -> State:
        """A State with other whole numbers for the same weights."""
        with repeatable(torch.get_num_threads()):
            return _Learner(self, state).learn()


class _Learner:
    """Goes through the network layer by layer, in float and in 8 bits side by side."""

    def __init__(self, rung: Rounding, state: State) -> None:
        self._rung, self._state = rung, state
        self._float = NormalModule(state.network).requires_grad_(False)
        self._bytes = ByteModule(state).requires_grad_(False)
        self._scales = self._bytes.activation_scales()

    def learn(self) -> State:
        """The State after all layers."""
        graph, rung = self._state.network.graph, self._rung
        pixels = rung.pixels[: _affordable(self._state.network)]
        images = normalize(to_unit(pixels, torch.device("cpu")), rung.preprocessing)
        exact = {graph.inputs[0]: images}
        coarse = {graph.inputs[0]: self._bytes.quantize(graph.inputs[0], images, self._scales)}
        last = {value: node for node in graph for value in activations_of(node)}
        layers, done, turned, weights = len(weighted_layers(self._state.network)), 0, 0, 0
        for place, node in enumerate(graph):
            inputs, output = activations_of(node), node.outputs[0]
            exact[output] = self._all(node, place, [exact[value] for value in inputs], self._float.compute)
            if parameters_of(node):
                turned += self._round(node, place, coarse[inputs[0]], exact[output])
                done, weights = done + 1, weights + self._bytes.steps[str(place)].numel()
                rung.progress.step(done, layers, str(node.name))
            coarse[output] = self._all(node, place, [coarse[value] for value in inputs], self._in_bytes)
            for value in inputs:
                if last[value] is node:
                    exact.pop(value, None)
                    coarse.pop(value, None)
        share = 100 * turned / max(1, weights)
        return self._bytes.learned(f"{share:.1f} % of the weights rounded the other way, {rung.steps} steps a layer")

    def _in_bytes(self, node: ir.Node, place: int, inputs: Sequence[Tensor]) -> Tensor:
        return self._bytes.compute(node, place, inputs, self._scales)

    @torch.no_grad()
    def _all(self, node: ir.Node, place: int, inputs: list[Tensor], compute: Callable[..., Tensor]) -> Tensor:
        """A node's output for all images, a batch at a time."""
        starts = range(0, len(inputs[0]), BATCH)
        return torch.cat([compute(node, place, [x[i : i + BATCH] for x in inputs]) for i in starts])

    def _round(self, node: ir.Node, place: int, x: Tensor, target: Tensor) -> int:
        """Learns the values of a layer's weights and sets them; how many are others than the nearest."""
        steps = self._bytes.steps[str(place)].detach()
        nearest, below = steps.round().clamp(-LARGEST, LARGEST), steps.floor()
        before = self._error(node, place, x, target, nearest)
        h = self._learn(node, place, (x, target), below, steps - below, before)
        found = (below + (h > 0.5)).clamp(-LARGEST, LARGEST)
        if self._error(node, place, x, target, found) >= before:
            found = nearest
        self._bytes.steps[str(place)].data = found
        return int((found != nearest).sum())

    def _learn(
        self, node: ir.Node, place: int, images: tuple[Tensor, Tensor], below: Tensor, rest: Tensor, scale: float
    ) -> Tensor:
        """The h of a layer's weights, each near 0 or 1."""
        v = torch.logit((rest + 0.1) / 1.2).requires_grad_()
        optimizer = torch.optim.Adam([v], RATE)
        random, (x, target) = np.random.default_rng((self._rung.seed, place)), images
        weight = scale / v.numel()
        for step in range(self._rung.steps):
            chosen = torch.from_numpy(random.integers(0, len(x), BATCH))
            h = (1.2 * torch.sigmoid(v) - 0.1).clamp(0, 1)
            values = (below + h).clamp(-LARGEST, LARGEST)
            loss = self._loss(node, place, x[chosen], target[chosen], values)
            share = (step / self._rung.steps - FREE) / (1 - FREE)
            if share >= 0:
                beta = BETAS[1] + (BETAS[0] - BETAS[1]) * 0.5 * (1 + np.cos(np.pi * share))
                loss = loss + weight * (1 - (2 * h - 1).abs() ** beta).sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return (1.2 * torch.sigmoid(v.detach()) - 0.1).clamp(0, 1)

    @torch.no_grad()
    def _error(self, node: ir.Node, place: int, x: Tensor, target: Tensor, values: Tensor) -> float:
        """The mean loss of whole numbers as weights over all images."""
        starts = range(0, len(x), BATCH)
        losses = [
            float(self._loss(node, place, x[i : i + BATCH], target[i : i + BATCH], values)) * len(x[i : i + BATCH])
            for i in starts
        ]
        return sum(losses) / len(x)

    def _loss(self, node: ir.Node, place: int, x: Tensor, target: Tensor, values: Tensor) -> Tensor:
        """The squared error of a layer's output, in steps of its 8 bits: summed over channels, mean over pixels."""
        sums, scale = self._bytes.sums(node, place, x, values, self._scales)
        step = self._scales[str(node.outputs[0].name)]
        found = activate(node, sums * (scale * step))
        return ((found - target) / step).square().sum(1).mean()


def _affordable(network: ir.Model) -> int:
    """How many images' activations may be held: those of the largest node, in float and in 8 bits."""
    sizes = [
        sum(int(np.prod(shape_of(value))) for value in (*activations_of(node), node.outputs[0]))
        for node in network.graph
    ]
    return max(BATCH, MOST_BYTES // (3 * 4 * max(sizes)))
