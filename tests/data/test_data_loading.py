"""What a name means, the arguments, the cache of decoded pixels, and the statistics."""

import errno
import io
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from depthwise import data
from depthwise.data import cache as pixel_cache
from depthwise.data import preparing
from depthwise.data.loading import find
from depthwise.errors import UserError
from pictures import picture, save_pictures


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    save_pictures(folder / "cat", 10)
    save_pictures(folder / "dog", 20, first=100)
    return folder


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Grows by one with each image decoded."""
    seen: list[object] = []
    work = preparing.to_pixels

    def counted(content, form):
        seen.append(content)
        return work(content, form)

    monkeypatch.setattr(preparing, "to_pixels", counted)
    return seen


def test_a_second_load_decodes_nothing(photos: Path, decoded: list[object]) -> None:
    first = data.load(photos)
    assert len(decoded) == 30
    again = data.load(photos)
    assert len(decoded) == 30
    assert np.array_equal(first.train.pixels, again.train.pixels) and first.preprocessing == again.preprocessing
    assert first.fingerprint == again.fingerprint


@pytest.mark.parametrize("change", ["touch", "grow", "add", "remove", "rename", "class"])
def test_any_change_of_the_files_decodes_anew(photos: Path, decoded: list[object], change: str) -> None:
    before = data.load(photos).fingerprint
    decoded.clear()
    path = photos / "cat" / "003.png"
    if change == "touch":
        os.utime(path, ns=(1, 1))
    elif change == "grow":
        stat = path.stat()
        path.write_bytes(path.read_bytes() + b"\0")
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    elif change == "add":
        picture(999).save(photos / "cat" / "new.png")
    elif change == "remove":
        path.unlink()
    elif change == "rename":
        path.rename(photos / "cat" / "tom.png")
    else:
        (photos / "cat").rename(photos / "kitten")
    assert data.load(photos).fingerprint != before
    assert len(decoded) == {"add": 31, "remove": 29}.get(change, 30)


def test_a_moved_folder_is_the_same_data(photos: Path, decoded: list[object]) -> None:
    before = data.load(photos).fingerprint
    shutil.move(photos, photos.parent / "moved")
    assert data.load(photos.parent / "moved").fingerprint == before
    assert len(decoded) == 30


def test_images_that_are_not_square(photos: Path) -> None:
    """Squashed unless a rule is given; a square pair is one number, of the same cache entry."""
    high = data.load(photos, size=(20, 6))
    assert high.train.pixels.shape[1:] == (20, 6, 3)
    assert (high.preprocessing.shape, high.preprocessing.resize) == ((20, 6, 3), "squash")
    assert data.load(photos, size=(20, 6), resize="squash").fingerprint == high.fingerprint
    assert data.load(photos, size=(16, 16)).fingerprint == data.load(photos, size=16).fingerprint


def test_other_settings_are_other_pixels(photos: Path) -> None:
    marks = {
        data.load(photos, **settings).fingerprint
        for settings in ({}, {"size": 16}, {"channels": 1}, {"resize": "pad"}, {"seed": 1}, {"split": (0.2, 0.2)})
    }
    assert len(marks) == 6


@pytest.mark.parametrize("victim", ["train.npy", "test.labels.npy", "data.json"])
@pytest.mark.parametrize("damage", ["truncated", "absent"])
def test_a_damaged_entry_is_made_anew(photos: Path, cache: Path, victim: str, damage: str) -> None:
    before = data.load(photos).train.pixels.copy()
    (path,) = cache.rglob(victim)
    if damage == "absent":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert np.array_equal(data.load(photos).train.pixels, before)


def test_an_interrupted_load_leaves_nothing(photos: Path, cache: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        data.load(photos, progress=interrupt)
    assert not list(cache.rglob("*.npy")) and not list(cache.rglob(".writing-*"))
    assert len(data.load(photos).train) == 20


def test_leftovers_of_a_killed_process_go(photos: Path, cache: Path) -> None:
    data.load(photos)
    (entry,) = (cache / "pixels").iterdir()
    shutil.rmtree(entry / "data")
    (entry / ".writing-dead").mkdir()
    (entry / ".writing-dead" / "train.npy").write_bytes(b"half")
    data.load(photos)
    assert sorted(path.name for path in entry.iterdir()) == [".lock", "data"]


def test_two_loads_at_once_give_the_same(photos: Path, decoded: list[object]) -> None:
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: data.load(photos), range(4)))
    assert len(decoded) == 30
    assert all(np.array_equal(result.test.pixels, results[0].test.pixels) for result in results)


@pytest.mark.parametrize(("code", "words"), [(errno.ENOSPC, "the disk is full"), (errno.EACCES, "Permission denied")])
def test_a_cache_that_cannot_be_written(
    photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(pixel_cache, "_write_header", fail)
    with pytest.raises(UserError, match=rf"{words}; set DEPTHWISE_CACHE to a folder with room"):
        data.load(photos)
    assert not list(cache.rglob("*.npy"))


def test_the_pixels_are_ordinary_arrays(photos: Path) -> None:
    """Writable in memory (training libraries ask for it), without a way back to the file."""
    images = data.load(photos)
    before = images.train.pixels.copy()
    assert images.train.pixels.flags.writeable and type(images.train.pixels) is np.ndarray
    images.train.pixels[:] = 0
    assert np.array_equal(data.load(photos).train.pixels, before)


def test_the_header_is_rewritten_in_place(tmp_path: Path) -> None:
    for count in (1, 9, 10, 12345):
        rows = ((np.full((1, 1, 1), index % 256, np.uint8), index) for index in range(count))
        pixel_cache.write_split(tmp_path, "train", rows, (1, 1, 1))
        split = pixel_cache.open_split(tmp_path, "train")
        assert split.pixels.shape == (count, 1, 1, 1) and split.pixels.ravel()[-1] == (count - 1) % 256
        assert split.labels.tolist() == list(range(count))


def test_progress_counts_every_image(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preparing, "_BLOCK", 8)
    calls: list[tuple[int, int]] = []
    data.load(photos, progress=lambda done, total: calls.append((done, total)))
    assert calls == sorted(calls) and calls[-1] == (30, 30) and len(calls) >= 5
    calls.clear()
    data.load(photos, progress=lambda done, total: calls.append((done, total)))
    assert calls == []


def test_statistics() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 6, 5, 3), np.uint8)
    mean, std = preparing.statistics(pixels)
    assert mean == pytest.approx((pixels / 255).mean((0, 1, 2)), abs=1e-6)
    assert std == pytest.approx((pixels / 255).std((0, 1, 2)), abs=1e-6)
    assert preparing.statistics(np.full((5, 4, 4, 1), 255, np.uint8)) == ((1.0,), (round(1 / 255, 6),))
    halves = np.repeat(np.arange(2, dtype=np.uint8) * 255, 3000).reshape(-1, 1, 1, 1)
    assert preparing.statistics(halves)[0] == pytest.approx((0.5,), abs=0.001)


@pytest.mark.parametrize(
    ("sides", "size"),
    [([28] * 3, 28), ([31], 31), ([32], 32), ([95, 95, 500], 64), ([96], 96), ([4000], 224), ([1], 1)],
)
def test_usual_size(sides: list[int], size: int) -> None:
    assert preparing.usual_size(sides) == size


def test_normalize_follows_the_definition(photos: Path) -> None:
    images = data.load(photos)
    inputs = images.preprocessing.normalize(images.train.pixels)
    assert inputs.shape == (20, 3, 32, 32) and inputs.dtype == np.float32
    assert inputs.mean((0, 2, 3)) == pytest.approx((0, 0, 0), abs=1e-4)
    assert inputs.std((0, 2, 3)) == pytest.approx((1, 1, 1), abs=1e-3)
    assert data.Preprocessing.from_json(images.preprocessing.to_json()) == images.preprocessing


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (
            "fashion_mnist",
            ["unknown data set 'fashion_mnist'", "Did you mean 'fashion-mnist'?", "Known: fashion-mnist,"],
        ),
        ("cifar", ["unknown data set 'cifar'", "there is no folder 'cifar' here"]),
        ("./photoz", ["folder './photoz' does not exist"]),
        ("photos/", ["folder 'photos/' does not exist"]),
        ("/no/such/place", ["folder '/no/such/place' does not exist"]),
        ("a/b/c", ["folder 'a/b/c' does not exist"]),
    ],
)
def test_unknown_sources(source: str, words: list[str]) -> None:
    with pytest.raises(UserError) as error:
        data.load(source)
    assert all(word in str(error.value) for word in words), str(error.value)


def test_a_near_folder_is_named(photos: Path) -> None:
    with pytest.raises(UserError, match=r"photo' does not exist, but '.*/photos' does"):
        data.load(photos.parent / "photo")


def test_a_file_is_no_data_set(photos: Path) -> None:
    with pytest.raises(UserError, match=r"000\.png' is a file: give a folder of images"):
        data.load(photos / "cat" / "000.png")


def test_an_existing_folder_goes_before_the_hub(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photos.parent.parent)
    assert find(f"{photos.parent.name}/photos").source.startswith("folder")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"size": 0}, "size is 0"),
        ({"size": 10**6}, "size is 1000000"),
        ({"channels": 2}, "images with 2 channels"),
        ({"resize": "croop"}, "Did you mean 'crop'?"),
        ({"split": (0.0, 0.2)}, "each above 0"),
        ({"split": (0.6, 0.4)}, "together below 1"),
        ({"split": (float("nan"), 0.4)}, "leaves a part empty"),
        ({"data_dir": "somewhere"}, "only named sets have one"),
    ],
)
def test_bad_arguments(photos: Path, settings: dict, words: str) -> None:
    with pytest.raises(UserError) as error:
        data.load(photos, **settings)
    assert words in str(error.value)


def test_encoded_bytes_and_files_are_one(photos: Path) -> None:
    form = data.load(photos).preprocessing
    buffer = io.BytesIO()
    picture(5).save(buffer, "png")
    assert np.array_equal(preparing.to_pixels(buffer.getvalue(), form), data.decode(photos / "cat" / "005.png", form))


def test_known_names_load() -> None:
    assert set(data.known()) == {"fashion-mnist", "fashion-mnist-subset"}
    assert all(find(name).classes for name in data.known())
