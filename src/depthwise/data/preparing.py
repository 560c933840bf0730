"""From a Listing to decoded splits in a folder. The steps: probe, choose size and channels, split, decode, measure."""

import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from depthwise.data import cache, splits
from depthwise.data.decoding import UnreadableError, probe, quiet, to_pixels
from depthwise.data.images import Content, Listing, Pictures, Progress, SplitName
from depthwise.data.preprocessing import Preprocessing, ResizeRule

T = TypeVar("T")

_SAMPLE = 2000
"""Training images that mean and standard deviation are computed from, evenly spaced (all of a smaller set)."""
_BLOCK = 128
"""Images in flight at a time: bounds memory, and the time until Ctrl-C or a full disk is noticed."""


@dataclass(frozen=True)
class Request:
    """How to prepare: as the arguments of `load`, None where the data decides."""

    height: int | None
    width: int | None
    channels: int | None
    resize: ResizeRule
    fractions: tuple[float, float]
    seed: int


def prepare(listing: Listing, request: Request, folder: Path, progress: Progress | None) -> None:
    """Writes a cache entry into `folder`.

    Pillow lets go of the interpreter lock while it decodes and resizes, so threads use all cores.

    Raises:
        UserError: if a class or a split ends up without a readable image.
    """
    with (
        quiet(),
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):
        _Preparation(listing, request, folder, pool, progress).run()


class _Preparation:
    """One run of `prepare`: collects what is skipped and counts what is done."""

    def __init__(
        self, listing: Listing, request: Request, folder: Path, pool: ThreadPoolExecutor, progress: Progress | None
    ) -> None:
        self.listing, self.request, self.folder, self.pool, self.progress = listing, request, folder, pool, progress
        self.skipped: list[str] = []
        self.done = self.total = 0

    def run(self) -> None:
        shapes: dict[SplitName, list[tuple[int, bool]]] = {}
        readable: dict[SplitName, Pictures] = {}
        for name, pictures in self.listing.splits.items():
            found = list(self._map(probe, pictures))
            shapes[name] = [shape for _, shape in found]
            readable[name] = pictures.take(np.array([index for index, _ in found], np.int64))
        self._check({name: pictures.labels for name, pictures in readable.items()})
        form = self._form(shapes)
        parts = splits.complete(replace(self.listing, splits=readable), self.request.fractions, self.request.seed)
        self.total = sum(map(len, parts.values()))
        for name, pictures in parts.items():
            cache.write_split(self.folder, name, self._decode(pictures, form), form.shape)
        written = {name: cache.open_split(self.folder, name) for name in parts}
        self._check({name: split.labels for name, split in written.items()})
        mean, std = statistics(written["train"].pixels)
        cache.write_facts(self.folder, replace(form, mean=mean, std=std), self.skipped)

    def _check(self, labels: Mapping[SplitName, np.ndarray]) -> None:
        skipped = [*self.listing.skipped, *self.skipped]
        splits.check(self.listing.name, self.listing.classes, labels, skipped)

    def _form(self, shapes: Mapping[SplitName, list[tuple[int, bool]]]) -> Preprocessing:
        size = self.request.height or usual_size([shorter for shorter, _ in shapes["train"]])
        grey = all(is_grey for found in shapes.values() for _, is_grey in found)
        channels = self.request.channels or (1 if grey else 3)
        return Preprocessing(size, channels, self.request.resize, width=self.request.width or size)

    def _decode(self, pictures: Pictures, form: Preprocessing) -> Iterator[tuple[np.ndarray, int]]:
        for index, pixels in self._map(lambda content: to_pixels(content, form), pictures, counted=True):
            yield pixels, int(pictures.labels[index])

    def _map(self, work: Callable[[Content], T], pictures: Pictures, counted: bool = False) -> Iterator[tuple[int, T]]:
        """(index, result) of each readable picture, in order; the others are added to `skipped`."""

        def attempt(index: int) -> T | UnreadableError:
            try:
                return work(pictures.read(index))
            except UnreadableError as error:
                return error
            except (OSError, ValueError) as error:
                return UnreadableError(str(error))

        for start in range(0, len(pictures), _BLOCK):
            block = range(start, min(start + _BLOCK, len(pictures)))
            for index, result in zip(block, self.pool.map(attempt, block), strict=True):
                if isinstance(result, UnreadableError):
                    self.skipped.append(f"{pictures.names[index]}: {result}")
                else:
                    yield index, result
            if counted:
                self.done += len(block)
                if self.progress:
                    self.progress(self.done, self.total)


def usual_size(shorter_sides: list[int]) -> int:
    """The median of the shorter sides, rounded down to a multiple of 32, at most 224; as it is if below 32."""
    median = int(np.median(shorter_sides))
    return median if median < 32 else min(median // 32 * 32, 224)


def statistics(pixels: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel, of values scaled to 0..1, over at most 2,000 evenly spaced images.

    Args:
        pixels: uint8 [N, H, W, C].
    """
    chosen = np.unique(np.linspace(0, len(pixels) - 1, _SAMPLE).astype(np.int64))
    counts = np.zeros((pixels.shape[-1], 256))
    for start in range(0, len(chosen), _BLOCK):
        block = pixels[chosen[start : start + _BLOCK]]
        counts += [np.bincount(block[..., channel].ravel(), minlength=256) for channel in range(len(counts))]
    values = np.arange(256) / 255
    shares = counts / counts.sum(1, keepdims=True)
    mean = shares @ values
    # Images all of one value have no deviation: one grey level keeps the division finite.
    std = np.maximum(np.sqrt(np.maximum(shares @ values**2 - mean**2, 0)), 1 / 255)
    return tuple(round(float(value), 6) for value in mean), tuple(round(float(value), 6) for value in std)
