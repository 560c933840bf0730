"""The plan of a search: who is tried, for how long, and how many go on. Made once, stored, and followed to the end."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from depthwise.config import Record
from depthwise.results import Candidate

ETA = 3
"""A rung keeps one candidate in ETA and trains each ETA times as long (successive halving, Jamieson and Talwalkar
2016, arXiv:1502.07943)."""

SHARE = 0.25
"""Share of the training time that the search gets; the chosen network is trained for the rest."""

MOST_TRIALS = 24
"""Of the first rung."""

USUAL_TRIALS = 12
"""Of the first rung when there is little time: two models at some depths, and the grid of the one that leads."""

GRID_TRIALS = 6
"""Of these so many are that grid."""

TELLING_DEPTH = 0.5
"""Models of which not all depths can be tried are tried nearest to this one: it, or half of it, was
chosen by all nine searches of `benchmarks/results/selection.csv`."""

GOOD_STEPS = 150
"""A first rung with fewer steps a trial is not given more candidates."""

LEAST_STEPS = 40
"""Of a trial. With fewer most networks are still at chance, and their order means nothing."""

LEAST_IMAGES, MOST_IMAGES = 250, 2000
"""Validation images that a trial is judged on; in between half as many as it has seen in training."""


@dataclass(frozen=True)
class Speed:
    """How fast a machine trains, in seconds.

    Attributes:
        training: for one image and one element of all layers' outputs, forwards and backwards. validation: forwards.
        step: of every training step besides, however thin the network.
    """

    training: float
    validation: float
    step: float = 0.0


@dataclass(frozen=True)
class Effort:
    """What there is to spend.

    Attributes:
        seconds: for all trials; None: no limit of time, then `steps` decides.
        steps: of the training of the network that will be chosen, where `seconds` is None.
        batch: images of a step. images: validation images that there are.
        speed: of this machine.
    """

    seconds: float | None
    steps: int
    batch: int
    images: int
    speed: Speed

    def judged(self, steps: int) -> int:
        """Validation images for a trial of so many steps."""
        return min(self.images, max(LEAST_IMAGES, min(MOST_IMAGES, steps * self.batch // 2)))

    def trial(self, elements: float, steps: int) -> float:
        """Expected seconds of a trial."""
        return steps * self.step(elements) + elements * self.judged(steps) * self.speed.validation

    def step(self, elements: float) -> float:
        """Expected seconds of a training step."""
        return elements * self.batch * self.speed.training + self.speed.step


class SearchPlan(Record):
    """All that the choice is a function of, with the images. Stored as search.json.

    Attributes:
        mark: fingerprint of what the plan was made for.
        pool: every candidate.
        first: names of those that are tried first: the widest that fits, of each model and, if there is time, depth.
        grids: of each of `first` its model and depth at all widths and up to two resolutions. The grid of the one that
            leads after `first` is tried next.
        extras: how many more of the pool are tried in the first rung, as the sampler proposes from what is known then.
        sizes: candidates of each rung.
        steps, images: training steps and validation images of each trial, by rung.
        seed: of initial weights, data order and sampler.
        threads: that each trial trains with.
        seconds: that the trials are expected to take. setup_seconds: that making the plan took.
    """

    mark: str
    pool: list[Candidate]
    first: list[str]
    grids: dict[str, list[str]]
    extras: int
    sizes: list[int]
    steps: list[int]
    images: list[int]
    seed: int
    threads: int = 1
    seconds: float = 0.0
    setup_seconds: float = 0.0


def affordable(seconds: float, batch: int, speed: Speed, models: int = 2) -> float:
    """Elements of the widest candidate with which a search of the usual size takes no longer than `seconds`.

    Its candidates have about 0.6 times as many on average. Of more than the usual two models each is tried once at
    least.
    """
    trials = max(USUAL_TRIALS, models + GRID_TRIALS)
    effort = Effort(seconds, 0, batch, MOST_IMAGES, speed)
    fixed = effort.trial(0, LEAST_STEPS)
    left = seconds / (len(_sizes(trials)) * trials) - fixed
    return max(0.0, left) / (0.6 * (effort.trial(1, LEAST_STEPS) - fixed))


def make_plan(
    mark: str, pool: Sequence[Candidate], elements: Mapping[str, int], effort: Effort, seed: int
) -> SearchPlan:
    """Spreads the effort over the candidates so that every rung takes about as long as any other.

    Args:
        mark: fingerprint of what the plan is for.
        pool: candidates from `space.pool`; at least one.
        elements: candidate's name -> elements of all layers' outputs.
        effort: what there is to spend.
        seed: see SearchPlan.
    """
    first = _first(pool, _most_first(pool, elements, effort))
    grids = {one.name: _grid(pool, one) for one in pool if one.name in first}
    largest = max(grids.values(), key=lambda names: sum(elements[name] for name in names))
    known = list(dict.fromkeys([*first, *largest]))
    mean = sum(elements[name] for name in known) / len(known)
    extras, sizes = 0, _sizes(len(known))
    if effort.seconds is None:
        base = effort.steps // (4 * ETA ** (len(sizes) - 1))
    else:
        base = 0
        for extras in range(max(0, min(MOST_TRIALS, len(pool)) - len(known)), -1, -1):
            sizes = _sizes(len(known) + extras)
            base = _steps(effort, mean, effort.seconds / len(sizes) / sizes[0])
            if base >= GOOD_STEPS:
                break
    steps = [max(LEAST_STEPS, base) * ETA**rung for rung in range(len(sizes))]
    return SearchPlan(
        mark=mark,
        pool=list(pool),
        first=first,
        grids=grids,
        extras=extras,
        sizes=sizes,
        steps=steps,
        images=[effort.judged(count) for count in steps],
        seed=seed,
        seconds=round(sum(size * effort.trial(mean, count) for size, count in zip(sizes, steps, strict=True)), 1),
    )


def _steps(effort: Effort, elements: float, seconds: float) -> int:
    """Steps of a trial that takes so many seconds."""
    step = effort.step(elements)
    validation = elements * effort.judged(int(seconds / step)) * effort.speed.validation
    return max(0, int((seconds - validation) / step))


def _sizes(count: int) -> list[int]:
    """Candidates of each rung: a third goes on while at least two would."""
    sizes = [count]
    while round(sizes[-1] / ETA) >= 2:
        sizes.append(round(sizes[-1] / ETA))
    return sizes


def _first(pool: Sequence[Candidate], most: float) -> list[str]:
    """Of each model and depth the widest, at the first resolution of the axes where it fits.

    While these are more than `most`, of each model that has several depths the least telling one is left out.
    """
    widest: dict[str, dict[float, str]] = {}
    for one in pool:
        if one.share == 1:
            widest.setdefault(one.model, {}).setdefault(one.depth, one.name)
    depths = max(len(names) for names in widest.values())
    while depths > 1 and sum(min(depths, len(names)) for names in widest.values()) > most:
        depths -= 1
    found = []
    for names in widest.values():
        telling = sorted(names, key=lambda depth: (abs(math.log(depth / TELLING_DEPTH)), depth))[:depths]
        found += [name for depth, name in names.items() if depth in telling]
    return found


def _most_first(pool: Sequence[Candidate], elements: Mapping[str, int], effort: Effort) -> float:
    """How many can be tried first, so that trials have LEAST_STEPS: at least as many as of the usual two models."""
    if effort.seconds is None:
        return math.inf
    mean = sum(elements[one.name] for one in pool) / len(pool)
    trials = 0
    while len(_sizes(trials + 1)) * (trials + 1) * effort.trial(mean, LEAST_STEPS) <= effort.seconds:
        trials += 1
        if trials == len(pool):
            return math.inf
    return max(USUAL_TRIALS, trials) - GRID_TRIALS


def _grid(pool: Sequence[Candidate], lead: Candidate) -> list[str]:
    """Every width of a model and depth, at the first two resolutions where it fits."""
    column = [one for one in pool if (one.model, one.depth) == (lead.model, lead.depth)]
    resolutions = list(dict.fromkeys(one.resolution for one in column))[:2]
    return [one.name for one in column if one.resolution in resolutions]
