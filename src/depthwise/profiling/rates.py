"""Seconds for one MAC of each operator on this machine, and for each layer: fitted to the times of small networks.

The model is that of `analysis.predict_latency`: a network's time is the sum of MACs x seconds of their operator, and a
share for each layer with MACs. The networks are the two ends of what is fitted for small devices, of every family that
is searched, and two that hold hardly more than the first and the last layer, which are too small a part of the others
to be seen there. Least squares of the relative errors; no MAC takes less than half of what the machine's peak allows,
which something else that ran meanwhile may have kept down.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from depthwise import graph
from depthwise.design import architecture, searched_models
from depthwise.device import Precision
from depthwise.engine import Engine
from depthwise.graph import Layer, LayerList
from depthwise.profiling.network import with_random_weights

FAMILY_SIZES = ((0.1, 28, 1), (0.35, 96, 3))
"""Width, resolution and channels of the networks of each such family."""

ROUNDS = 40
"""How often each network is timed at least."""

SECONDS = 2.0
"""How long the networks are timed at least: a machine that does something else for a moment is waited for."""


@dataclass(frozen=True)
class Timed:
    """A network and the seconds that one image takes."""

    layers: tuple[Layer, ...]
    seconds: float

    @property
    def macs(self) -> Mapping[str, int]:
        """MACs by operator of the normal form."""
        sums: dict[str, int] = defaultdict(int)
        for layer in self.layers:
            if layer.macs:
                sums[layer.operator] += layer.macs
        return sums

    @property
    def count(self) -> int:
        """Layers with MACs."""
        return sum(1 for layer in self.layers if layer.macs)


@dataclass(frozen=True)
class Rates:
    """Seconds for one MAC by operator, and seconds for a layer."""

    macs: Mapping[str, float]
    layer: float


def networks() -> Iterator[tuple[Layer, ...]]:
    """The networks that are timed."""
    for model in searched_models():
        for width, resolution, channels in FAMILY_SIZES:
            yield architecture(model, width, resolution, classes=10, channels=channels).layers()
    first = LayerList(channels=3, resolution=96)
    first.flatten(
        "flatten", first.pool("pool", first.activation("relu", first.conv("stem", "input", 16, 3, 2), "relu6"))
    )
    yield tuple(first.layers)
    last = LayerList(channels=256, resolution=1)
    last.linear("classifier", last.flatten("flatten", last.pool("pool", "input")), 1000)
    yield tuple(last.layers)


def prepared(layers: tuple[Layer, ...], precision: Precision) -> Callable[[], object]:
    """A call that runs one image through a network with random weights, camera bytes if it has a camera's channels.

    Raises:
        UserError: there is no C compiler, or it fails.
    """
    channels, height, width = layers[0].shape
    network = with_random_weights(layers)
    form = network if precision == "float32" else graph.to_qdq(graph.assumed_int8(network))
    engine = Engine.build(form, input="auto")
    pixels = np.random.default_rng(0).integers(0, 256, (1, height, width, channels), np.uint8)
    return engine.prepared(pixels if engine.input == "uint8" else pixels / np.float32(255))


def best_seconds(calls: Sequence[Callable[[], object]], rounds: int = ROUNDS, seconds: float = SECONDS) -> list[float]:
    """The least seconds of each call over interleaved rounds, each timed with its own data in the caches."""
    best = [float("inf")] * len(calls)
    end, done = time.monotonic() + seconds, 0
    while done < rounds or time.monotonic() < end:
        for i, call in enumerate(calls):
            call()  # brings its weights back
            begin = time.perf_counter()
            call()
            best[i] = min(best[i], time.perf_counter() - begin)
        done += 1
    return best


def fit(timed: Sequence[Timed], peak: float, layer: float | None = None) -> Rates:
    """The rates that come nearest to the times.

    Args:
        timed: networks with their times; together they must hold every operator that matters.
        peak: MACs a second that the machine has reached.
        layer: seconds for a layer, if they are known already.
    """
    operators = sorted({operator for network in timed for operator in network.macs})
    work = np.array([[network.macs.get(operator, 0) for operator in operators] + [network.count] for network in timed])
    relative = work / np.array([[network.seconds] for network in timed])
    least = np.array([0.5 / peak] * len(operators) + [layer or 0.0])
    free = relative if layer is None else relative[:, :-1]
    least[: free.shape[1]] += _above_zero(free, 1 - relative @ least)
    *macs, each = least.tolist()
    return Rates(dict(zip(operators, macs, strict=True)), each)


def _above_zero(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Least squares of a x = b with x >= 0: the most negative unknown becomes 0 until none is left."""
    kept = list(range(a.shape[1]))
    found = np.zeros(a.shape[1])
    scale = np.abs(a).max(axis=0)  # MACs and layers differ by many powers of ten
    while kept:
        x = np.linalg.lstsq(a[:, kept] / scale[kept], b, rcond=None)[0]
        if (x >= 0).all():
            found[kept] = x / scale[kept]
            break
        kept.pop(int(x.argmin()))
    return found
