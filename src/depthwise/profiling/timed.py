"""Compiled networks with the clock inside, timed call by call in interleaved rounds."""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depthwise import compiler
from depthwise.compiler.manifest import Tensor
from depthwise.engine import Engine
from depthwise.graph import Graph
from depthwise.planning import DEFAULT, Choice, Program
from depthwise.results import CallTime

ROUNDS = 12
"""How often each network is timed, at most; SECONDS: how long in all, if nothing else is said."""

SECONDS = 2.0


@dataclass(frozen=True)
class Timed:
    """A network that is built with the clock inside."""

    program: Program
    engine: Engine

    @classmethod
    def build(cls, network: Graph, input: str = "float", choice: Choice = DEFAULT) -> "Timed":
        """Compiles a Graph for this machine.

        Raises:
            UserError: as `Engine.build`.
        """
        compiler.find_compiler()
        program = compiler.plan_for(network, input, None, choice)
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "network"
            compiler.emit(program, place, weights="pointer", profile=True)
            return cls(program, Engine.load(place))

    def images(self) -> list[np.ndarray]:
        """Random pixels or normal numbers for each input, [1, H, W, C] or [1, C]."""
        manifest, random = self.engine.manifest, np.random.default_rng(0)
        parts: Sequence[Tensor] = manifest.inputs or [manifest.input]
        return [
            random.integers(0, 256, (1, *part.shape), np.uint8)
            if part.type == "uint8"
            else random.standard_normal((1, *part.shape)).astype(np.float32)
            for part in parts
        ]

    def profile(self, runs: int) -> list[CallTime]:
        """The calls' times, each the median of so many runs."""
        images = self.images()
        return self.engine.profile(images if len(images) > 1 else images[0], runs)


def built(networks: Sequence[Callable[[], Timed]]) -> list[Timed]:
    """Builds several networks, two at a time: most of it is the C compiler's work."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda build: build(), networks))


def best_round(networks: Sequence[Timed], seconds: float = SECONDS) -> list[list[CallTime]]:
    """The calls' times of each network in its best round: what disturbs the machine for a moment spoils others.

    Args:
        networks: whose rounds are interleaved. seconds: for each of them.
    """
    best = [network.profile(runs=1) for network in networks]
    for _ in range(ROUNDS):
        for number, network in enumerate(networks):
            times = network.profile(max(1, int(seconds / ROUNDS / total(best[number]))))
            if total(times) < total(best[number]):
                best[number] = times
    return best


def total(times: Sequence[CallTime]) -> float:
    """Seconds of one image."""
    return sum(call.seconds for call in times)
