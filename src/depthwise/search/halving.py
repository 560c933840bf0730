"""Successive halving with ask and tell, on optuna: rung by rung, each in a study of its own in search.db.

A question is asked of an optuna study in memory, made anew from what the file holds; only answers are written to the
file. So a search that is killed asks the same question again, and ends as if it had not been killed.
"""

import logging
from pathlib import Path

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial

from depthwise.errors import UserError
from depthwise.results import Trial
from depthwise.search.plan import SearchPlan
from depthwise.search.questions import Answer, Question

_DIRECTIONS = (StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE)  # accuracy, MACs
_AXES = ("model", "resolution", "depth", "share")
_TRIES = 100  # proposals of the sampler before the first untried candidate is taken


class Halving:
    """A search that follows a plan.

    Args:
        plan: who is tried, and for how long.
        storage: the file search.db; taken up where it stands.

    Raises:
        UserError: the file cannot be read as a search.
    """

    def __init__(self, plan: SearchPlan, storage: Path) -> None:
        self.plan = plan
        self._pool = {candidate.name: candidate for candidate in plan.pool}
        optuna.logging.set_verbosity(logging.WARNING)
        try:
            self._storage = optuna.storages.RDBStorage(f"sqlite:///{storage.absolute()}")
            self._rungs = [
                optuna.create_study(
                    storage=self._storage, study_name=f"rung {rung}", directions=_DIRECTIONS, load_if_exists=True
                )
                for rung in range(len(plan.sizes))
            ]
        except Exception as error:  # optuna and SQLAlchemy have many ways to say that a file is no database
            raise UserError(
                f"{storage} cannot be read as a search ({type(error).__name__}): remove it and run the same fit again"
            ) from None

    def close(self) -> None:
        """Lets go of the file."""
        self._storage.remove_session()
        self._storage.engine.dispose()

    def ask(self) -> Question | None:
        """The next question; None when the search is at its end."""
        for rung in range(len(self.plan.sizes)):
            tried = {trial.candidate for trial in self._trials(rung)}
            members = self._members(rung)
            name = next((name for name in members if name not in tried), None)
            if name is None and rung == 0 and len(tried) < min(len(members) + self.plan.extras, len(self._pool)):
                name = self._proposal(tried)
            if name is not None:
                return Question(self._pool[name], rung, self.plan.steps[rung], self.plan.images[rung])
        return None

    def tell(self, question: Question, answer: Answer) -> None:
        """Keeps the answer to a question."""
        candidate = question.candidate
        trial = Trial(
            candidate=candidate.name,
            rung=question.rung,
            epochs=answer.epochs,
            accuracy=answer.accuracy,
            seconds=round(answer.seconds, 3),
        )
        self._rungs[question.rung].add_trial(
            create_trial(
                params={axis: getattr(candidate, axis) for axis in _AXES},
                distributions=self._distributions(),
                values=[answer.accuracy.value, candidate.macs],
                user_attrs={"trial": trial.model_dump()},
            )
        )

    def trials(self) -> list[Trial]:
        """Every trial so far, rung by rung."""
        return [trial for rung in range(len(self.plan.sizes)) for trial in self._trials(rung)]

    def ranking(self) -> list[str]:
        """Names of the last rung's candidates, the best first."""
        return self._ranked(len(self.plan.sizes) - 1)

    def questions(self) -> int:
        """How many there are from the first to the last."""
        return sum(min(size, len(self._pool)) for size in self.plan.sizes)

    def _trials(self, rung: int) -> list[Trial]:
        found = self._rungs[rung].get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return [Trial.model_validate(trial.user_attrs["trial"]) for trial in found]

    def _members(self, rung: int) -> list[str]:
        """Who is tried in a rung, as far as that is known: later ones have the best of the rung before."""
        if rung:
            return self._ranked(rung - 1)[: self.plan.sizes[rung]]
        first = self.plan.first
        ranked = [name for name in self._ranked(0) if name in first]
        if len(ranked) < len(first):
            return first
        return list(dict.fromkeys([*first, *self.plan.grids[ranked[0]]]))

    def _ranked(self, rung: int) -> list[str]:
        """The most accurate first, of equals the one with fewer MACs."""
        trials = self._trials(rung)
        trials.sort(key=lambda trial: (-trial.accuracy.value, self._pool[trial.candidate].macs, trial.candidate))
        return [trial.candidate for trial in trials]

    def _proposal(self, tried: set[str]) -> str:
        """What the sampler would try next, from the trials of the first rung (multi-objective TPE)."""
        done = self._rungs[0].get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        sampler = optuna.samplers.TPESampler(seed=self.plan.seed + len(done), n_startup_trials=len(self.plan.first))
        study = optuna.create_study(directions=_DIRECTIONS, sampler=sampler)
        study.add_trials(done)
        places = {tuple(getattr(one, axis) for axis in _AXES): name for name, one in self._pool.items()}
        for _ in range(_TRIES):
            asked = study.ask(self._distributions())
            name = places.get(tuple(asked.params[axis] for axis in _AXES))
            if name is not None and name not in tried:
                return name
            study.tell(asked, state=TrialState.FAIL)
        return next(name for name in self._pool if name not in tried)

    def _distributions(self) -> dict[str, BaseDistribution]:
        return {
            axis: CategoricalDistribution(sorted({getattr(one, axis) for one in self._pool.values()})) for axis in _AXES
        }
