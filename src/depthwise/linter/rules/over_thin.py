"""A network that is too thin for its resolution

Width and resolution both cost their square in multiplications, and there is a best mix. Thinned far, a network has not
the channels for what it sees, and a wider one that sees less is better at the same price: MobileNetV1 0.25 at 224 px
has 49.8 % on ImageNet for 41 M MACs, 0.5 at 128 px 56.3 % for 49 M; MobileNetV2 0.35 at 192 px 58.2 % for 43 M, 0.5 at
160 px 61.0 % for 50 M. It has more parameters then, and its maps take less memory.

Found: a wider network of the same family at a lower resolution is known to be more than a point more accurate with at
most a fifth more MACs (both are told). Known is what the run's own search has trained on your images, judged in its
first round; else the published grid, on ImageNet, which promises nothing for other images. Also, for your information,
a width below the thinnest that anybody has published of a family with three widths or more: nobody knows what it costs.

Mended by: the width and resolution that are named.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from depthwise.analysis.published import published_accuracy, published_data, published_points
from depthwise.design import Architecture, architecture, searched_models
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.source import Source
from depthwise.linter.subject import Subject
from depthwise.results import Candidate, Interval, Search, Trial
from depthwise.units import format_count

BETTER, DEARER = 1.0, 1.2
"""Points of accuracy by which another network must be better, and MACs beside its own that it may take."""

WIDTHS = 3
"""Published widths from which on the thinnest of them is a bound."""


@dataclass(frozen=True)
class _Point:
    """A network of the same family and its accuracy in percent."""

    width: float
    resolution: int
    macs: int
    accuracy: float


def _find(subject: Subject) -> Iterator[Found]:
    network, search = subject.architecture, subject.source.search
    assert network is not None
    if search is not None:
        yield from _beside(*_tried(search), "on validation images of this run")
    elif not network.deployable and network.depth == 1:
        yield from _by_the_grid(network)


def _tried(search: Search) -> tuple[_Point | None, list[_Point]]:
    """The search's choice, and what was trained as long as it in the first round, of the same family and depth."""
    pool = {one.name: one for one in search.candidates}
    choice, found = pool[search.choice], {}
    for trial in search.trials:
        one = pool[trial.candidate]
        if trial.rung == 0 and (one.model, one.depth) == (choice.model, choice.depth):
            found[one.name] = _Point(one.width, one.resolution, one.macs, 100 * trial.accuracy.value)
    return found.get(search.choice), list(found.values())


def _by_the_grid(network: Architecture) -> Iterator[Found]:
    points = published_points(network.name)
    widths = {width for width, _, _ in points}
    if len(widths) >= WIDTHS and network.width < min(widths):
        yield Found(
            (),
            f"a width of {network.width:g} is below {min(widths):g}, the thinnest of which an accuracy is published "
            f"({published_data(network.name)})",
            f"compare it with {min(widths):g} at a lower resolution, on your images",
            "info",
        )
    own = published_accuracy(network.name, network.width, network.resolution)
    if own is not None:
        known = [
            _point(network, width, resolution, accuracy)
            for width, resolution, accuracy in points
            if width > network.width and resolution < network.resolution and accuracy > own + BETTER
        ]
        here = _point(network, network.width, network.resolution, own)
        yield from _beside(here, known, f"{published_data(network.name)}, published")


def _point(network: Architecture, width: float, resolution: int, accuracy: float) -> _Point:
    """A member of a network's family, with as many classes and input channels as this."""
    member = architecture(network.name, width, resolution, network.classes, network.channels)
    return _Point(width, resolution, sum(layer.macs for layer in member.layers()), accuracy)


def _beside(here: _Point | None, known: list[_Point], whose: str) -> Iterator[Found]:
    """The most accurate of the wider ones at a lower resolution."""
    if here is None:
        return
    wider = [
        one
        for one in known
        if one.width > here.width and one.resolution < here.resolution and one.macs <= DEARER * here.macs
    ]
    best = max(wider, key=lambda one: one.accuracy, default=here)
    if best.accuracy > here.accuracy + BETTER:
        yield Found(
            (),
            f"{_words(here)} has {here.accuracy:.1f} % for {format_count(here.macs)} MACs, "
            f"{_words(best)} {best.accuracy:.1f} % for {format_count(best.macs)} ({whose})",
            f"--width {best.width:g} --resolution {best.resolution}",
        )


def _words(point: _Point) -> str:
    return f"width {point.width:g} at {point.resolution} px"


def _example(accuracy: float, *layers: str) -> Example:
    """A search whose choice has 70 %, and a wider network at a lower resolution so many."""
    model = searched_models()[0]
    candidates, trials = [], []
    for name, width, resolution, value in (("thin", 0.25, 32, 70.0), ("wide", 0.5, 16, accuracy)):
        candidates.append(
            Candidate(
                name=name, model=model, width=width, resolution=resolution, macs=10**6, parameters=0, ram=0, flash=0
            )
        )
        judged = Interval.of(round(10 * value), 1000)
        trials.append(Trial(candidate=name, rung=0, epochs=1, accuracy=judged, seconds=1))
    network = architecture(model, 0.25, 32, classes=10)
    return Example(Source(network, network, Search(candidates=candidates, trials=trials, choice="thin")), layers)


RULES = {
    "DW002": Rule(
        "over-thin",
        "warning",
        _find,
        bad=lambda: _example(75.0, "the network"),
        good=lambda: _example(70.5),
        needs=("architecture",),
    )
}
