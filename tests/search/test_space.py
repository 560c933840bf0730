"""The candidates of a search: the widest that fit and thinner ones, each network once."""

import pytest

from depthwise.results import Candidate
from depthwise.search import WIDTHS, Axes, pool
from depthwise.search.space import SHARES


def weigh(model: str, width: float, resolution: int, depth: float) -> Candidate:
    """A family whose channels are 40 times the width, cut to multiples of 4."""
    channels = max(4, int(40 * width) // 4 * 4)
    macs = round(channels**2 * resolution**2 * depth)
    name = f"{model} {width} {resolution} {depth}"
    return Candidate(
        name=name,
        model=model,
        width=width,
        resolution=resolution,
        depth=depth,
        macs=macs,
        parameters=round(channels**2 * depth),
        ram=channels * resolution**2,
        flash=channels,
    )


@pytest.mark.parametrize("limit", [10_000, 50_000, 123_456, 10**9])
def test_the_first_of_a_column_is_the_widest_that_fits(limit: int) -> None:
    (resolution,) = {24}
    found = pool(Axes(["a"], [resolution]), weigh, lambda one: one.macs <= limit)
    wider = [w for w in WIDTHS if w > found[0].width]
    assert found[0].share == 1
    assert found[0].macs <= limit
    assert all(weigh("a", width, resolution, 1).macs > limit for width in wider)


def test_every_network_is_there_once_and_thinner_ones_follow() -> None:
    found = pool(Axes(["a", "b"], [24, 16], [1.0, 0.5]), weigh, lambda one: one.macs <= 100_000)
    assert len({one.name for one in found}) == len(found)
    for model, resolution, depth in {(one.model, one.resolution, one.depth) for one in found}:
        column = [one for one in found if (one.model, one.resolution, one.depth) == (model, resolution, depth)]
        assert [one.share for one in column] == sorted((one.share for one in column), reverse=True)
        assert len({one.parameters for one in column}) == len(column)
        assert {one.share for one in column} <= set(SHARES)


def test_a_depth_that_changes_nothing_counts_once() -> None:
    def single(model: str, width: float, resolution: int, depth: float) -> Candidate:
        return weigh(model, width, resolution, 1.0).model_copy(update={"depth": depth})

    found = pool(Axes(["a"], [24], [1.0, 0.5]), single, lambda one: True)
    assert {one.depth for one in found} == {1.0}


def test_where_nothing_fits_there_is_no_candidate() -> None:
    found = pool(Axes(["a"], [96, 24]), weigh, lambda one: one.ram <= 24**2 * 4)
    assert {one.resolution for one in found} == {24}
    assert pool(Axes(["a"], [96]), weigh, lambda one: False) == []
