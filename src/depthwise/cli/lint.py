"""`depthwise lint`: known mistakes of separable networks, found before they cost weeks."""

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from depthwise.cli.common import Json, NetworkOptions, app, takes_network
from depthwise.errors import UserError

if TYPE_CHECKING:
    from depthwise.findings import Lint

Model = Annotated[str | None, typer.Argument(help="a model name, a run folder or an .onnx file of any origin")]
Codes = Annotated[str | None, typer.Option(help="only these rules: CODE,CODE", show_default=False)]
Ignored = Annotated[
    str | None, typer.Option(help="not these rules, or not for some layers: CODE,CODE:LAYERS", show_default=False)
]


@app.command()
@takes_network
def lint(
    model: Model = None,
    device: Annotated[str | None, typer.Option(help="what it is meant for, see `depthwise devices`")] = None,
    *,
    network: NetworkOptions,
    precision: Annotated[
        Literal["float32", "int8"] | None, typer.Option(help="in which it will run; the device's if not given")
    ] = None,
    select: Codes = None,
    ignore: Ignored = None,
    explain: Annotated[str | None, typer.Option(help="print the page of a rule, e.g. DW003, or of all")] = None,
    fix: Annotated[bool, typer.Option("--fix", help="mend what keeps the function, to the file of -o")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="the mended .onnx file")] = None,
    as_json: Json = False,
) -> None:
    """Find known mistakes in a network: the layers, the reason with figures, the fix. Exit code 1 on errors.

    `[tool.depthwise.lint]` of pyproject.toml takes `select` and `ignore`, too.

    Example: depthwise lint mobilenet_v2 --width 0.35 --device nrf52840
    """
    if explain is not None:
        from depthwise.linter.pages import document, page

        print(document() if explain == "all" else page(explain))
        return
    if model is None:
        raise UserError("no MODEL is given: name one, a run folder or an .onnx file, or a rule with --explain")
    if fix != (output is not None):
        raise UserError("--fix writes a new file, and -o says which: give both or none")
    from depthwise import lint as look

    found = look(model, device, precision, select=_codes(select), ignore=_codes(ignore), fixed=output, **network)
    print(found.model_dump_json(indent=1) if as_json else "\n".join(lint_lines(found)))
    raise typer.Exit(1 if found.errors else 0)


def lint_lines(found: "Lint") -> list[str]:
    """Findings by rule: what is said of each layer, the fix once; then counts, and what could not be looked at."""
    lines = [f"{found.network}, {found.precision}{f' on {found.device}' if found.device else ''}"]
    for findings in found.by_rule():
        first = findings[0]
        lines.append(f"{first.code} {first.name} ({first.severity})")
        for finding in findings:
            where = ", ".join(finding.layers[:MOST]) + (
                f" and {more} more" if (more := len(finding.layers[MOST:])) else ""
            )
            lines.append(f"  {where + ': ' if where else ''}{finding.reason}")
        lines.append(f"  fix: {first.fix}{'; --fix does it' if first.fixable else ''}")
    counts = Counter(finding.severity for finding in found.findings)
    said = ", ".join(f"{counts[each]} {each}{'s' * (counts[each] != 1 and each != 'info')}" for each in counts)
    lines.append(said or "nothing found")
    if found.mended:
        lines.append(f"mended: {', '.join(found.mended)}")
    reasons: dict[str, list[str]] = {}
    for code, reason in found.skipped.items():
        reasons.setdefault(reason, []).append(code)
    lines += [f"not looked at: {', '.join(codes)}: {reason}" for reason, codes in reasons.items()]
    return lines


MOST = 4
"""So many layers of one finding are named."""


def _codes(text: str | None) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip()) if text else ()
