"""What every test shares: a build cache of its own, golden files, steady property tests."""

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

# Threads of torch wait for each other by spinning: on a busy machine two of them are slower than one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

GOLDEN = Path(__file__).parent / "golden"

hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("suite")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew instead of comparing")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes first: several processes share files out, and none should wait for the last."""
    items.sort(key=lambda item: item.path.name not in SLOWEST)


SLOWEST = ("test_kills.py", "test_kernels.py", "test_selection.py", "test_emit.py")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """No test reads or fills the user's cache."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEPTHWISE_CACHE", str(folder))
        yield folder


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with the golden file of a name; --update-golden writes it."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"there is no {path}: run pytest with --update-golden and look at the change"
        assert text == path.read_text(encoding="utf-8"), f"{path} differs: run with --update-golden if that is meant"

    return compare
