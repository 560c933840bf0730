"""Folders of images: the layouts, what is skipped, and what is refused."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from depthwise import data
from depthwise.errors import UserError
from pictures import picture, save_pictures
from textures import CLASSES, save_textures


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """CLASS/*.png: 10 cats, 20 dogs."""
    folder = tmp_path / "photos"
    save_pictures(folder / "cat", 10)
    save_pictures(folder / "dog", 20, first=100)
    return folder


@pytest.fixture
def split_photos(tmp_path: Path) -> Path:
    """All three splits."""
    folder = tmp_path / "split"
    for start, name, count in ((0, "train", 6), (200, "val", 3), (300, "test", 4)):
        save_pictures(folder / name / "cat", count, first=start)
        save_pictures(folder / name / "dog", count, first=start + 50)
    return folder


def sizes(images: data.ImageData) -> list[list[int]]:
    """Images per class, for training, validation and test."""
    return [np.bincount(split.labels).tolist() for split in (images.train, images.validation, images.test)]


def contents(split: data.Split) -> set[bytes]:
    return {pixels.tobytes() for pixels in split.pixels}


def test_class_folders_are_split_by_class(photos: Path) -> None:
    images = data.load(photos, split=(0.2, 0.3))
    assert images.classes == ("cat", "dog") and images.name == "photos"
    assert sizes(images) == [[5, 10], [2, 4], [3, 6]]
    parts = [contents(split) for split in (images.train, images.validation, images.test)]
    assert len(set.union(*parts)) == 30 == sum(map(len, parts))


def test_the_cut_depends_on_the_seed_alone(photos: Path, cache: Path) -> None:
    first = data.load(photos, seed=1)
    shutil.rmtree(cache)
    again, other = data.load(photos, seed=1), data.load(photos, seed=2)
    assert np.array_equal(first.test.pixels, again.test.pixels) and first.fingerprint == again.fingerprint
    assert contents(first.test) != contents(other.test) and first.fingerprint != other.fingerprint


def test_three_images_of_a_class_are_one_each(tmp_path: Path) -> None:
    for start, name in ((0, "a"), (10, "b")):
        save_pictures(tmp_path / "few" / name, 3, first=start)
    assert sizes(data.load(tmp_path / "few", split=(0.45, 0.45))) == [[1, 1], [1, 1], [1, 1]]


def test_two_images_of_a_class_are_too_few(photos: Path) -> None:
    save_pictures(photos / "eel", 2, first=500)
    with pytest.raises(UserError, match=r"class 'eel' of photos has 2 readable images, but train and validation and"):
        data.load(photos)


def test_given_splits_are_kept(split_photos: Path) -> None:
    assert sizes(data.load(split_photos)) == [[6, 6], [3, 3], [4, 4]]
    assert data.load(split_photos, seed=1).fingerprint == data.load(split_photos, seed=2).fingerprint


@pytest.mark.parametrize("name", ["val", "valid", "validation", "Validation"])
def test_names_of_the_validation_folder(split_photos: Path, name: str) -> None:
    (split_photos / "val").rename(split_photos / "aside")
    (split_photos / "aside").rename(split_photos / name)
    assert sizes(data.load(split_photos)) == [[6, 6], [3, 3], [4, 4]]


def test_what_is_missing_is_cut_from_training(split_photos: Path) -> None:
    given = contents(data.load(split_photos).train)
    shutil.rmtree(split_photos / "val")
    images = data.load(split_photos, split=(0.34, 0.15))
    assert sizes(images) == [[4, 4], [2, 2], [4, 4]]
    assert contents(images.train) | contents(images.validation) == given
    shutil.rmtree(split_photos / "test")
    assert sizes(data.load(split_photos)) == [[4, 4], [1, 1], [1, 1]]


def test_classes_may_be_called_like_splits(tmp_path: Path) -> None:
    save_pictures(tmp_path / "exams" / "test", 5)
    save_pictures(tmp_path / "exams" / "homework", 5, first=50)
    assert data.load(tmp_path / "exams").classes == ("homework", "test")


def test_a_class_may_be_called_train(photos: Path) -> None:
    save_pictures(photos / "train", 4, first=800)
    assert data.load(photos).classes == ("cat", "dog", "train")


def test_order_is_by_class_and_name(split_photos: Path) -> None:
    images = data.load(split_photos)
    paths = sorted((split_photos / "test").glob("*/*.png"))
    for pixels, path in zip(images.test.pixels, paths, strict=True):
        assert np.array_equal(pixels, data.decode(path, images.preprocessing))


