"""Data sets of the Hugging Face hub and local parquet files, both through the `datasets` library ([train] extra)."""

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from depthwise.data.images import Content, Listing, Pictures, SplitName
from depthwise.errors import UserError, missing_extra
from depthwise.files import cache_folder, fingerprint

_SPLIT_WORDS: Mapping[str, SplitName] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
_IMAGE_NAMES = ("image", "img", "picture", "pixel_values")
_LABEL_NAMES = ("label", "labels", "fine_label", "class", "target", "category")


def list_hub(name: str) -> Listing:
    """A data set of the hub: "user/name", or "user/name:configuration".

    Raises:
        UserError: without the library, the network or such a data set, or if its columns are not images and labels.
    """
    datasets = _library(f"the Hugging Face data set '{name}'")
    repository, _, configuration = name.partition(":")
    try:
        with _silent_logs():
            loaded = datasets.load_dataset(repository, configuration or None)
    except Exception as error:  # the library lets through errors of every layer below it
        raise UserError(f"the Hugging Face data set '{name}' cannot be loaded: {_one_line(error)}") from None
    # The addresses hold the revision, so they stand for the content.
    checksums = [sorted((part.info.download_checksums or {}).items()) for part in loaded.values()]
    return _listing(name, f"Hugging Face data set {name}", loaded, repr(checksums))


