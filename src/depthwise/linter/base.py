"""What a rule is: a file of `rules/` that says what, why, how it is mended, and shows one bad and one good network.

To add a rule: one file in that folder. Its docstring is its page in the documentation and what `--explain` prints; it
defines `RULES = {code: Rule(...)}`. Its examples are its test.
"""

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

from depthwise.design import Architecture
from depthwise.device import Device, Precision
from depthwise.findings import Severity
from depthwise.graph import Graph
from depthwise.linter.source import Source
from depthwise.linter.subject import Subject

Need = Literal["normal", "architecture", "device", "weights", "file"]
"""What a rule cannot do without: a network in normal form, one by name, a device, real weights, or one from a file."""


@dataclass(frozen=True)
class Found:
    """One place where a rule applies.

    Attributes:
        layers: concerned; empty: the network as a whole.
        reason: one sentence with figures. fix: what to do, one sentence in the imperative.
        severity: None: the rule's.
    """

    layers: tuple[str, ...]
    reason: str
    fix: str
    severity: Severity | None = None


@dataclass(frozen=True)
class Example:
    """A network that shows what a rule is about.

    Attributes:
        source, device, precision: as `lint` takes them.
        layers: that the rule must name, each in a finding; none for a good example.
    """

    source: Source | Architecture | Graph
    layers: tuple[str, ...] = ()
    device: Device | None = None
    precision: Precision | None = None


@dataclass(frozen=True)
class Rule:
    """One thing that goes wrong with separable networks.

    Attributes:
        name: in words, with hyphens.
        severity: of its findings, unless they say otherwise.
        find: the places in a network where it applies.
        bad, good: a network in which it finds exactly the example's layers, and a like one in which it finds nothing.
        needs: without which it is skipped.
        fix: rewrites an ONNX Graph in place so that the rule does not apply, without changing what it computes; returns
            whether it did. None: a person has to.
    """

    name: str
    severity: Severity
    find: Callable[[Subject], Iterable[Found]]
    bad: Callable[[], Example]
    good: Callable[[], Example]
    needs: tuple[Need, ...] = ("normal",)
    fix: Callable[[Graph], bool] | None = None

    @property
    def help(self) -> str:
        """The docstring of its file: a title, then what, why and how it is mended."""
        return (sys.modules[self.find.__module__].__doc__ or "").strip()
