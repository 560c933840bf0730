"""The verdict of a check as a record: what a network takes, the limits, what is short, and what would mend it."""

from typing import Literal

from pydantic import Field

from depthwise.device import Precision
from depthwise.runs import Record

Certainty = Literal["exact", "measured", "estimated", "unknown"]


class Part(Record):
    """A summand of a figure."""

    name: str
    value: int
    certainty: Certainty


class Figure(Record):
    """What a network takes of one resource, and how that stands to the limit.

    Attributes:
        name: "ram" and "flash" in bytes, "latency" in seconds, "macs" and "parameters" as counts.
        value: None: unknown, for the `reason`. certainty: the worst of its parts.
        limit: None: there is none. limit_from: who set it, an option or the device.
        short: by how much the value exceeds the limit, 0 if it does not.
        reason: why it is unknown, or how it was estimated.
    """

    name: str
    value: int | float | None
    certainty: Certainty
    parts: list[Part] = Field(default_factory=list)
    limit: int | float | None = None
    limit_from: str = ""
    short: int | float = 0
    reason: str = ""


class Change(Record):
    """A change that makes a network fit, with what it then takes (estimates, but for MACs and parameters).

    Attributes:
        kind: what changes: "resolution", "width", "model", "precision", or several joined by "+".
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
        compilable: whether the compiler can emit this precision yet; if not, all bytes are estimates.
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
    compilable: bool
    figures: list[Figure]
    fits: bool
    undecided: list[str] = Field(default_factory=list)
    changes: list[Change] = Field(default_factory=list)
