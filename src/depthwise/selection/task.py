"""What is looked for: a network for these images that keeps these limits on this device."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from depthwise import analysis, design
from depthwise.config import Config
from depthwise.data import ImageData
from depthwise.design import Architecture
from depthwise.device import RESOURCES, Device, Precision, limits_of
from depthwise.progress import Progress
from depthwise.results import Candidate, Figure

PRECISION: Precision = "float32"
"""In which networks ship."""


@dataclass(frozen=True)
class Task:
    """A search to be done.

    Attributes:
        config: has budget, time and seed.
        device: the target. limits: by name of the resource.
        images: at their own resolution, or at the one that the user gave.
        progress: told where the work stands.
    """

    config: Config
    device: Device
    images: ImageData
    progress: Progress

    @property
    def limits(self) -> dict[str, float]:
        """Limit by name of the resource."""
        return {name: limit for name, (limit, _) in limits_of(self.device, self.config.budget).items()}

    def network(self, model: str, width: float, resolution: int, depth: float = 1.0) -> Architecture:
        """A network for these images."""
        channels = self.images.preprocessing.channels
        return design.architecture(model, width, resolution, len(self.images.classes), channels, depth=depth)

    def network_of(self, one: Candidate) -> Architecture:
        """The network of a candidate."""
        return self.network(one.model, one.width, one.resolution, one.depth)

    def weigh(self, model: str, width: float, resolution: int, depth: float) -> Candidate:
        """A network with what it takes of the device."""
        taken = analysis.weigh(self.network(model, width, resolution, depth), self.device, PRECISION)
        return Candidate(
            name=f"{model} {width:g} @{resolution}" + (f" depth {depth:g}" if depth != 1 else ""),
            model=model,
            width=width,
            resolution=resolution,
            depth=depth,
            latency_certainty="unknown" if taken["latency"] is None else "estimated",
            **taken,  # type: ignore[arg-type]
        )

    def elements(self, one: Candidate) -> int:
        """Elements of all layers' outputs, for one image."""
        return elements(self.network_of(one))


def elements(network: Architecture) -> int:
    """Elements of all layers' outputs, for one image: what the time of training grows with."""
    return sum(math.prod(layer.shape) for layer in network.layers())


def missed(figures: Sequence[Figure]) -> str:
    """By how much limits are missed: "37.0 KiB RAM over the limit of 128.0 KiB"; empty if none is."""
    return " and ".join(
        f"{RESOURCES[figure.name].write(figure.short)} {RESOURCES[figure.name].label} over the limit of "
        f"{RESOURCES[figure.name].write(figure.limit)}"
        for figure in figures
        if figure.short
    )
