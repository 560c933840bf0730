"""The documentation of the rules is what their files say."""

from pathlib import Path

from depthwise.linter.pages import document

PAGES = Path(__file__).parents[2] / "docs" / "lint.md"


def test_the_document_is_made_of_the_rules() -> None:
    _, mark, rules = PAGES.read_text(encoding="utf-8").partition("\n# Rules\n\n")
    assert mark
    assert rules.rstrip() == document().rstrip(), (
        "write the output of `depthwise lint --explain all` behind '# Rules' in docs/lint.md"
    )
