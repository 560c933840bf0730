"""Small images made for tests: each has a colour of its own, so that it can be told from the others after decoding."""

from pathlib import Path

import numpy as np
from PIL import Image


def picture(number: int, size: tuple[int, int] = (40, 36), mode: str = "RGB") -> Image.Image:
    """An image (width, height) of smooth noise round a grey level that depends on `number`."""
    noise = np.random.default_rng(number).integers(0, 40, (size[1] // 4 + 1, size[0] // 4 + 1, 3), np.uint8)
    level = np.uint8(37 * number % 200)
    return Image.fromarray(noise + level).resize(size, Image.Resampling.BICUBIC).convert(mode)


def save_pictures(folder: Path, count: int, suffix: str = ".png", first: int = 0, mode: str = "RGB") -> list[Path]:
    """Writes `count` different images into a folder and returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:03}{suffix}" for number in range(first, first + count)]
    for number, path in enumerate(paths, first):
        picture(number, mode=mode).save(path)
    return paths
