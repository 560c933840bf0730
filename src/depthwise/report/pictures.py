"""Pictures of mistakes as data URIs, small enough for a page that carries dozens of them."""

import base64
import io
from pathlib import Path

from PIL import Image

LARGEST = 112
"""Pictures with a longer side than this many pixels are shrunk to it."""


def data_uri(path: Path) -> str | None:
    """A picture file as a data URI; None if it is missing or no picture."""
    try:
        with Image.open(path) as picture:
            picture.load()
            return _encode(picture)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _encode(picture: Image.Image) -> str:
    stream = io.BytesIO()
    if max(picture.size) <= LARGEST:
        kind = "png"
        picture.convert("L" if picture.mode in ("1", "L") else "RGB").save(stream, "PNG", optimize=True)
    else:
        kind = "jpeg"
        picture = picture.convert("RGB")
        picture.thumbnail((LARGEST, LARGEST))
        picture.save(stream, "JPEG", quality=85)
    return f"data:image/{kind};base64," + base64.b64encode(stream.getvalue()).decode()
