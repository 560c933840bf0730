"""Which rules run, and where: from flags and from `[tool.depthwise.lint]` of the user's pyproject.toml.

[tool.depthwise.lint]
select = ["DW001", "DW008"]            # only these; all if it is left out
ignore = ["DW010", "DW008:stem.*"]     # not this one at all, nor that one for these layers
"""

import fnmatch
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from depthwise.errors import UserError
from depthwise.registry import choose


@dataclass(frozen=True)
class Settings:
    """Rules by their codes. An entry of `ignore` is a code, or CODE:LAYERS with a pattern as of files.

    Attributes:
        select: those that run; empty: all. ignore: those that do not.
    """

    select: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()

    @classmethod
    def of(cls, known: Iterable[str], select: Iterable[str] = (), ignore: Iterable[str] = ()) -> "Settings":
        """Checked against the known codes; those of the nearest pyproject.toml above the current folder come first.

        `select` of one's own replaces the file's, `ignore` adds to it.

        Raises:
            UserError: an unknown code, a pyproject.toml that is no TOML, or an entry of another type or name.
        """
        codes = list(known)
        written = _written(Path.cwd())
        chosen = tuple(select) or written.select
        settings = cls(tuple(map(_in_capitals, chosen)), tuple(map(_in_capitals, (*written.ignore, *ignore))))
        for entry in (*settings.select, *settings.ignore):
            choose("lint rule", entry.partition(":")[0], codes)
        return settings

    def runs(self, code: str) -> bool:
        """Whether a rule runs at all."""
        return code not in self.ignore and (not self.select or code in self.select)

    def mends(self, code: str) -> bool:
        """Whether a rule runs for all layers, so that it may mend wherever it applies."""
        return self.runs(code) and not any(entry.startswith(f"{code}:") for entry in self.ignore)

    def concerned(self, code: str, layers: Iterable[str]) -> tuple[str, ...]:
        """Those of some layers for which a rule is not switched off."""
        patterns = [entry.partition(":")[2] for entry in self.ignore if entry.startswith(f"{code}:")]
        return tuple(layer for layer in layers if not any(fnmatch.fnmatchcase(layer, each) for each in patterns))


def _in_capitals(entry: str) -> str:
    code, colon, layers = entry.partition(":")
    return code.upper() + colon + layers


def _written(folder: Path) -> Settings:
    """What the nearest pyproject.toml says; the usual where there is none, or none of it is about this."""
    for place in (folder, *folder.parents):
        path = place / "pyproject.toml"
        if path.is_file():
            try:
                table = tomllib.loads(path.read_text(encoding="utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise UserError(f"'{path}' is not valid TOML: {error}") from None
            for key in ("tool", "depthwise", "lint"):
                table = table.get(key, {})
                if not isinstance(table, dict):
                    raise UserError(f"'{path}': {key} is {table!r}: write a table, [tool.depthwise.lint]")
            return _settings(path, table)
    return Settings()


def _settings(path: Path, table: dict[str, object]) -> Settings:
    values = {}
    for key, value in table.items():
        choose(f"entry of tool.depthwise.lint in '{path}'", key, ("select", "ignore"))
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise UserError(f"'{path}': tool.depthwise.lint.{key} is {value!r}: write a list of codes")
        values[key] = tuple(value)
    return Settings(**values)
