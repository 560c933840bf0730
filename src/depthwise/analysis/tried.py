"""Changes that a run's own search tells of: candidates that it trained, that fit, and what they cost on its images."""

from depthwise.analysis.suggest import Limits, keeps, weigh
from depthwise.analysis.verdict import Change
from depthwise.design import architecture
from depthwise.device import Device, Precision
from depthwise.results import Candidate, Search

MOST = 3
"""So many are told, the most accurate first."""


def tried_changes(
    search: Search, shape: tuple[int, int], device: Device, precision: Precision, limits: Limits
) -> list[Change]:
    """Of the candidates that were trained as long as the choice was in the first round, the best that keep every limit.

    Args:
        search: of the run whose network does not fit.
        shape: classes and input channels.
        device, precision, limits: what it does not fit.
    """
    pool = {one.name: one for one in search.candidates}
    first = {trial.candidate: trial for trial in search.trials if trial.rung == 0}
    choice = first.get(search.choice)
    if choice is None:
        return []
    changes: list[Change] = []
    for trial in sorted(first.values(), key=lambda trial: -trial.accuracy.value):
        one = pool[trial.candidate]
        network = architecture(one.model, one.width, one.resolution, *shape, depth=one.depth)
        taken = weigh(network, device, precision)
        if one.name == search.choice or not keeps(taken, limits):
            continue
        changes.append(
            Change(
                kind="model+width+resolution",
                options=_options(one),
                model=one.model,
                width=one.width,
                resolution=one.resolution,
                precision=precision,
                accuracy=round(100 * (choice.accuracy.value - trial.accuracy.value), 1),
                accuracy_from=f"on validation images of this run, after {trial.epochs:.2g} epochs each",
                **taken,  # type: ignore[arg-type]
            )
        )
    return changes[:MOST]


def _options(one: Candidate) -> str:
    depth = f" --depth {one.depth:g}" if one.depth != 1 else ""
    return f"--model {one.model} --width {one.width:g} --resolution {one.resolution}{depth}"
