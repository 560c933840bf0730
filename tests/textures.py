"""A small photo set of three classes (brick, grass, gravel) in two sizes, cut from CC0 photographs."""

from pathlib import Path

from PIL import Image

CLASSES = ("brick", "grass", "gravel")
_PHOTOS = Path(__file__).parent / "data" / "textures"


def save_textures(folder: Path, sizes: tuple[int, ...] = (64, 80), mode: str = "RGB") -> Path:
    """Writes train/CLASS/*.jpg from the left half of each photograph and test/CLASS/*.jpg from its right half.

    Args:
        folder: made if absent.
        sizes: of the square patches, in pixels; those of a size overlap by half: (64, 80) gives 160 a class and split.
        mode: "RGB" (grey to the eye) or "L".

    Returns:
        The folder.
    """
    for name in CLASSES:
        photo = Image.open(_PHOTOS / f"{name}.png").convert(mode)
        for split, left in (("train", 0), ("test", photo.width // 2)):
            (folder / split / name).mkdir(parents=True)
            for size in sizes:
                for y in range(0, photo.height - size + 1, size // 2):
                    for x in range(left, left + photo.width // 2 - size + 1, size // 2):
                        patch = photo.crop((x, y, x + size, y + size))
                        patch.save(folder / split / name / f"{size}-{y:03}-{x:03}.jpg", quality=90)
    return folder
