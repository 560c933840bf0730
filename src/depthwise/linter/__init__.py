"""The linter: mistakes that separable networks are made with, found before they cost weeks.

    for finding in lint("mobilenet_v2", "nrf52840", width=0.35).findings: ...

To add a rule: one file in `rules/`; `base.py` says what it holds.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from depthwise.device import Device, Precision, load_device
from depthwise.findings import SEVERITIES, Finding, Lint
from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.settings import Settings
from depthwise.linter.source import Source, open_source
from depthwise.linter.subject import Subject
from depthwise.registry import Registry

RULES: Registry[Rule] = Registry("lint rule", f"{__name__}.rules", "RULES")

__all__ = ["RULES", "Example", "Found", "Lint", "Rule", "Settings", "Source", "Subject", "lint", "look", "look_at"]


def lint(
    model: Any,
    device: str | None = None,
    precision: Precision | None = None,
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    fixed: Path | str | None = None,
    **options: Any,
) -> Lint:
    """Known mistakes in a network: the layers, the reason with figures, the fix. Nothing is trained or compiled.

    Args:
        model: a name, run folder, .onnx file of any origin, torch module or Graph.
        device: name or .toml file of what it is meant for; None: rules about devices are skipped.
        precision: in which it will run; None: its own if it is in 8 bits, else the device's, else float32.
        select, ignore: codes of rules that alone run, and that do not run ("DW008") or not for some layers
            ("DW008:stem.*"); beside those of the nearest pyproject.toml.
        fixed: an .onnx file, to which the network is written with all mended that keeps its function; what is found
            in it is returned. Rules that do not run for some layers mend none.
        options: for a name: width, resolution, classes, channels; for a torch module: shape.

    Raises:
        UserError: as `load_network`; an unknown device or rule; a network that hangs together nowhere.
    """
    settings = Settings.of(RULES, select, ignore)
    source = open_source(model, precision, **options)
    target = None if device is None else load_device(device)
    mended: list[str] = []
    if fixed is not None:
        from depthwise.linter.mending import mend

        source, mended = mend(source, {code: rule for code, rule in RULES.items() if settings.mends(code)}, Path(fixed))
    return look(source, target, precision, settings).model_copy(update={"mended": mended})


def look(
    source: Source, device: Device | None = None, precision: Precision | None = None, settings: Settings | None = None
) -> Lint:
    """Looks at a network with every rule.

    Args:
        source: a network, with what is known of it. What has no normal form is looked at as far as that goes.
        device, precision: as for `Subject`. settings: which rules run; None: as pyproject.toml says.

    Raises:
        UserError: as `Subject` and `Settings.of`.
    """
    return look_at(Subject(source, device, precision), settings or Settings.of(RULES))


def look_at(subject: Subject, settings: Settings) -> Lint:
    """`look` at a network that has been made ready."""
    findings: list[Finding] = []
    skipped: dict[str, str] = {}
    for code, rule in sorted(RULES.items()):
        if not settings.runs(code):
            continue
        if (why := _missing(rule, subject)) is not None:
            skipped[code] = why
            continue
        findings += _findings(code, rule, subject, settings)
    return Lint(
        network=subject.name,
        device=subject.device.name if subject.device else "",
        precision=subject.precision,
        findings=sorted(findings, key=lambda finding: SEVERITIES.index(finding.severity)),
        skipped=skipped,
    )


def _findings(code: str, rule: Rule, subject: Subject, settings: Settings) -> list[Finding]:
    findings = []
    for found in rule.find(subject):
        layers = settings.concerned(code, found.layers)
        if found.layers and not layers:
            continue
        findings.append(
            Finding(
                code=code,
                name=rule.name,
                severity=found.severity or rule.severity,
                layers=list(layers),
                reason=found.reason,
                fix=found.fix,
                fixable=rule.fix is not None and subject.source.file,
            )
        )
    return findings


def _missing(rule: Rule, subject: Subject) -> str | None:
    """Why a rule cannot look at a network; None: it can."""
    reasons = {
        "normal": subject.refusal if subject.normal is None else None,
        "architecture": None if subject.architecture else "it is about networks by name and runs",
        "device": None if subject.device else "it is about a device: name one with --device",
        "weights": None if subject.weights else "it is about weights, and the network has none",
        "file": None if subject.source.file else "it is about .onnx files, which run as they are written",
    }
    return next((reason for need in rule.needs if (reason := reasons[need]) is not None), None)
