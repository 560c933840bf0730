"""Augmentation with kornia: small shifts, mirroring, brightness and contrast, for grey garments and photos alike.

Costs on two processor threads for 64 images: 2 ms at 28 px grey, 7 ms at 96 px colour, which is 2 to 6 % of a step of
the smallest networks. Resampling (rotation, random scale) costs 10 to 35 ms at 96 px and is left out for that.
"""

from collections.abc import Callable, Mapping

import kornia.augmentation as kornia
import numpy as np
import torch
from torch import Tensor, nn

from depthwise.registry import choose


def _light(height: int, width: int) -> list[nn.Module]:
    """Shifts by up to an eighth of the image, what comes in from outside being mirrored."""
    down, across = (min(max(1, side // 8), side - 1) for side in (height, width))
    if not down + across:
        return []
    padding = (across, down, across, down)  # left, top, right, bottom
    return [kornia.RandomCrop((height, width), padding=padding, padding_mode="reflect")]


def _standard(height: int, width: int) -> list[nn.Module]:
    """Shifts, brightness and contrast by up to a tenth and a fifth."""
    return [*_light(height, width), kornia.RandomBrightness((0.9, 1.1)), kornia.RandomContrast((0.8, 1.2))]


AUGMENTATIONS: Mapping[str, Callable[[int, int], list[nn.Module]]] = {
    "none": lambda *_: [],
    "light": _light,
    "standard": _standard,
}
"""Name -> the transforms for images of a height and width in pixels; mirroring is added by `Augmentation`."""


class Augmentation:
    """Changes a batch of images at random; the randomness is torch's global generator, see `seed_step`.

    Args:
        name: in AUGMENTATIONS; "none" leaves the images alone, mirroring included.
        height, width: of the images in pixels.
        flip: whether images may be mirrored left and right; only square ones are, as a spectrogram that is mirrored is
            another sound.

    Raises:
        UserError: an unknown name.
    """

    def __init__(self, name: str, height: int, width: int, flip: bool = True) -> None:
        transforms = AUGMENTATIONS[choose("augmentation", name, AUGMENTATIONS)](height, width)
        if flip and height == width and name != "none":
            transforms.append(kornia.RandomHorizontalFlip())
        self._transforms = transforms

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """float32 [N, C, H, W] in 0..1 to the same shape and range."""
        for transform in self._transforms:
            images = transform(images)
        return images


def seed_step(seed: int, epoch: int, step: int) -> None:
    """Makes the randomness of one step (augmentation, dropout) a function of its place, so that it can be repeated."""
    state = np.random.SeedSequence((seed, epoch, step)).generate_state(1, np.uint64)[0]
    torch.manual_seed(int(state >> np.uint64(1)))
