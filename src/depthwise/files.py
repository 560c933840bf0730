"""Files that are whole or absent: written aside and renamed. Also the user's cache folder and fingerprints."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from depthwise.errors import UserError

TEMPORARY = ".writing-"
"""Prefix of what is still being written; leftovers of a killed process begin with it."""


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write to; at a clean exit it takes the place of `path`, else it is removed.

    Raises:
        UserError: a device or a pipe is there.
    """
    path = _place(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=TEMPORARY, suffix=path.suffix, dir=path.parent)
    os.close(handle)
    aside = Path(name)
    aside.chmod(0o666 & ~_umask())
    try:
        yield aside
        with aside.open("rb") as written:
            os.fsync(written.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Gives an empty folder beside `path` to fill; at a clean exit it takes the place of `path`, else it is removed.

    Raises:
        UserError: a device or a pipe is there.
    """
    path = _place(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=TEMPORARY, suffix=path.suffix, dir=path.parent))
    aside.chmod(0o777 & ~_umask())
    try:
        yield aside
        if path.exists():
            old = Path(tempfile.mkdtemp(prefix=TEMPORARY, dir=path.parent))
            path.replace(old / path.name)
            aside.replace(path)
            shutil.rmtree(old, ignore_errors=True)
        else:
            aside.replace(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def open_to_readers(folder: Path) -> None:
    """Gives all in a folder that a library made for its owner alone the permissions of new files and folders."""
    for path in [folder, *folder.rglob("*")]:
        path.chmod((0o777 if path.is_dir() else 0o666) & ~_umask())


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole or not at all."""
    with atomic_file(path) as aside:
        aside.write_text(text, encoding="utf-8")


def remove_leftovers(folder: Path) -> None:
    """Removes what a killed process left half-written in `folder` (call it only under the folder's lock)."""
    for leftover in folder.glob(f"{TEMPORARY}*"):
        if leftover.is_dir():
            shutil.rmtree(leftover, ignore_errors=True)
        else:
            leftover.unlink(missing_ok=True)


def fingerprint(*parts: object) -> str:
    """Short hash of the `repr` (or the bytes) of its arguments; stable across processes for plain data."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:16]


def file_fingerprint(path: Path) -> str:
    """Short hash of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def cache_folder(name: str) -> Path:
    """The folder `name` in $DEPTHWISE_CACHE, else in $XDG_CACHE_HOME/depthwise, else in ~/.cache/depthwise."""
    root = os.environ.get("DEPTHWISE_CACHE")
    base = Path(root) if root else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "depthwise"
    folder = base.absolute() / name  # the compiler runs in another folder
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _place(path: Path) -> Path:
    """Where a path leads; a link stays one. A file renamed to /dev/null would take that from the whole machine."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UserError(f"'{path}' is a device or a pipe: give the name of a file or folder")
    return path.resolve()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
