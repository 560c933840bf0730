"""What is looked for: a network for these images that keeps these limits on this device."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from depthwise import analysis, design
from depthwise.config import Config
from depthwise.data import ImageData
from depthwise.design import Architecture
from depthwise.device import HOST, RESOURCES, Device, Precision, limits_of
from depthwise.progress import Progress
from depthwise.results import Candidate, Figure

FAST_BYTES = ("avx512vnni", "avxvnni", "neondot")
"""Instruction sets with products of bytes: with them 8 bits are faster than float32."""


def expected_precision(config: Config, device: Device) -> Precision:
    """In which networks will ship, as far as that can be told before any is trained."""
    if config.precision != "auto":
        return config.precision
    return "int8" if device.precision == "int8" or set(device.isa[:1]) & set(FAST_BYTES) else "float32"


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

    @property
    def precision(self) -> Precision:
        """In which candidates are weighed."""
        return expected_precision(self.config, self.device)

    def network(self, model: str, width: float, resolution: int, depth: float = 1.0) -> Architecture:
        """A network for these images."""
        channels = self.images.preprocessing.channels
        classes, deployable = len(self.images.classes), self.config.deployable
        return design.architecture(model, width, resolution, classes, channels, depth, deployable)

    def network_of(self, one: Candidate) -> Architecture:
        """The network of a candidate."""
        return self.network(one.model, one.width, one.resolution, one.depth)

    def weigh(self, model: str, width: float, resolution: int, depth: float) -> Candidate:
        """A network with what it takes of the device."""
        network = self.network(model, width, resolution, depth)
        taken = analysis.weigh(network, self.device, self.precision)
        if taken["latency"] is None and self.device.name == HOST:  # a first guess, until some are timed
            taken["latency"] = analysis.weigh(network, self.device, "float32")["latency"]
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