def test_hidden_files_suffixes_and_links(photos: Path, tmp_path: Path) -> None:
    (photos / ".cache").mkdir()
    (photos / "cat" / ".hidden.png").write_bytes(b"")
    (photos / "cat" / "Thumbs.db").write_bytes(b"")
    (photos / "cat" / "notes.txt").write_text("ten cats")
    (photos / "README.txt").write_text("pets")
    picture(600).save(photos / "cat" / "UPPER.JPG")
    picture(601).save(tmp_path / "elsewhere.png")
    (photos / "cat" / "link.png").symlink_to(tmp_path / "elsewhere.png")
    save_pictures(tmp_path / "birds", 4, first=700)
    (photos / "bird").symlink_to(tmp_path / "birds")
    (photos / "cat" / "dangling.png").symlink_to(tmp_path / "gone.png")
    images = data.load(photos)
    assert images.classes == ("bird", "cat", "dog")
    assert np.sum(sizes(images), axis=0).tolist() == [4, 12, 20]
    assert images.skipped == (
        "cat/dangling.png: No such file or directory",
        "cat/notes.txt: not an image format that Pillow reads",
    )


def test_unreadable_images_are_listed_and_skipped(photos: Path) -> None:
    (photos / "cat" / "empty.jpg").write_bytes(b"")
    picture(1, (300, 300)).save(photos / "dog" / "cut.jpg")
    whole = (photos / "dog" / "cut.jpg").read_bytes()
    (photos / "dog" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    images = data.load(photos)
    assert np.sum(sizes(images), axis=0).tolist() == [10, 20]
    assert [line.split(":")[0] for line in images.skipped] == ["cat/empty.jpg", "dog/cut.jpg"]
    assert "truncated" in images.skipped[1]
    assert data.load(photos).skipped == images.skipped


def test_a_class_without_a_readable_image_in_a_split(split_photos: Path, cache: Path) -> None:
    for path in (split_photos / "val" / "dog").iterdir():
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(
        UserError, match=r"class 'dog' has no readable image in the validation split of split \(3 unread"
    ):
        data.load(split_photos)
    assert not list(cache.rglob("*.npy")) and not list(cache.rglob(".writing-*"))


def test_size_and_channels_come_from_the_images(tmp_path: Path) -> None:
    for name, size, mode, expected in (
        ("small", (28, 40), "L", (28, 1)),
        ("tiny", (9, 8), "RGB", (8, 3)),
        ("middle", (100, 140), "L", (96, 1)),
        ("large", (400, 300), "RGB", (224, 3)),
    ):
        for number, class_name in enumerate("ab"):
            (tmp_path / name / class_name).mkdir(parents=True)
            for index in range(3):
                picture(index + 9 * number, size, mode).save(tmp_path / name / class_name / f"{index}.png")
        form = data.load(tmp_path / name).preprocessing
        assert (form.size, form.channels) == expected


def test_one_colour_image_makes_the_set_colour(tmp_path: Path) -> None:
    for number, name in enumerate("ab"):
        save_pictures(tmp_path / "grey" / name, 4, first=10 * number, mode="L")
    assert data.load(tmp_path / "grey").preprocessing.channels == 1
    picture(99).save(tmp_path / "grey" / "a" / "colour.png")
    assert data.load(tmp_path / "grey").preprocessing.channels == 3
    assert data.load(tmp_path / "grey", channels=1).train.pixels.shape[-1] == 1


def test_textures_of_two_sizes(tmp_path: Path) -> None:
    images = data.load(save_textures(tmp_path / "textures"))
    assert images.classes == CLASSES and images.preprocessing.size == 64
    assert sizes(images) == [[136] * 3, [24] * 3, [160] * 3]
    path = tmp_path / "textures" / "test" / "grass" / "80-040-296.jpg"
    with Image.open(path) as patch:
        assert patch.size == (80, 80)
    index = 160 + sorted(path.parent.iterdir()).index(path)
    assert np.array_equal(images.test.pixels[index], data.decode(path, images.preprocessing))


def remove(name: str) -> Callable[[Path], None]:
    return lambda folder: shutil.rmtree(folder / name)


def move_out(folder: Path) -> None:
    """Images directly in the folder."""
    for path in folder.glob("*/*.png"):
        path.rename(folder / f"{path.parent.name}{path.name}")
    for child in ("cat", "dog"):
        (folder / child).rmdir()


def nest(folder: Path) -> None:
    (folder / "cat" / "indoor").mkdir()
    for path in (folder / "cat").glob("*.png"):
        path.rename(folder / "cat" / "indoor" / path.name)


def empty(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def flat_train(folder: Path) -> None:
    save_pictures(folder / "train", 3)
    save_pictures(folder / "test" / "cat", 3)


def other_file(folder: Path) -> None:
    shutil.rmtree(folder / "cat")
    (folder / "cat").mkdir()
    (folder / "cat" / "IMG_1.heic").write_bytes(b"heic")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shutil.rmtree, "photos' does not exist"),
        (empty, "holds nothing: no class folders: put the images of each class into a folder named after it"),
        (move_out, "holds images, but no class folders: put the images of each class into a folder named after it"),
        (remove("cat"), "has only the class 'dog', a classifier needs two or more"),
        (nest, "cat has no image directly in it (it holds indoor): put images there, or remove the folder"),
        (other_file, "cat has no image directly in it (it holds IMG_1.heic)"),
        (lambda folder: (folder / "eel").mkdir(), "eel has no image directly in it (it is empty)"),
        (flat_train, "has cat/ and dog/ and test/ and train/, but no train/ with class folders: put the images"),
    ],
)
def test_bad_folders(photos: Path, change: Callable[[Path], None], message: str) -> None:
    change(photos)
    with pytest.raises(UserError) as error:
        data.load(photos)
    assert message in str(error.value) and str(photos) in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove("train"), "has test/ and val/, but no train/ with class folders"),
        (remove("val/dog"), "class 'dog' has no readable image in the validation split of split"),
        (remove("test/cat"), "class 'cat' has no readable image in the test split of split"),
        (remove("train/cat"), "has only the class 'dog'"),
        (lambda folder: (folder / "test" / "dog").rename(folder / "test" / "dogs"), "test has the class 'dogs', which"),
        (lambda folder: shutil.copytree(folder / "val", folder / "valid"), "val/ and valid/, both validation splits"),
    ],
)
def test_bad_split_folders(split_photos: Path, change: Callable[[Path], None], message: str) -> None:
    change(split_photos)
    with pytest.raises(UserError) as error:
        data.load(split_photos)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_a_folder_round_the_folder_is_seen(photos: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    photos.rename(outer / "photos")
    with pytest.raises(UserError, match=r"photos holds folders itself: did you mean that one\?"):
        data.load(outer)


def test_unreadable_folder(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As another user would meet it (root reads everything)."""

    def refuse(self: Path) -> None:
        raise PermissionError(13, os.strerror(13), str(self))

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(UserError, match=r"photos' cannot be read: Permission denied"):
        data.load(photos)
