"""One image file to pixels: formats, modes, orientation, resize rules, and the files that cannot be read."""

import contextlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from depthwise import data
from depthwise.data import Preprocessing
from depthwise.data.decoding import UnreadableError, probe, to_pixels
from depthwise.errors import UserError
from pictures import picture

RGB = Preprocessing(size=32, channels=3)
GREY = Preprocessing(size=32, channels=1)


def corners(size: tuple[int, int]) -> Image.Image:
    """Red, green, blue and white quarters: left to right, top to bottom."""
    width, height = size
    image = Image.new("RGB", size, "white")
    image.paste("red", (0, 0, width // 2, height // 2))
    image.paste("lime", (width // 2, 0, width, height // 2))
    image.paste("blue", (0, height // 2, width // 2, height))
    return image


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".JPEG", ".bmp", ".gif", ".webp", ".tiff", ".ppm"])
def test_formats(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"image{suffix}"
    picture(3, (32, 32)).save(path)
    pixels = data.decode(path, RGB)
    assert pixels.shape == (32, 32, 3) and pixels.dtype == np.uint8
    assert abs(pixels.mean() - np.asarray(picture(3, (32, 32))).mean()) < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    """What a viewer shows is what the network sees, whichever way the camera was held."""
    upright = corners((64, 64))
    turn = Image.Transpose
    steps = [turn.FLIP_LEFT_RIGHT, turn.ROTATE_180, turn.FLIP_TOP_BOTTOM, turn.TRANSPOSE]
    steps += [turn.ROTATE_90, turn.TRANSVERSE, turn.ROTATE_270]
    stored = upright if orientation == 1 else upright.transpose(steps[orientation - 2])
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.jpg"
    stored.save(path, quality=100, subsampling=0, exif=exif)
    seen = data.decode(path, RGB)
    assert np.abs(seen.astype(int) - to_pixels(np.asarray(upright), RGB)).max() < 30


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGBA", "CMYK", "YCbCr"])
def test_modes(tmp_path: Path, mode: str) -> None:
    """Every mode gives the colours that Pillow shows, in both numbers of channels."""
    image = picture(4, (32, 32)).convert(mode)
    path = tmp_path / ("image.tiff" if mode in ("CMYK", "YCbCr") else "image.png")
    image.convert("P" if mode == "PA" else mode).save(path)
    for form, shown in ((RGB, "RGB"), (GREY, "L")):
        expected = np.asarray(image.convert("RGBA" if "A" in mode else "RGB").convert(shown), int)
        assert np.abs(data.decode(path, form).reshape(expected.shape) - expected).max() <= 8


def test_sixteen_bits_are_scaled_not_clipped(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(32, dtype=np.uint16) * 2048, (32, 1))
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    assert np.array_equal(data.decode(tmp_path / "deep.png", GREY)[..., 0], ramp >> 8)
    assert probe(tmp_path / "deep.png") == (32, True)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_pixels_are_white(tmp_path: Path, mode: str) -> None:
    image = Image.new("RGBA", (32, 32), (10, 10, 10, 255))
    image.paste((200, 0, 0, 0), (0, 0, 16, 32))
    if mode == "P":
        image = Image.new("P", (32, 32), 0)
        image.putpalette([200, 0, 0, 10, 10, 10])
        image.paste(1, (16, 0, 32, 32))
        image.save(tmp_path / "clear.png", transparency=0)
    else:
        image.convert(mode).save(tmp_path / "clear.png")
    pixels = data.decode(tmp_path / "clear.png", RGB)
    assert (pixels[:, :15] == 255).all() and (pixels[:, 17:] == 10).all()


@pytest.mark.parametrize(("width", "height"), [(64, 32), (32, 64), (33, 32), (300, 200)])
def test_crop_takes_the_centre(width: int, height: int) -> None:
    image = Image.new("RGB", (width, height), "black")
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    image.paste("white", (left, top, left + side, top + side))
    pixels = to_pixels(np.asarray(image), RGB)
    assert pixels[:, 1:-1].min() > 240 and pixels[1:-1].min() > 120


def test_squash_keeps_everything() -> None:
    pixels = to_pixels(np.asarray(corners((96, 48))), Preprocessing(size=32, resize="squash"))
    assert (pixels[0, 0] == (255, 0, 0)).all() and (pixels[0, -1] == (0, 255, 0)).all()
    assert (pixels[-1, 0] == (0, 0, 255)).all() and (pixels[-1, -1] == 255).all()


def test_pad_adds_black_bars() -> None:
    pixels = to_pixels(np.full((16, 64, 3), 200, np.uint8), Preprocessing(size=32, resize="pad"))
    assert (pixels[12:20] == 200).all() and not pixels[:12].any() and not pixels[20:].any()
    assert to_pixels(np.full((1, 500), 9, np.uint8), Preprocessing(size=32, channels=1, resize="pad")).any()


def test_sides_may_differ() -> None:
    """4 x 2 px, left half red, right half green, to twice as high as wide."""
    wide = np.zeros((20, 40, 3), np.uint8)
    wide[:, :20, 0], wide[:, 20:, 1] = 200, 200
    squashed, cropped, padded = (
        to_pixels(wide, Preprocessing(size=16, width=8, resize=rule)) for rule in ("squash", "crop", "pad")
    )
    assert squashed.shape == cropped.shape == padded.shape == (16, 8, 3)
    assert (squashed[:, 0] == (200, 0, 0)).all() and (squashed[:, -1] == (0, 200, 0)).all()
    assert (cropped[:, :3] == (200, 0, 0)).all() and (cropped[:, 5:] == (0, 200, 0)).all()
    assert (padded[6:10, 0] == (200, 0, 0)).all() and not padded[:6].any() and not padded[10:].any()
    high = np.full((1000, 7), 50, np.uint8)
    assert to_pixels(high, Preprocessing(size=49, channels=1, width=10)).min() == 50


def test_an_image_of_the_right_size_is_untouched() -> None:
    pixels = np.asarray(picture(7, (32, 32)))
    for rule in ("crop", "squash", "pad"):
        assert np.array_equal(to_pixels(pixels, Preprocessing(size=32, resize=rule)), pixels)


def test_reduced_decoding_of_large_jpegs_is_close_to_the_full_one(tmp_path: Path) -> None:
    large = picture(5, (800, 640))
    large.save(tmp_path / "large.jpg", quality=95)
    with Image.open(tmp_path / "large.jpg") as opened:
        full = to_pixels(np.asarray(opened), RGB)
    assert np.abs(data.decode(tmp_path / "large.jpg", RGB).astype(int) - full).max() <= 4


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    frames = [picture(number, (32, 32)) for number in (1, 4)]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    first = np.asarray(frames[0], int)
    assert np.abs(data.decode(tmp_path / "moving.gif", RGB) - first).mean() < 6


def damaged(folder: Path, kind: str) -> Path:
    """A file that is no whole image."""
    path = folder / "damaged.jpg"
    picture(1, (200, 200)).save(path)
    whole = path.read_bytes()
    contents = {
        "truncated": whole[: len(whole) // 2],
        "header only": whole[:200],
        "empty": b"",
        "text": b"<html>404</html>",
    }
    if kind == "folder":
        path.unlink()
        path.mkdir()
    elif kind == "absent":
        path.unlink()
    elif kind == "truncated png":
        path = folder / "damaged.png"
        picture(1, (200, 200)).save(path)
        path.write_bytes(path.read_bytes()[:-3000])
    elif kind == "float":
        path = folder / "damaged.tiff"
        Image.fromarray(np.ones((8, 8), np.float32)).save(path)
    elif kind == "bomb":
        path = folder / "damaged.png"
        Image.new("1", (20000, 20000)).save(path)
    else:
        path.write_bytes(contents[kind])
    return path


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("truncated", "truncated"),
        ("truncated png", ""),
        ("header only", ""),
        ("empty", "not an image in a format that Pillow reads"),
        ("text", "not an image in a format that Pillow reads"),
        ("folder", "directory"),
        ("absent", "the file does not exist"),
        ("float", "floating-point"),
        ("bomb", "limit"),
    ],
)
def test_unreadable_files_are_named_in_one_line(tmp_path: Path, kind: str, reason: str) -> None:
    path = damaged(tmp_path, kind)
    with pytest.raises(UserError) as error:
        data.decode(path, RGB)
    message = str(error.value)
    assert str(path) in message and reason in message and "\n" not in message
    with pytest.raises(UnreadableError):
        to_pixels(path, RGB)


def test_damaged_bytes_never_raise_anything_else(tmp_path: Path) -> None:
    """Random bytes overwritten in files of several formats: pixels or UnreadableError, nothing else."""
    generator = np.random.default_rng(0)
    for suffix in (".jpg", ".png", ".gif", ".bmp", ".tiff", ".webp"):
        path = tmp_path / f"image{suffix}"
        picture(2, (48, 48)).save(path)
        whole = np.frombuffer(path.read_bytes(), np.uint8)
        for _ in range(60):
            broken = whole.copy()
            places = generator.integers(0, len(broken), 6)
            broken[places] = generator.integers(0, 256, 6)
            path.write_bytes(broken[: generator.integers(1, len(broken) + 1)].tobytes())
            with contextlib.suppress(UserError):
                assert data.decode(path, RGB).shape == (32, 32, 3)
