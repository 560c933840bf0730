"""Each rule finds exactly the layers of its bad example and nothing in its good one."""

import pytest

from depthwise import linter
from depthwise.linter import RULES, Example, Settings, Source


def found(code: str, example: Example) -> list[str]:
    source = example.source if isinstance(example.source, Source) else Source(example.source)
    result = linter.look(source, example.device, example.precision, Settings(select=(code,)))
    assert result.skipped == {}
    assert {finding.code for finding in result.findings} <= {code}
    for finding in result.findings:
        assert finding.reason and finding.fix and "\n" not in finding.reason + finding.fix
    return [layer for finding in result.findings for layer in finding.layers or ["the network"]]


@pytest.mark.parametrize("code", sorted(RULES))
def test_the_bad_example_is_found(code: str) -> None:
    example = RULES[code].bad()
    assert sorted(found(code, example)) == sorted(example.layers)
    assert example.layers


@pytest.mark.parametrize("code", sorted(RULES))
def test_the_good_example_is_left_alone(code: str) -> None:
    example = RULES[code].good()
    assert example.layers == ()
    assert found(code, example) == []


@pytest.mark.parametrize("code", sorted(RULES))
def test_the_help_says_what_why_and_how_it_is_mended(code: str) -> None:
    title, *paragraphs = RULES[code].help.split("\n\n")
    assert "\n" not in title
    assert len(paragraphs) >= 3
    assert any(paragraph.startswith("Mended by:") for paragraph in paragraphs)
