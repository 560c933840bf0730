"""Decoded pixels on disk: pixels/KEY/data/ in the cache folder, each entry whole or absent; deleting it is safe."""

import errno
import json
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import filelock
import numpy as np

from depthwise.data.images import SPLITS, Split, SplitName
from depthwise.data.preprocessing import Preprocessing
from depthwise.errors import UserError
from depthwise.files import atomic_folder, cache_folder, remove_leftovers


@dataclass(frozen=True, eq=False)
class Entry:
    """What is kept of a data set: its pixels (mapped, not read), how they were made, and what could not be read."""

    splits: dict[SplitName, Split]
    preprocessing: Preprocessing
    skipped: tuple[str, ...]


def load_or_make(key: str, make: Callable[[Path], None]) -> Entry:
    """The entry `key`; if absent or damaged, `make` fills its folder first, while other processes wait.

    Raises:
        UserError: if the cache cannot be written (full disk, no permission); what `make` raises.
    """
    try:
        folder = cache_folder("pixels") / key
        folder.mkdir(exist_ok=True)
        with filelock.FileLock(folder / ".lock"):
            remove_leftovers(folder)
            entry = _open(folder / "data")
            if entry is None:
                shutil.rmtree(folder / "data", ignore_errors=True)
                with atomic_folder(folder / "data") as aside:
                    make(aside)
                entry = _open(folder / "data")
    except OSError as error:
        reason = "the disk is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else error.strerror or str(error)
        raise UserError(
            f"decoded images cannot be kept in {error.filename or 'the cache'}: {reason}; "
            f"set DEPTHWISE_CACHE to a folder with room"
        ) from None
    assert entry is not None
    return entry


def write_split(folder: Path, split: SplitName, rows: Iterable[tuple[np.ndarray, int]], shape: tuple[int, ...]) -> None:
    """Writes pixels (each uint8 `shape`) and labels one by one: nothing is held in memory, and a full disk is an error.

    (Writing through a mapped file would kill the process when the disk is full.)
    """
    labels = []
    with (folder / f"{split}.npy").open("wb") as file:
        _write_header(file, 0, shape)
        for pixels, label in rows:
            file.write(pixels.tobytes())
            labels.append(label)
        # NumPy leaves room in the header for a growing first axis, so that it can be written over.
        file.seek(0)
        _write_header(file, len(labels), shape)
    np.save(folder / f"{split}.labels.npy", np.array(labels, np.int64))


def write_facts(folder: Path, preprocessing: Preprocessing, skipped: Iterable[str]) -> None:
    """Writes how the pixels were made and what was skipped."""
    facts = {"preprocessing": preprocessing.to_json(), "skipped": list(skipped)}
    (folder / "data.json").write_text(json.dumps(facts), encoding="utf-8")


def open_split(folder: Path, split: SplitName) -> Split:
    """Maps the pixels of one split. Writes to the arrays stay in memory, they do not reach the file."""
    pixels = np.load(folder / f"{split}.npy", mmap_mode="c")
    labels = np.load(folder / f"{split}.labels.npy")
    if len(pixels) != len(labels):
        raise ValueError(f"{len(pixels)} images, {len(labels)} labels")
    return Split(np.asarray(pixels), labels)


def _write_header(file: BinaryIO, count: int, shape: tuple[int, ...]) -> None:
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, *shape)}
    np.lib.format.write_array_header_1_0(file, header)


def _open(folder: Path) -> Entry | None:
    """None if absent or damaged."""
    try:
        facts = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        splits = {split: open_split(folder, split) for split in SPLITS}
        return Entry(splits, Preprocessing.from_json(facts["preprocessing"]), tuple(facts["skipped"]))
    except (OSError, ValueError, KeyError, EOFError):
        return None
