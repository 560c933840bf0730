"""Where the page's and the model card's templates are, and the filters they may use."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from depthwise.report import text

_FILTERS = (
    "size",
    "count",
    "percent",
    "milliseconds",
    "duration",
    "date",
    "interval",
    "resolution",
    "runtime_name",
    "candidate_name",
    "epochs",
)


def template_text(name: str) -> str:
    """A template as it is written."""
    return (Path(__file__).parent / "templates" / name).read_text(encoding="utf-8")


@cache
def environment() -> jinja2.Environment:
    """The templates in `templates/`: what goes into HTML is escaped, a name that is not given is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Any] = {name: getattr(text, name) for name in _FILTERS}
    made.filters.update(filters, cell=markdown_cell, code=code_spans)
    return made


def code_spans(value: str) -> Markup:
    """HTML of a text with code between backticks."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(value))))  # what is between them is escaped


def markdown_cell(value: object) -> str:
    """Text for a Markdown table: on one line, with nothing that Markdown or HTML would take as markup."""
    words = " ".join(str(value).split())
    for character in "\\|`*_<>[]":
        words = words.replace(character, "\\" + character)
    return words
