"""What a strategy asks, and what it is told."""

from dataclasses import dataclass

from depthwise.results import Candidate, Interval


@dataclass(frozen=True)
class Question:
    """Train this candidate for `steps` steps: how accurate is it on `images` validation images?"""

    candidate: Candidate
    rung: int
    steps: int
    images: int


@dataclass(frozen=True)
class Answer:
    """Accuracy of a candidate after `epochs` passes over the training images, which took `seconds`."""

    accuracy: Interval
    epochs: float
    seconds: float
