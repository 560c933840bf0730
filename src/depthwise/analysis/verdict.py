"""The verdict of a check as a record: what a network takes, the limits, what is short, and what would mend it."""

from typing import Literal

from pydantic import Field

from depthwise.config import Record
from depthwise.device import Precision
from depthwise.results import Figure


class Change(Record):
    """A change that makes a network fit, with what it then takes (estimates, but for MACs and parameters).

    Attributes:
        kind: what changes: "schedule", "resolution", "width", "model", "precision", or several joined by "+".
        options: the command line's words for it, e.g. "--resolution 80".
        model, width, resolution, precision: the network after it; empty or None for one that is not of a family.
        latency: seconds; None: unknown.
        accuracy: points of top-1 accuracy that it costs (negative: that it wins); None: nobody has published it.
        accuracy_from: whose figure that is, and on what.
    """

    kind: str
    options: str
    model: str = ""
    width: float | None = None
    resolution: int | None = None
    precision: Precision
    ram: int
    flash: int
    macs: int
    parameters: int
    latency: float | None = None
    accuracy: float | None = None
    accuracy_from: str = ""


class Check(Record):
    """Whether a network fits a device and a budget.

    Attributes:
        network: in words. model: its family; empty for a network whose shapes are fixed.
        device: its name.
        input: element type of the network's input.
        figures: RAM, flash, latency, MACs, parameters.
        fits: every limit is kept. undecided: limits whose figure is unknown; with any, `fits` is False.
        changes: the nearest ones that fit, if something is short.
    """

    schema_version: int = 1
    network: str
    model: str = ""
    device: str
    precision: Precision
    input: Literal["uint8", "float"]
    figures: list[Figure]
    fits: bool
    undecided: list[str] = Field(default_factory=list)
    changes: list[Change] = Field(default_factory=list)
