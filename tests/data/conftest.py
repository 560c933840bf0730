"""Every test of this room has a cache of its own."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the cache lies in during a test."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("DEPTHWISE_CACHE", str(folder))
    return folder
