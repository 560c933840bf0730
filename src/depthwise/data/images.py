"""What the room hands out (ImageData, Split) and what its sources hand in (Listing, Pictures)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from depthwise.data.preprocessing import Preprocessing

SplitName = Literal["train", "validation", "test"]
SPLITS: tuple[SplitName, ...] = ("train", "validation", "test")

Content = Path | bytes | np.ndarray
"""An image not yet decoded: a file, an encoded file's bytes, or uint8 pixels [H, W] or [H, W, 3]."""

Progress = Callable[[int, int], None]
"""Called with (images done, images in all), on the caller's thread."""


@dataclass(frozen=True, eq=False)
class Split:
    """Decoded images of one split, in the order of its source (folders: class by class, then by file name).

    Attributes:
        pixels: uint8 [N, size, size, channels]; large sets are mapped from the cache, so index them in batches.
        labels: int64 [N], index into the classes.
    """

    pixels: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class ImageData:
    """A data set, ready for training.

    Attributes:
        name: of the folder or data set.
        classes: their names, in label order.
        preprocessing: from an image file to the network's input.
        train, validation, test: to learn from, to choose by, and for the one final figure.
        skipped: "NAME: REASON" of each image that could not be read.
        fingerprint: changes when any file, the preprocessing or the split does.
        source: where the images came from, for people.
    """

    name: str
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    train: Split
    validation: Split
    test: Split
    skipped: tuple[str, ...]
    fingerprint: str
    source: str


@dataclass(frozen=True, eq=False)
class Pictures:
    """Labelled images of one split, not yet decoded.

    Attributes:
        names: how each is called in messages.
        labels: int64 [N].
        read: content of the i-th; called from several threads, may raise what opening a file may raise.
    """

    names: Sequence[str]
    labels: np.ndarray
    read: Callable[[int], Content]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, indices: np.ndarray) -> "Pictures":
        """Those at `indices`, in that order."""
        chosen = [int(index) for index in indices]
        return Pictures([self.names[index] for index in chosen], self.labels[indices], lambda i: self.read(chosen[i]))


@dataclass(frozen=True, eq=False)
class Listing:
    """A data set as its source has it: nothing decoded, perhaps without a validation or test split.

    Attributes:
        fingerprint: of the content, without preprocessing or split.
        skipped: "NAME: REASON" of files that are plainly no images.
    """

    name: str
    source: str
    classes: tuple[str, ...]
    splits: Mapping[SplitName, Pictures]
    fingerprint: str
    skipped: tuple[str, ...] = field(default=())
