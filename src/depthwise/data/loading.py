"""load(): from a name or a path to decoded, split images; what has been decoded before comes from the cache."""

import difflib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

import PIL

from depthwise.data import cache, splits
from depthwise.data.fashion import fashion_mnist, fashion_mnist_subset
from depthwise.data.folders import list_folder
from depthwise.data.hub import holds_parquet, list_hub, list_parquet
from depthwise.data.images import ImageData, Listing, Progress
from depthwise.data.preparing import Request, prepare
from depthwise.data.preprocessing import ResizeRule
from depthwise.errors import UserError
from depthwise.files import fingerprint
from depthwise.registry import choose

_NAMED: Mapping[str, tuple[Callable[[Path | None], Listing], str]] = {
    "fashion-mnist": (
        fashion_mnist,
        "28 px grey, 10 classes; in full from --data-dir or Debian's package dataset-fashion-mnist, else the subset",
    ),
    "fashion-mnist-subset": (
        fashion_mnist_subset,
        "embedded, the same everywhere: 10,000 training and 2,000 test images of Fashion-MNIST",
    ),
}


def known() -> dict[str, str]:
    """The data sets that have a name here, each with one line on what it is."""
    return {name: description for name, (_, description) in _NAMED.items()}


def load(
    source: str | Path,
    *,
    data_dir: str | Path | None = None,
    size: int | tuple[int, int] | None = None,
    channels: int | None = None,
    resize: ResizeRule | None = None,
    split: tuple[float, float] = (0.15, 0.15),
    seed: int = 0,
    progress: Progress | None = None,
) -> ImageData:
    """Reads a data set, splits it where it comes unsplit, and decodes it.

    Args:
        source: a folder (train/CLASS/*.jpg or CLASS/*.jpg), a parquet file or a folder of them, one of `known()`, or a
            Hugging Face data set "user/name" ("hf:name" where there is no user).
        data_dir: where the files of a named set lie.
        size: height and width in pixels, a pair if they differ; None: the median of the shorter sides of the training
            images, rounded down to a multiple of 32, at most 224; a median below 32 is taken as it is.
        channels: 1 or 3; None: 1 if all images are grey by their file's mode, else 3.
        resize: see Preprocessing; None: "crop", or "squash" to sides that differ, as a spectrogram has no middle.
        split: fractions (validation, test) cut from the training images where the source has no such split.
        seed: of the cut.
        progress: called with (images done, images in all); not when they are in the cache.

    Raises:
        UserError: if the data cannot be found or used. Nothing half-written is left.
    """
    height, width = size if isinstance(size, tuple) else (size, size)
    resize = resize or ("crop" if height == width else "squash")
    _check_arguments(height, width, channels, resize, split)
    listing = find(str(source), Path(data_dir) if data_dir is not None else None)
    cut = (*map(float, split), seed) if splits.missing(listing.splits) else ()
    sides = height if height == width else (height, width)
    mark = fingerprint(listing.fingerprint, sides, channels, resize, cut)
    request = Request(height, width, channels, resize, split, seed)
    # Another version of Pillow may read other files, or other pixels from the same ones.
    entry = cache.load_or_make(
        fingerprint(mark, PIL.__version__), lambda folder: prepare(listing, request, folder, progress)
    )
    return ImageData(
        name=listing.name,
        classes=listing.classes,
        preprocessing=entry.preprocessing,
        train=entry.splits["train"],
        validation=entry.splits["validation"],
        test=entry.splits["test"],
        skipped=(*listing.skipped, *entry.skipped),
        fingerprint=mark,
        source=listing.source,
    )


def find(source: str, data_dir: Path | None = None) -> Listing:
    """What `source` means: a path that exists, a known name, a name on the hub, in this order ("hf:" skips to the hub).

    Raises:
        UserError: if it is none of them; the message lists what is known and the nearest.
    """
    path = Path(source).expanduser()
    if data_dir is not None and source not in _NAMED:
        raise UserError(f"a data folder is given for '{source}', but only named sets have one: {', '.join(_NAMED)}")
    if source in _NAMED:
        return _NAMED[source][0](data_dir)
    if source.startswith("hf:"):
        return list_hub(source.removeprefix("hf:"))
    if path.is_dir():
        return list_parquet(path) if holds_parquet(path) else list_folder(path)
    if path.is_file():
        if path.suffix.lower() == ".parquet":
            return list_parquet(path)
        raise UserError(f"'{source}' is a file: give a folder of images, or a .parquet file")
    if re.fullmatch(r"\w[\w.-]*/\w[\w.-]*(:[\w.-]+)?", source) and not path.parent.is_dir():
        return _hub_or_path(source)
    if "/" in source or "\\" in source or source.startswith((".", "~")):
        raise UserError(f"folder '{source}' does not exist{_nearest(path)}")
    try:
        choose("data set", source, _NAMED)
    except UserError as error:
        raise UserError(f"{error}; and there is no folder '{source}' here{_nearest(path)}") from None
    raise AssertionError(source)


def _hub_or_path(source: str) -> Listing:
    try:
        return list_hub(source)
    except UserError as error:
        raise UserError(f"there is no folder '{source}' here, and {error}") from None


def _nearest(path: Path) -> str:
    """A hint at a folder with nearly this name."""
    if not path.parent.is_dir():
        return ""
    names = [child.name for child in path.parent.iterdir() if child.is_dir()]
    near = difflib.get_close_matches(path.name, names, n=1)
    return f", but '{path.parent / near[0]}' does" if near else ""


def _check_arguments(
    height: int | None, width: int | None, channels: int | None, resize: str, split: tuple[float, float]
) -> None:
    for side in (height, width):
        if side is not None and not 1 <= side <= 4096:
            raise UserError(f"the image size is {side}: it is a number of pixels from 1 to 4096")
    if channels not in (None, 1, 3):
        raise UserError(f"images with {channels} channels: choose 1 (grey) or 3 (RGB)")
    choose("resize rule", resize, get_args(ResizeRule))
    if len(split) != 2 or not all(0 < share < 1 for share in split) or sum(split) >= 1:
        raise UserError(
            f"the split {tuple(split)} leaves a part empty: give two fractions (validation, test), each above 0, "
            f"together below 1"
        )
