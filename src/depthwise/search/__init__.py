"""Search: which candidate is the most accurate? Strategies with ask and tell, which know nothing of training or C."""

from collections.abc import Callable
from pathlib import Path

from depthwise.results import Search
from depthwise.search.plan import SHARE, Effort, SearchPlan, Speed, affordable, make_plan
from depthwise.search.questions import Answer, Question
from depthwise.search.space import WIDTHS, Axes, pool

Evaluate = Callable[[Question], Answer]


def search(
    plan: SearchPlan, evaluate: Evaluate, storage: Path, progress: Callable[[int, int, str], None] | None = None
) -> Search:
    """Follows a plan to the end, or from where a killed search left it.

    Args:
        plan: from `make_plan`.
        evaluate: answers one question.
        storage: the file search.db.
        progress: told (trials done, trials in all, the best so far).

    Raises:
        UserError: optuna is not installed, the file is no search, or what `evaluate` raises.
    """
    try:
        from depthwise.search.halving import Halving
    except ModuleNotFoundError as error:
        from depthwise.errors import missing_extra

        raise missing_extra("searching for a network", error.name or "optuna", "train") from None
    strategy = Halving(plan, storage)
    try:
        while (question := strategy.ask()) is not None:
            done = strategy.trials()
            if progress:
                best = max(done, key=lambda trial: (trial.rung, trial.accuracy.value), default=None)
                text = f"best so far {best.candidate}, {best.accuracy.value:.1%}" if best else ""
                progress(len(done), strategy.questions(), text)
            strategy.tell(question, evaluate(question))
        trials, ranking = strategy.trials(), strategy.ranking()
    finally:
        strategy.close()
    return Search(
        candidates=plan.pool,
        trials=trials,
        choice=ranking[0],
        runner_up=ranking[1] if len(ranking) > 1 else None,
        seconds=round(sum(trial.seconds for trial in trials), 3),
    )


__all__ = [
    "SHARE",
    "WIDTHS",
    "Answer",
    "Axes",
    "Effort",
    "Evaluate",
    "Question",
    "SearchPlan",
    "Speed",
    "affordable",
    "make_plan",
    "pool",
    "search",
]
