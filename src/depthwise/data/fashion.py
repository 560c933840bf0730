"""Fashion-MNIST: 28 x 28 grey pictures of ten kinds of clothing (Xiao, Rasul, Vollgraf, arXiv:1708.07747; MIT licence).

`fashion-mnist-subset` is embedded in this package: 10,000 of the official 60,000 training images and 2,000 of the
official 10,000 test images, balanced over the classes, the same on every machine; tools/make_fashion_mnist.py made it.
`fashion-mnist` is the full set where a folder is given or Debian's package `dataset-fashion-mnist` is installed, else
the embedded subset.
"""

import gzip
import lzma
import math
import struct
import zlib
from pathlib import Path

import numpy as np

from depthwise.data.images import Listing, Pictures, SplitName
from depthwise.errors import UserError
from depthwise.files import file_fingerprint, fingerprint

CLASSES = (
    "T-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)
EMBEDDED = Path(__file__).parent / "fashion_mnist"
DEBIAN = Path("/usr/share/datasets/fashion-mnist")
_OFFICIAL: dict[SplitName, str] = {"train": "train", "test": "t10k"}


def fashion_mnist(data_dir: Path | None) -> Listing:
    """The full set from `data_dir` or Debian's package, else the embedded subset. Raises UserError if damaged."""
    if data_dir is not None:
        return _full(data_dir)
    return _full(DEBIAN) if _image_file(DEBIAN, "t10k").is_file() else fashion_mnist_subset(None)


def fashion_mnist_subset(data_dir: Path | None) -> Listing:
    """The embedded subset. Raises UserError if a folder is given, which it cannot use."""
    if data_dir is not None:
        raise UserError(
            f"fashion-mnist-subset is embedded, not read from {data_dir}: write fashion-mnist for the full set there"
        )
    splits: dict[SplitName, Pictures] = {}
    for split in _OFFICIAL:
        # The shape [10, N, 28, 28] is the labels.
        with lzma.open(EMBEDDED / f"{split}.npy.xz") as file:
            images = np.lib.format.read_array(file, allow_pickle=False)
        labels = np.repeat(np.arange(len(images)), images.shape[1])
        splits[split] = _pictures(split, images.reshape(-1, *images.shape[2:]), labels)
    mark = fingerprint(*(file_fingerprint(EMBEDDED / f"{split}.npy.xz") for split in splits))
    source = "embedded subset of Fashion-MNIST: 10,000 of its training and 2,000 of its test images"
    return Listing("fashion-mnist-subset", source, CLASSES, splits, mark)


def read_idx(path: Path) -> np.ndarray:
    """An array of bytes in the gzipped IDX format of MNIST (http://yann.lecun.com/exdb/mnist).

    Raises:
        UserError: if the file is absent, cut short or something else.
    """
    try:
        data = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error}"
        raise UserError(
            f"{path} {reason}; Fashion-MNIST is four files {{train,t10k}}-*-ubyte.gz in one folder"
        ) from None
    # Header: two zero bytes, type (8 = unsigned byte), number of axes, then each axis as a big-endian 32-bit integer.
    axes = data[3] if len(data) > 3 and data[:3] == b"\0\0\x08" else 0
    shape = struct.unpack_from(f">{axes}I", data, 4) if len(data) >= 4 + 4 * axes else ()
    if not shape or len(data) != 4 + 4 * axes + math.prod(shape):
        raise UserError(f"{path} is not a whole IDX file of bytes: download it again")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def read_official(folder: Path, split: SplitName) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 [N, 28, 28] and labels int64 [N] of the official "train" or "test" set. Raises UserError."""
    images = read_idx(_image_file(folder, _OFFICIAL[split]))
    labels = read_idx(folder / f"{_OFFICIAL[split]}-labels-idx1-ubyte.gz").astype(np.int64)
    if images.ndim != 3 or labels.shape != images.shape[:1] or labels.max(initial=0) >= len(CLASSES):
        raise UserError(
            f"{folder}: Fashion-MNIST's {split} images {images.shape} and labels {labels.shape} do not fit together"
        )
    return images, labels


def _full(folder: Path) -> Listing:
    splits = {split: _pictures(split, *read_official(folder, split)) for split in _OFFICIAL}
    files = [_image_file(folder, stem) for stem in _OFFICIAL.values()]
    mark = fingerprint(
        *(file_fingerprint(path) for path in files), *(pictures.labels.tobytes() for pictures in splits.values())
    )
    return Listing("fashion-mnist", f"full Fashion-MNIST from {folder}", CLASSES, splits, mark)


def _pictures(split: str, images: np.ndarray, labels: np.ndarray) -> Pictures:
    names = [f"{split}[{index}]" for index in range(len(images))]
    return Pictures(names, labels.astype(np.int64), images.__getitem__)


def _image_file(folder: Path, stem: str) -> Path:
    return folder / f"{stem}-images-idx3-ubyte.gz"
