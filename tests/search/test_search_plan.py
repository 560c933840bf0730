"""How the time of a search is spread."""

import pytest

from depthwise.search import Speed, affordable
from depthwise.search.plan import GOOD_STEPS, LEAST_STEPS, MOST_TRIALS, Effort
from search.searches import candidates, plan_of


@pytest.mark.parametrize("seconds", [5.0, 30.0, 150.0, 1000.0])
def test_the_trials_take_about_the_time_they_are_given(seconds: float) -> None:
    plan = plan_of(candidates(), seconds)
    if plan.steps[0] > LEAST_STEPS:
        assert 0.7 * seconds < plan.seconds <= 1.05 * seconds
    assert plan.sizes[0] <= MOST_TRIALS


def test_whichever_leads_four_widths_at_two_resolutions_are_tried() -> None:
    plan = plan_of(candidates())
    pool = {one.name: one for one in plan.pool}
    for lead, names in plan.grids.items():
        grid = [pool[name] for name in names]
        assert {(one.model, one.depth) for one in grid} == {(pool[lead].model, pool[lead].depth)}
        assert len({one.share for one in grid}) == 4
        assert len({one.resolution for one in grid}) == 2
        assert len(grid) == 8


def test_more_time_buys_more_candidates_before_it_buys_longer_trials() -> None:
    plans = [plan_of(candidates(), seconds) for seconds in (5, 20, 80, 320)]
    assert [plan.extras for plan in plans] == sorted(plan.extras for plan in plans)
    assert plans[-1].extras > plans[0].extras
    assert all(plan.steps[0] >= GOOD_STEPS * 0.8 for plan in plans if plan.extras)


def test_each_rung_keeps_a_third_and_trains_three_times_as_long() -> None:
    plan = plan_of(candidates())
    for rung in range(1, len(plan.sizes)):
        assert plan.sizes[rung] == round(plan.sizes[rung - 1] / 3)
        assert plan.steps[rung] == 3 * plan.steps[rung - 1]
    assert plan.sizes[-1] >= 2


def test_with_epochs_the_last_rung_gets_a_quarter_of_them() -> None:
    plan = plan_of(candidates(), seconds=None, steps=12_000)
    assert plan.extras == 0
    assert plan.steps[-1] == pytest.approx(3000, rel=0.01)


def test_a_single_candidate_is_a_plan_too() -> None:
    plan = plan_of(candidates()[:1])
    assert plan.sizes == [1]
    assert plan.first == [plan.pool[0].name]


def test_the_widest_of_each_model_and_depth_is_tried_first() -> None:
    plan = plan_of(candidates())
    pool = {one.name: one for one in plan.pool}
    assert {(pool[name].model, pool[name].depth) for name in plan.first} == {
        (model, depth) for model in "ab" for depth in (1.0, 0.5)
    }
    assert {(pool[name].share, pool[name].resolution) for name in plan.first} == {(1.0, 28)}


def test_of_many_models_and_little_time_the_telling_depths_are_tried_first() -> None:
    pool = candidates(models=tuple("abcdefgh"))
    depths = [{one.depth for one in pool if one.name in plan_of(pool, seconds).first} for seconds in (3.0, 60.0, None)]
    assert depths == [{0.5}, {0.5, 1.0}, {0.5, 1.0}]
    short = plan_of(pool, 3.0)
    assert [one.model for one in pool if one.name in short.first] == list("abcdefgh")
    assert len(plan_of(candidates(), 0.1).first) == 4


def test_what_is_affordable_keeps_a_usual_search_within_its_time() -> None:
    speed = Speed(3e-9, 1e-9)
    most = affordable(60.0, 64, speed)
    effort = Effort(60.0, 0, 64, 2000, speed)
    assert 2 * 12 * effort.trial(0.6 * most, LEAST_STEPS) == pytest.approx(60.0)
    assert affordable(120.0, 64, speed) == pytest.approx(2 * most)
    slower = affordable(60.0, 64, Speed(3e-9, 1e-9, step=0.01))
    assert 0 < slower < most
    effort = Effort(60.0, 0, 64, 2000, Speed(3e-9, 1e-9, step=0.01))
    assert 2 * 12 * effort.trial(0.6 * slower, LEAST_STEPS) == pytest.approx(60.0)
    assert affordable(1.0, 64, Speed(3e-9, 1e-9, step=0.01)) == 0
    assert affordable(60.0, 64, speed, models=6) == most
    assert affordable(60.0, 64, speed, models=12) < 0.6 * most
