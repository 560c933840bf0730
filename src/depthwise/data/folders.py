"""Folders of images: train/CLASS/*.jpg with optional validation and test folders, or CLASS/*.jpg.

Hidden files and folders are ignored, symbolic links followed. A class holds its images directly; files there that are
no images are listed as skipped.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from depthwise.data.images import Listing, Pictures, SplitName
from depthwise.errors import UserError
from depthwise.files import fingerprint

SPLIT_FOLDERS: Mapping[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""Folder name in lower case -> split."""
_LITTER = {"thumbs.db", "desktop.ini"}


def list_folder(folder: Path) -> Listing:
    """The images of a folder in one of the two layouts.

    Raises:
        UserError: if the folder is missing, empty or laid out otherwise.
    """
    children = _children(folder)
    folders = [child for child in children if child.is_dir()]
    name = folder.name or folder.resolve().name
    if not folders:
        raise UserError(
            f"{folder} holds {'images, but' if children else 'nothing:'} no class folders: "
            f"put the images of each class into a folder named after it, {folder}/CLASS/*.jpg"
        )
    roots = _split_folders(folder, folders)
    classes = _classes(roots["train"] if roots else folder)
    skipped: list[str] = []
    stats: list[tuple[str, int, int]] = []
    splits: dict[SplitName, Pictures] = {}
    for split, root in (roots or {"train": folder}).items():
        found = _class_folders(root)
        if extra := sorted(set(found) - set(classes)):
            raise UserError(f"{root} has the class '{extra[0]}', which {roots['train']} lacks: rename or remove it")
        splits[split] = _list_split(folder, [found.get(class_name) for class_name in classes], skipped, stats)
    mark = fingerprint(classes, sorted(splits), stats)
    return Listing(name, f"folder {folder}", tuple(classes), splits, mark, tuple(skipped))


def _children(folder: Path) -> list[Path]:
    try:
        return sorted(child for child in folder.iterdir() if not child.name.startswith("."))
    except OSError as error:
        raise UserError(f"folder '{folder}' cannot be read: {error.strerror}") from None


def _class_folders(root: Path) -> dict[str, Path]:
    return {child.name: child for child in _children(root) if child.is_dir()}


def _split_folders(folder: Path, folders: Sequence[Path]) -> dict[SplitName, Path]:
    """Split -> its folder; empty if the layout is CLASS/*.jpg."""
    roots: dict[SplitName, Path] = {}
    for child in folders:
        split = SPLIT_FOLDERS.get(child.name.lower())
        # A class may be called "test"; a folder of a split holds folders.
        if split is None or not _class_folders(child):
            continue
        if split in roots:
            raise UserError(f"{folder} has {roots[split].name}/ and {child.name}/, both {split} splits: keep one")
        roots[split] = child
    if "train" not in roots and (roots or all(child.name.lower() in SPLIT_FOLDERS for child in folders)):
        given = " and ".join(f"{child.name}/" for child in folders)
        raise UserError(
            f"{folder} has {given}, but no train/ with class folders: put the images of each class into "
            f"{folder}/train/CLASS/*.jpg"
        )
    return roots


def _classes(root: Path) -> list[str]:
    found = _class_folders(root)
    for name, path in found.items():
        if not name.isprintable():
            raise UserError(
                f"class folder {path!s:.200} has an unprintable name: rename it".encode(errors="replace").decode()
            )
    if len(found) == 1:
        (only,) = found.values()
        hint = f"; {only} holds folders itself: did you mean that one?" if _class_folders(only) else ""
        raise UserError(f"{root} has only the class '{only.name}', a classifier needs two or more{hint}")
    for path in found.values():
        if not any(_is_image(child) for child in _children(path)):
            inner = [child.name for child in _children(path)][:3]
            holds = f"it holds {', '.join(inner)}" if inner else "it is empty"
            raise UserError(
                f"class folder {path} has no image directly in it ({holds}): put images there, or remove the folder"
            )
    return list(found)


def _is_image(path: Path) -> bool:
    """Whether the suffix says that Pillow reads it."""
    suffixes = Image.registered_extensions()
    return suffixes.get(path.suffix.lower()) in Image.OPEN and not path.is_dir()


def _list_split(
    folder: Path, class_folders: Sequence[Path | None], skipped: list[str], stats: list[tuple[str, int, int]]
) -> Pictures:
    """The images of one split in order; appends to `skipped`, and (path, bytes, modification time) to `stats`."""
    paths: list[Path] = []
    labels: list[int] = []
    for label, class_folder in enumerate(class_folders):
        for path in _children(class_folder) if class_folder else ():
            if path.is_dir() or path.name.lower() in _LITTER:
                continue
            name = path.relative_to(folder).as_posix()
            if not _is_image(path):
                skipped.append(f"{name}: not an image format that Pillow reads")
                continue
            try:
                stat = path.stat()
            except OSError as error:
                skipped.append(f"{name}: {error.strerror}")
                continue
            paths.append(path)
            labels.append(label)
            stats.append((name, stat.st_size, stat.st_mtime_ns))
    names = [path.relative_to(folder).as_posix() for path in paths]
    return Pictures(names, np.array(labels, np.int64), paths.__getitem__)
