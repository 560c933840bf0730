"""From an image file to uint8 pixels: everything that Pillow reads, one way for training and for `run`."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from depthwise.data.images import Content
from depthwise.data.preprocessing import Preprocessing
from depthwise.errors import UserError

_GREY_MODES = {"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"}


class UnreadableError(Exception):
    """An image cannot be read; the message is the reason, without the name."""


def decode(path: Path | str, preprocessing: Preprocessing) -> np.ndarray:
    """One image file as the network's training images were: uint8 [height, width, channels].

    Raises:
        UserError: if the file does not exist or is no whole image.
    """
    try:
        with quiet():
            return to_pixels(Path(path), preprocessing)
    except UnreadableError as error:
        raise UserError(f"cannot read image '{path}': {error}") from None


def probe(content: Content) -> tuple[int, bool]:
    """The shorter side in pixels, and whether the image is grey; from the header alone. Raises UnreadableError."""
    if isinstance(content, np.ndarray):
        return min(content.shape[:2]), content.ndim == 2
    with _readable(), _open(content) as image:
        return min(image.size), image.mode in _GREY_MODES


def to_pixels(content: Content, preprocessing: Preprocessing) -> np.ndarray:
    """Decodes, turns as the EXIF orientation says, converts the colours and resizes: uint8 [height, width, channels].

    Transparent pixels become white, 16-bit grey is divided by 256, of an animation the first frame is taken. Resizing
    is bilinear with antialiasing.

    Raises:
        UnreadableError: with the reason.
    """
    mode = "L" if preprocessing.channels == 1 else "RGB"
    with _readable(), _open(content) as opened:
        # JPEG decodes at 1/2, 1/4 or 1/8 for less work; twice the size is kept so that the resize decides the quality.
        enough = 2 * max(preprocessing.size, preprocessing.width)
        opened.draft(mode, (enough, enough))
        image = _resize(_convert(ImageOps.exif_transpose(opened), mode), preprocessing)
        return np.asarray(image, np.uint8).reshape(preprocessing.shape)


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps Pillow's warnings (odd EXIF, large images) from the terminal. Enter it outside of thread pools."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _open(content: Content) -> Image.Image:
    if isinstance(content, np.ndarray):
        return Image.fromarray(content)
    return Image.open(io.BytesIO(content) if isinstance(content, bytes) else content)


@contextmanager
def _readable() -> Iterator[None]:
    """Turns what Pillow raises into UnreadableError."""
    try:
        yield
    except FileNotFoundError:
        raise UnreadableError("the file does not exist") from None
    except UnidentifiedImageError:
        raise UnreadableError("not an image in a format that Pillow reads") from None
    except Exception as error:  # Pillow's format readers let through whatever damaged bytes lead to
        reason = (isinstance(error, OSError) and error.strerror) or str(error) or type(error).__name__
        raise UnreadableError(reason.splitlines()[0]) from None


def _convert(image: Image.Image, mode: str) -> Image.Image:
    """To "L" or "RGB". Pillow alone would clip 16-bit grey at 255 and show the colour behind transparent pixels."""
    if image.mode == "F":
        raise ValueError("floating-point pixels have no agreed range: save it with 8 or 16 bits")
    if image.mode.startswith("I"):
        sixteen = np.asarray(image)
        image = Image.fromarray((np.clip(sixteen, 0, 65535) >> 8).astype(np.uint8))
    elif image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.new("RGBA", image.size, "white")
        image.alpha_composite(layer)
    return image if image.mode == mode else image.convert(mode)


def _resize(image: Image.Image, preprocessing: Preprocessing) -> Image.Image:
    size, (width, height) = (preprocessing.width, preprocessing.size), image.size
    bilinear = Image.Resampling.BILINEAR
    if preprocessing.resize == "squash":
        return image.resize(size, bilinear)
    if preprocessing.resize == "crop":
        kept_width, kept_height = min(width, height * size[0] / size[1]), min(height, width * size[1] / size[0])
        left, top = (width - kept_width) / 2, (height - kept_height) / 2
        return image.resize(size, bilinear, box=(left, top, left + kept_width, top + kept_height))
    scale = min(size[0] / width, size[1] / height)
    fitted = image.resize((max(1, round(width * scale)), max(1, round(height * scale))), bilinear)
    canvas = Image.new(image.mode, size)
    canvas.paste(fitted, ((size[0] - fitted.width) // 2, (size[1] - fitted.height) // 2))
    return canvas
