"""What a page is made of, and what a section makes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depthwise.config import Config
from depthwise.device import Device, Precision
from depthwise.results import Results


@dataclass(frozen=True)
class Material:
    """The files of a run folder.

    Attributes:
        path: the run folder.
        config, results: its files.
        device: the target, None if its description is gone.
        precision: of the artefact that is shipped, None before there is one.
    """

    path: Path
    config: Config
    results: Results
    device: Device | None
    precision: Precision | None


Values = Mapping[str, Any]
"""What the template of a section shows."""
NOT_ASKED: Values = {}
"""The values of a section that has no place in this run."""
