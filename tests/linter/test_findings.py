"""docs/findings.md: what the linter says of every registered model on every device, and why each finding is right."""

import tomllib
from collections import defaultdict
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from depthwise.design import MODELS
from depthwise.device import device_names, load_device
from depthwise.findings import SEVERITIES
from depthwise.linter import RULES, Settings, Source, Subject, look_at

PAGE = Path(__file__).parents[2] / "docs" / "findings.md"
DEFENCES = tomllib.loads((Path(__file__).parent / "defences.toml").read_text(encoding="utf-8"))["defence"]
DEVICES = [name for name in device_names() if name != "host"]
NONE = "no device"

Finding = tuple[str, str]
"""Code and severity."""

Table = dict[str, dict[str, list[Finding]]]
"""Model -> device -> what is found."""


@pytest.fixture(scope="module")
def table() -> Table:
    found: Table = {}
    devices = {NONE: None, **{name: load_device(name) for name in DEVICES}}
    for name, architecture in MODELS.items():
        subject = Subject(Source(architecture, architecture))
        found[name] = {}
        for device, description in devices.items():
            looked = look_at(subject.on(description), Settings())
            found[name][device] = sorted({(finding.code, finding.severity) for finding in looked.findings})
    return found


def test_every_finding_is_defended_once_and_every_defence_is_needed(table: Table) -> None:
    used: set[int] = set()
    wrong = []
    for model, by_device in table.items():
        for device, findings in by_device.items():
            for code, severity in findings:
                fitting = [i for i, one in enumerate(DEFENCES) if fits(one, model, device, code, severity)]
                used.update(fitting)
                if len(fitting) != 1:
                    wrong.append(f"{code} ({severity}) of {model} on {device} has {len(fitting)} defences")
    assert wrong == []
    assert [one for i, one in enumerate(DEFENCES) if i not in used] == []


def test_the_page_is_what_the_linter_says(table: Table, request: pytest.FixtureRequest) -> None:
    text = page(table)
    if request.config.getoption("--update-golden"):
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == text, "run with --update-golden if that is meant, and look at it"


def fits(defence: dict[str, object], model: str, device: str, code: str, severity: str) -> bool:
    def matches(key: str, name: str) -> bool:
        patterns = defence.get(key, ["*"])
        assert isinstance(patterns, list)
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    of = (defence["rule"], defence.get("severity", RULES[code].severity))
    return of == (code, severity) and matches("models", model) and matches("devices", device)


def page(table: Table) -> str:
    lines = [
        "# What the linter says of every model",
        "",
        "`depthwise lint MODEL --device DEVICE` of each at its own resolution with its own classes, in the device's",
        "precision; tests hold this page to it. In brackets: warnings; without: for information. The host is left out,",
        "since it is another machine for everyone.",
        "",
        "| model | on every device and without one | and on |",
        "|---|---|---|",
    ]
    for model, by_device in table.items():
        everywhere = [one for one in by_device[NONE] if all(one in found for found in by_device.values())]
        where: dict[Finding, list[str]] = defaultdict(list)
        for device, found in by_device.items():
            for one in found:
                if one not in everywhere:
                    where[one].append(device)
        devices = "; ".join(f"{spelt(one)} {named(places)}" for one, places in sorted(where.items()))
        lines.append(f"| `{model}` | {', '.join(map(spelt, everywhere))} | {devices} |")
    lines += ["", "## Why each is right", "", "| finding | of | on | why |", "|---|---|---|---|"]
    for one in sorted(DEFENCES, key=lambda one: (one["rule"], SEVERITIES.index(severity_of(one)))):
        models, devices = (", ".join(one.get(key, ["*"])) for key in ("models", "devices"))
        spelling = spelt((one["rule"], severity_of(one)))
        lines.append(f"| {spelling} {RULES[one['rule']].name} | {every(models)} | {every(devices)} | {one['why']} |")
    return "\n".join(lines) + "\n"


def severity_of(defence: dict[str, str]) -> str:
    return defence.get("severity", RULES[defence["rule"]].severity)


def spelt(finding: Finding) -> str:
    code, severity = finding
    return {"error": f"**{code}**", "warning": f"[{code}]", "info": code}[severity]


def named(devices: list[str]) -> str:
    return "every device" if set(devices) == set(DEVICES) else ", ".join(devices)


def every(patterns: str) -> str:
    return "all" if patterns == "*" else f"`{patterns}`"