def list_parquet(path: Path) -> Listing:
    """A parquet file or a folder of them, splits by file or folder name (train-00000-of-00002.parquet, test/0.parquet).

    Raises:
        UserError: without the library, if a file is damaged, or if the columns are not images and labels.
    """
    datasets = _library(f"reading {path}")
    files = _parquet_files(path)
    by_split: dict[str, list[str]] = {}
    for file in files:
        by_split.setdefault(_split_of(file.relative_to(path) if path.is_dir() else Path(file.name)), []).append(
            str(file)
        )
    try:
        datasets.disable_progress_bars()
        with _silent_logs():
            loaded = datasets.load_dataset("parquet", data_files=by_split, cache_dir=str(cache_folder("datasets")))
    except Exception as error:
        raise UserError(f"{path} cannot be read as parquet: {_one_line(error)}") from None
    finally:
        datasets.enable_progress_bars()
    stats = [(file.name, file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return _listing(path.stem, f"parquet {path}", loaded, repr(stats))


def holds_parquet(folder: Path) -> bool:
    """Whether a folder has parquet files in it, or in a folder directly in it."""
    return any(True for pattern in ("*.parquet", "*/*.parquet") for _ in folder.glob(pattern))


def _parquet_files(path: Path) -> list[Path]:
    """The file itself, or the parquet files below a folder, sorted; hidden ones left out."""
    if path.is_file():
        return [path]
    found = path.rglob("*.parquet")
    return sorted(file for file in found if not any(part.startswith(".") for part in file.relative_to(path).parts))


def _library(what: str) -> Any:
    try:
        import datasets
    except ImportError:
        raise missing_extra(what, "datasets", "train") from None
    return datasets


@contextmanager
def _silent_logs() -> Iterator[None]:
    """Keeps the libraries' lines on retries and damaged files from the terminal: what matters is in their exception."""
    loggers = [logging.getLogger(name) for name in ("datasets", "huggingface_hub")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _one_line(error: Exception) -> str:
    cause = error.__cause__ or error
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0]


def _split_of(path: Path) -> SplitName:
    words = [word for part in path.parts for word in re.split(r"[^a-z]+", part.lower())]
    return next((_SPLIT_WORDS[word] for word in words if word in _SPLIT_WORDS), "train")


def _listing(name: str, source: str, loaded: Mapping[str, Any], mark: str) -> Listing:
    tables: dict[SplitName, Any] = {}
    for key, table in loaded.items():
        split = _SPLIT_WORDS.get(key.lower())
        if split is not None and split not in tables:
            tables[split] = table
    if "train" not in tables:
        if len(loaded) != 1:
            raise UserError(f"{name} has the splits {', '.join(loaded)}, but none called train")
        tables = {"train": next(iter(loaded.values()))}
    image_column, label_column = _columns(name, tables["train"].features)
    values = {split: table[label_column] for split, table in tables.items()}
    classes, labels = _encode(name, tables["train"].features[label_column], values)
    splits: dict[SplitName, Pictures] = {}
    for split, table in tables.items():
        known = np.flatnonzero(labels[split] >= 0)  # hidden test labels are given as -1
        if len(known) or split == "train":
            splits[split] = _pictures(split, table, image_column, labels[split]).take(known)
    parts = [(split, len(pictures), pictures.labels.tobytes()) for split, pictures in splits.items()]
    return Listing(name, source, classes, splits, fingerprint(mark, image_column, classes, parts))


def _columns(name: str, features: Mapping[str, Any]) -> tuple[str, str]:
    """Names of the image and the label column: by feature type first, then by common names."""
    kinds = {column: type(feature).__name__ for column, feature in features.items()}
    plain = [column for column, kind in kinds.items() if kind == "Value"]
    encoded = [column for column in features if _holds_files(features[column])]
    image = _pick([c for c in kinds if kinds[c] == "Image"] or [c for c in _IMAGE_NAMES if c in encoded], _IMAGE_NAMES)
    label = _pick(
        [c for c in kinds if kinds[c] == "ClassLabel"] or [c for c in _LABEL_NAMES if c in plain], _LABEL_NAMES
    )
    for column, what, names in ((image, "image", _IMAGE_NAMES), (label, "label", _LABEL_NAMES)):
        if column is None:
            have = ", ".join(f"{column} ({kind})" for column, kind in kinds.items())
            raise UserError(f"{name} has no single {what} column; it has {have}: name one of them '{names[0]}'")
    assert image is not None and label is not None
    return image, label


def _pick(columns: Sequence[str], names: Sequence[str]) -> str | None:
    if len(columns) == 1:
        return columns[0]
    return next((name for name in names if name in columns), None)


def _holds_files(feature: Any) -> bool:
    """Whether a column holds encoded images without saying so: bytes, or a record with bytes in it."""
    inner = feature.get("bytes") if isinstance(feature, dict) else feature
    return getattr(inner, "dtype", None) in ("binary", "large_binary")


def _encode(
    name: str, feature: Any, values: Mapping[SplitName, Sequence[Any]]
) -> tuple[tuple[str, ...], dict[SplitName, np.ndarray]]:
    """Class names, and labels as int64 per split (-1: none)."""
    names = getattr(feature, "names", None)
    if names is not None:
        codes = {code: code for code in range(len(names))}
        classes = tuple(map(str, names))
    else:
        present = sorted({value for value in values["train"] if value is not None and value != -1})
        codes = {value: code for code, value in enumerate(present)}
        classes = tuple(map(str, present))
    labels: dict[SplitName, np.ndarray] = {}
    for split, column in values.items():
        unknown = {value for value in column if value is not None and value != -1 and value not in codes}
        if unknown:
            raise UserError(f"{name}: the label {min(unknown)!r} of the {split} split does not occur in training")
        labels[split] = np.array([codes.get(value, -1) for value in column], np.int64)
    return classes, labels


def _pictures(split: str, table: Any, column: str, labels: np.ndarray) -> Pictures:
    import datasets

    if type(table.features[column]).__name__ == "Image":
        table = table.cast_column(column, datasets.Image(decode=False))
    table = table.select_columns([column])

    def read(index: int) -> Content:
        value = table[index][column]
        encoded = value.get("bytes") if isinstance(value, dict) else value
        if isinstance(encoded, bytes):
            return encoded
        if isinstance(value, dict) and value.get("path"):
            return Path(value["path"])
        raise ValueError("the row holds no image")

    return Pictures([f"{split}[{index}]" for index in range(len(labels))], labels, read)
