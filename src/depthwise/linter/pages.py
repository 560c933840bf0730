"""The rules as pages: one for `--explain`, all of them for docs/lint.md."""

from depthwise.linter import RULES


def page(code: str) -> str:
    """A rule's page in Markdown: code, name and severity, then its help.

    Raises:
        UserError: an unknown code.
    """
    rule = RULES[code.upper()]
    title, _, text = rule.help.partition("\n\n")
    needs = [_NEEDS[need] for need in rule.needs if need in _NEEDS]
    lines = [f"{rule.severity}; {'; '.join(needs) or 'for every network'}", *([FIXED] if rule.fix else [])]
    return f"## {code.upper()} {rule.name}\n\n{title} ({'; '.join(lines)}).\n\n{text}\n"


FIXED = "`--fix` mends it"

_NEEDS = {
    "architecture": "for networks by name and run folders",
    "device": "with `--device`",
    "weights": "for networks with weights",
    "file": "for .onnx files",
}


def document() -> str:
    """All rules, for the documentation."""
    return "\n".join(page(code) for code in sorted(RULES))
