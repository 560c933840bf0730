"""Successive halving: who goes on, and that a search which is stopped anywhere ends as one that is not."""

from pathlib import Path

import pytest

from depthwise.errors import UserError
from depthwise.results import Interval, Search
from depthwise.search import Answer, Question, search
from depthwise.search.halving import Halving
from search.searches import answer, candidates, plan_of


class KilledError(Exception):
    """Stands for the end of the process."""


def test_the_best_of_each_rung_go_on(tmp_path: Path) -> None:
    plan = plan_of(candidates())
    found = search(plan, answer, tmp_path / "search.db")
    for rung in range(1, len(plan.sizes)):
        before = sorted((t for t in found.trials if t.rung == rung - 1), key=lambda t: -t.accuracy.value)
        worst = min(t.accuracy.value for t in before[: plan.sizes[rung]])
        names = {t.candidate for t in found.trials if t.rung == rung}
        assert len(names) == plan.sizes[rung]
        assert all(t.accuracy.value >= worst for t in before if t.candidate in names)
    last = [t for t in found.trials if t.rung == len(plan.sizes) - 1]
    assert found.choice == max(last, key=lambda t: t.accuracy.value).candidate
    assert found.runner_up in {t.candidate for t in last} - {found.choice}
    assert found.choice.startswith("b 1.0 @28")


def test_the_model_that_leads_gets_its_grid_at_equal_epochs(tmp_path: Path) -> None:
    plan = plan_of(candidates(), seconds=10.0)
    found = search(plan, answer, tmp_path / "search.db")
    tried = {t.candidate for t in found.trials if t.rung == 0}
    lead = "b 1.0 @28/0.5"
    assert set(plan.grids[lead]) <= tried
    assert all(set(plan.grids[other]) - tried for other in plan.first if other != lead)
    assert len({t.epochs for t in found.trials if t.rung == 0}) == 1


def test_the_sampler_proposes_untried_candidates_of_the_pool(tmp_path: Path) -> None:
    plan = plan_of(candidates(), seconds=300.0)
    assert plan.extras > 3
    found = search(plan, answer, tmp_path / "search.db")
    tried = [t.candidate for t in found.trials if t.rung == 0]
    assert len(set(tried)) == len(tried) == plan.sizes[0]
    assert set(tried) <= {one.name for one in plan.pool}


@pytest.mark.parametrize("seconds", [10.0, 300.0])
def test_stopped_anywhere_it_ends_as_if_it_had_not_been(tmp_path: Path, seconds: float) -> None:
    plan = plan_of(candidates(), seconds=seconds)
    whole = search(plan, answer, tmp_path / "whole.db")
    asked: list[Question] = []

    def fragile(question: Question) -> Answer:
        asked.append(question)
        if len(asked) % 3 == 0:
            raise KilledError
        return answer(question)

    found: Search | None = None
    while found is None:
        try:
            found = search(plan, fragile, tmp_path / "broken.db")
        except KilledError:
            continue
    assert found == whole


def test_of_equals_the_cheaper_is_chosen(tmp_path: Path) -> None:
    plan = plan_of(candidates())
    same = Answer(Interval.of(500, 1000), 1.0, 0.1)
    found = search(plan, lambda question: same, tmp_path / "search.db")
    last = {t.candidate for t in found.trials if t.rung == len(plan.sizes) - 1}
    pool = {one.name: one for one in plan.pool}
    assert pool[found.choice].macs == min(pool[name].macs for name in last)


def test_a_single_candidate_is_chosen(tmp_path: Path) -> None:
    plan = plan_of(candidates()[:1])
    found = search(plan, answer, tmp_path / "search.db")
    assert found.choice == plan.pool[0].name
    assert found.runner_up is None


def test_progress_counts_to_the_end(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    plan = plan_of(candidates())
    search(plan, answer, tmp_path / "search.db", lambda *step: told.append(step))
    assert [done for done, _, _ in told] == list(range(len(told)))
    assert told[-1][1] >= len(told)
    assert "best so far b" in told[-1][2]


def test_a_file_that_is_no_search_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "search.db").write_text("not a database, but long enough to be looked at" * 50)
    with pytest.raises(UserError, match=r"search\.db cannot be read as a search .*remove it"):
        Halving(plan_of(candidates()), tmp_path / "search.db")
