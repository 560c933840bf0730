"""What the documents name exists, and what the package needs to be shipped legally is there."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "depthwise"
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])

SUFFIXES = (".py", ".md", ".toml", ".h", ".j2", ".c", ".png", ".svg", ".txt", ".csv", ".json", ".html", "/")
MADE_BY_RUNS = (
    "runs/",
    "build/",
    "c/",
    "mistakes/",
    "dist/",
    ".venv/",
    "PHOTOS/",
    "train/",
    "val/",
    "test/",
    "~",
    "/",
    "http",
)
"""Beginnings of paths that a user's run makes, or that are the user's own."""
PRODUCTS = {"config.json", "stages.json", "results.json", "report.html", "MODEL_CARD.md", "flags.txt", "main.c"}
"""Files without a folder that a run makes."""


def code_spans(text: str) -> Iterator[str]:
    """What stands between single backticks, outside fenced and indented blocks."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return (span.strip() for span in re.findall(r"(?<!`)`([^`\n]+)`(?!`)", text))


def is_repository_path(span: str) -> bool:
    """Whether a code span names a file or folder of this repository (not a pattern, a command or a run's product)."""
    if not re.fullmatch(r"[\w./\-]+", span) or not span.endswith(SUFFIXES):
        return False
    if span.startswith(MADE_BY_RUNS) or span in PRODUCTS or re.search(r"(^|[/_])[A-Z]{2,}([/_.]|$)", span):
        return span in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
    return "/" in span or span.endswith((".py", ".md", ".toml", ".h", ".j2"))


def exists(span: str, document: Path) -> bool:
    """Paths are meant from the repository's root, the package or the document; a bare name may lie anywhere below."""
    if any((base / span).exists() for base in (ROOT, PACKAGE, document.parent)):
        return True
    folders = [PACKAGE, ROOT / "tests", ROOT / "docs"]
    return "/" not in span.rstrip("/") and any(found for folder in folders for found in folder.rglob(span.rstrip("/")))


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_files_exist(document: Path) -> None:
    spans = set(filter(is_repository_path, code_spans(document.read_text(encoding="utf-8"))))
    assert sorted(span for span in spans if not exists(span, document)) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    links = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (document.parent / link).exists()] == []


def test_a_wrong_path_would_be_seen() -> None:
    spans = ["graph/passes/no_such_pass.py", "no_such_file.py", "graph/nowhere/"]
    assert all(is_repository_path(span) and not exists(span, ROOT / "README.md") for span in spans)
    assert not any(map(is_repository_path, ["runs/photos/report.html", "graph/passes/NAME.py", "depthwise fit"]))


def test_licences_are_in_place() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["license"] == "Apache-2.0"
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License" in text and "Version 2.0, January 2004" in text and "END OF TERMS AND CONDITIONS" in text
    for name in project["license-files"]:
        assert (ROOT / name).stat().st_size > 500, f"{name} is no licence"
    vendored = [ROOT / name for name in project["license-files"] if name != "LICENSE"]
    assert all("Permission is hereby granted" in path.read_text(encoding="utf-8") for path in vendored)


def test_the_version_is_one() -> None:
    import depthwise

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert depthwise.__version__ == project["version"]
    assert f"[{project['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
