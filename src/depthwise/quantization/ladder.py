"""The repair ladder: rungs in order, each measured on validation images, until 8 bits cost little enough.

A rung that does not raise the accuracy is written down and not built on; the best State wins if none suffices.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from depthwise.ops import REGISTRY
from depthwise.progress import Progress
from depthwise.quantization.noise import worst_first
from depthwise.quantization.state import Rung, State, weighted_layers
from depthwise.results import FloatLayer, Interval, LayerNoise, RungResult, drop

Judge = Callable[[State], Interval]
"""Accuracy on the validation images of the network that a State stands for, in 8 bits."""


@dataclass(frozen=True, eq=False)
class Climb:
    """Where the ladder has led.

    Attributes:
        state: the best one. accuracy: its accuracy.
        rungs: all that were tried, in order.
    """

    state: State
    accuracy: Interval
    rungs: tuple[RungResult, ...]


@dataclass(frozen=True)
class Goal:
    """What is good enough.

    Attributes:
        reference: accuracy of the float network.
        max_drop: points of accuracy that 8 bits may cost.
    """

    reference: Interval
    max_drop: float

    def reached(self, accuracy: Interval) -> bool:
        """Whether an accuracy is within."""
        return drop(self.reference, accuracy) <= self.max_drop + 1e-9


def climb(
    start: State,
    rungs: Iterable[Rung],
    judge: Judge,
    goal: Goal,
    progress: Progress,
    accuracy: Interval | None = None,
) -> Climb:
    """Goes up the rungs until the goal is reached.

    Args:
        start: a State that need not have encodings yet: the first rung makes them.
        rungs: at least one, in order.
        judge: measures a State.
        goal: where it ends.
        progress: told of every rung.
        accuracy: of the start, if it is in 8 bits.
    """
    best, rows = start, list[RungResult]()
    for rung in rungs:
        began = time.monotonic()
        progress.stage(rung.name)
        state = rung(best)
        if state.weights is best.weights:
            progress.note(f"{rung.name}: {'nothing to do' if state is best else state.changed}")
            continue
        found = judge(state)
        better = accuracy is None or found.correct > accuracy.correct
        row = RungResult(
            rung=rung.name, changed=state.changed, accuracy=found, seconds=time.monotonic() - began, kept=better
        )
        rows.append(row)
        if better:
            best, accuracy = state, found
        if goal.reached(found):
            break
    assert accuracy is not None
    return Climb(best, accuracy, tuple(rows))


def keep_floats(reached: Climb, noise: Sequence[LayerNoise], judge: Judge, goal: Goal, progress: Progress) -> Climb:
    """Leaves the noisiest layers with weights in float, 1, 2, 4, 8 ... of them, until the goal is reached.

    Args:
        reached: where the rungs have led. noise: of its State's layers.
        judge, goal, progress: as for `climb`.
    """
    names = {str(node.name) for node in weighted_layers(reached.state.network)}
    order = [row.name for row in worst_first(noise) if row.name in names]
    counts = [2**i for i in range(len(order)) if 2**i < len(order)]
    groups = [Floats(tuple(order[:count])) for count in counts]
    more = climb(reached.state, groups, judge, goal, progress, reached.accuracy)
    return Climb(more.state, more.accuracy, (*reached.rungs, *more.rungs))


@dataclass(frozen=True)
class Floats:
    """Layers left in float, by name."""

    layers: tuple[str, ...]
    name: str = "kept in float"

    def __call__(self, state: State) -> State:
        """A State that leaves them out."""
        shown = ", ".join(self.layers[:2])
        more = f" and {len(self.layers) - 2} more" if len(self.layers) > 2 else ""
        return replace(state, floats=frozenset(self.layers), weights=dict(state.weights), changed=f"{shown}{more}")


def float_layers(state: State) -> tuple[list[FloatLayer], float]:
    """The layers of a State that stay in float with what they cost, and their share of the network's MACs."""
    nodes = list(state.network.graph)
    macs = {str(node.name): REGISTRY[node.op_type].macs(node) for node in nodes}
    rows = [
        FloatLayer(
            name=str(node.name),
            op=node.op_type,
            macs=macs[str(node.name)],
            extra_bytes=3 * state.weights[str(node.name)].values.size if str(node.name) in state.weights else 0,
        )
        for node in nodes
        if str(node.name) in state.floats
    ]
    return rows, sum(row.macs for row in rows) / max(1, sum(macs.values()))
