"""How long work tells where it stands, without knowing whether a terminal, a log or nobody listens."""

from typing import Protocol


class Progress(Protocol):
    """What a stage of the pipeline calls while it works."""

    def stage(self, name: str) -> None:
        """A stage begins, e.g. "training"."""

    def step(self, done: int, total: int, text: str = "") -> None:
        """`done` of `total` units of the stage are finished; `text` holds a few figures."""

    def note(self, text: str) -> None:
        """One line that the user should see."""


class Silent:
    """The Progress of callers who do not ask for any."""

    def stage(self, name: str) -> None:
        """Ignored."""

    def step(self, done: int, total: int, text: str = "") -> None:
        """Ignored."""

    def note(self, text: str) -> None:
        """Ignored."""
