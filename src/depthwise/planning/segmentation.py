"""Where a network is cut into segments, and which of them are streamed."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from depthwise.planning.stages import Stages
from depthwise.planning.storage import Cut
from depthwise.planning.streaming import Flow


@dataclass(frozen=True)
class Choice:
    schedule: Literal["auto", "layer", "stream"] = "auto"
    optimize: Literal["speed", "ram"] = "speed"


def choose_cuts(stages: Stages, choice: Choice, workspaces: Sequence[int], element: int = 4) -> list[Cut]:
    return [Cut(number, number + 1, None, "whole") for number in range(len(stages.calls))]
