"""The table of results: rows in a CSV whose first lines, behind "# ", say where and how they were measured."""

import csv
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, get_type_hints

from depthwise.errors import UserError
from depthwise.files import atomic_file
from depthwise.profiling.comparison import Row

FOLDER = Path(__file__).parent / "results"

COLUMNS = tuple(field.name for field in fields(Row))


def write(path: Path, rows: Iterable[Row], comments: Iterable[str]) -> None:
    """Writes the table, whole or not at all; a comment is one line."""
    with atomic_file(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        file.writelines(f"# {comment}\n" for comment in comments)
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow({k: f"{v:.4f}" if isinstance(v, float) else v for k, v in asdict(row).items()})


def read(path: Path) -> tuple[list[Row], list[str]]:
    """The rows and comments of a table.

    Raises:
        UserError: there is no such file, or it has other columns.
    """
    if not path.is_file():
        raise UserError(f"{path} does not exist: `python -m benchmarks.host` writes one")
    lines = path.read_text(encoding="utf-8").splitlines()
    comments = [line[2:] for line in lines if line.startswith("# ")]
    reader = csv.DictReader(line for line in lines if not line.startswith("#"))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise UserError(f"{path} has the columns {reader.fieldnames}, not {', '.join(COLUMNS)}")
    parsers: Mapping[str, Callable[[str], Any]] = get_type_hints(Row)
    return [Row(**{name: parsers[name](text) for name, text in record.items()}) for record in reader], comments
