"""Files are whole or absent."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from depthwise.errors import UserError
from depthwise.files import (
    TEMPORARY,
    atomic_file,
    atomic_folder,
    cache_folder,
    fingerprint,
    remove_leftovers,
    write_text,
)


def test_a_failed_write_leaves_the_old_file_and_no_leftover(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(RuntimeError), atomic_file(path) as aside:
        aside.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("place", [atomic_file, atomic_folder])
def test_what_is_no_file_is_never_replaced(
    place: Callable[[Path], AbstractContextManager[Path]], tmp_path: Path
) -> None:
    """Like /dev/null, which root could lose by it."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(UserError, match="is a device or a pipe"), place(pipe):
        pass
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("file")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text() == "new"


def test_a_failed_folder_leaves_the_old_one(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    with atomic_folder(folder) as aside:
        (aside / "one").write_text("1")
    with pytest.raises(RuntimeError), atomic_folder(folder) as aside:
        (aside / "two").write_text("2")
        raise RuntimeError
    assert [p.name for p in folder.iterdir()] == ["one"]
    assert list(tmp_path.iterdir()) == [folder]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    for name in ("one", "two"):
        with atomic_folder(folder) as aside:
            (aside / name).write_text("x")
    assert [p.name for p in folder.iterdir()] == ["two"]


def test_a_killed_writer_leaves_a_leftover_that_is_removed(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from pathlib import Path; from depthwise.files import atomic_file\n"
        "with atomic_file(Path(sys.argv[1]) / 'a.txt') as aside:\n"
        "    aside.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [p.name.startswith(TEMPORARY) for p in tmp_path.iterdir()] == [True]
    remove_leftovers(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_written_files_are_readable_by_others(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.write_text("x")
    write_text(tmp_path / "ours", "x")
    assert (tmp_path / "ours").stat().st_mode == plain.stat().st_mode


def test_fingerprints_separate_their_parts() -> None:
    assert fingerprint("ab", "c") != fingerprint("a", "bc")
    assert fingerprint({"a": 1}) == fingerprint({"a": 1})


def test_the_cache_may_be_named_from_where_one_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEPTHWISE_CACHE", "cache")
    assert cache_folder("build") == tmp_path / "cache" / "build"
