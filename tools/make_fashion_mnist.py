"""Makes the embedded subset of Fashion-MNIST from the full set: python tools/make_fashion_mnist.py [FOLDER]

FOLDER holds the four official files; the default is where Debian's package `dataset-fashion-mnist` puts them. The same
folder always gives the same images. Each output is an xz-compressed .npy, uint8 [class, image, 28, 28], the images of a
class in official order.
"""

import lzma
import sys
from pathlib import Path

import numpy as np

from depthwise.data.fashion import CLASSES, DEBIAN, EMBEDDED, read_official
from depthwise.data.images import SplitName
from depthwise.files import atomic_file

SEED = 2017
PER_CLASS: dict[SplitName, int] = {"train": 1000, "test": 200}
# Four bits of literal context suit grey values; the dictionary holds the whole array.
FILTERS = [
    {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 4, "lp": 0, "pb": 0, "dict_size": 1 << 24}
]


def main(folder: Path) -> None:
    """Writes train.npy.xz and test.npy.xz into the package."""
    for split, count in PER_CLASS.items():
        images, labels = read_official(folder, split)
        generator = np.random.default_rng(SEED)
        chosen = [np.sort(generator.permutation(np.flatnonzero(labels == k))[:count]) for k in range(len(CLASSES))]
        with (
            atomic_file(EMBEDDED / f"{split}.npy.xz") as aside,
            lzma.open(aside, "wb", format=lzma.FORMAT_XZ, filters=FILTERS) as file,
        ):
            np.lib.format.write_array(file, images[np.stack(chosen)])


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DEBIAN)
