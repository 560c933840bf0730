"""What the linter says of a network, as records: `linter.lint` finds it, results.json has it."""

from typing import Literal

from pydantic import Field

from depthwise.config import Record
from depthwise.device import Precision

Severity = Literal["error", "warning", "info"]
"""error: the network is wrong or broken; warning: it pays for something it need not; info: worth knowing."""

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")
"""The gravest first."""


class Finding(Record):
    """What one rule says of some layers.

    Attributes:
        code, name: of the rule, e.g. "DW001" and what it is called.
        layers: concerned, in the network's order; empty: the network as a whole.
        reason: with figures. fix: what to do about it.
        fixable: whether `lint --fix` does it.
    """

    code: str
    name: str
    severity: Severity
    layers: list[str] = Field(default_factory=list)
    reason: str
    fix: str
    fixable: bool = False


class Lint(Record):
    """All that the linter says of a network.

    Attributes:
        network: its name. device: for which it was looked at; empty: for none. precision: in which.
        findings: the gravest first.
        skipped: code of a rule that could not look -> why.
        mended: codes of the rules whose fixes were written before anything was looked for.
    """

    network: str
    device: str = ""
    precision: Precision
    findings: list[Finding] = Field(default_factory=list)
    skipped: dict[str, str] = Field(default_factory=dict)
    mended: list[str] = Field(default_factory=list)

    def by_rule(self) -> list[list[Finding]]:
        """Findings of one rule, severity and fix together, the gravest first."""
        rules: dict[tuple[str, Severity, str], list[Finding]] = {}
        for finding in self.findings:
            rules.setdefault((finding.code, finding.severity, finding.fix), []).append(finding)
        return list(rules.values())

    def brief(self) -> list[str]:
        """A line for each rule that found errors or warnings: its first reason, and how many more there are."""
        by_rule: dict[str, list[Finding]] = {}
        for finding in self.findings:
            if finding.severity != "info":
                by_rule.setdefault(finding.code, []).append(finding)
        return [
            f"{code} {found[0].name}: {', '.join([*found[0].layers[:1], found[0].reason])}"
            + (f" (and {len(found) - 1} more)" if len(found) > 1 else "")
            for code, found in by_rule.items()
        ]

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.severity == "error" for finding in self.findings)
