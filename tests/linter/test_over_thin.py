"""DW002 beside the published grids; a search's own trials are the rule's examples."""

import pytest

from depthwise import linter
from depthwise.design import architecture
from depthwise.linter import Settings, Source


def reasons(name: str, width: float, resolution: int) -> list[str]:
    network = architecture(name, width, resolution)
    return [one.reason for one in linter.look(Source(network), settings=Settings(("DW002",))).findings]


def test_a_wider_one_that_sees_less_is_better() -> None:
    (reason,) = reasons("mobilenet_v1", 0.25, 224)
    assert reason == (
        "width 0.25 at 224 px has 49.8 % for 41 M MACs, width 0.5 at 128 px 56.3 % for 49.2 M (ImageNet, published)"
    )


@pytest.mark.parametrize(("name", "width", "resolution"), [("mobilenet_v2", 1.0, 224), ("mobilenet_v2", 0.5, 224)])
def test_a_good_mix_is_left_alone(name: str, width: float, resolution: int) -> None:
    """0.5 at 224 px has 65.4 %; 0.75 at 160 px has 66.4 % for a tenth more, which is no more than a point."""
    assert reasons(name, width, resolution) == []


def test_thinner_than_anything_published() -> None:
    (reason,) = reasons("mobilenet_v2", 0.1, 64)
    assert "a width of 0.1 is below 0.35" in reason
    assert reasons("mobilenet_v2", 0.35, 64) == []
