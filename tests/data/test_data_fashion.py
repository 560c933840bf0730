"""The embedded Fashion-MNIST subset, and the full set from a folder."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from depthwise import data
from depthwise.data import fashion
from depthwise.errors import UserError


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + b"".join(int(n).to_bytes(4, "big") for n in array.shape)
    path.write_bytes(gzip.compress(header + array.astype(np.uint8).tobytes()))


@pytest.fixture
def official(tmp_path: Path) -> Path:
    """A folder laid out as the official one, with 60 training and 20 test images."""
    folder = tmp_path / "official"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for stem, count in (("train", 60), ("t10k", 20)):
        write_idx(folder / f"{stem}-images-idx3-ubyte.gz", generator.integers(0, 256, (count, 28, 28)))
        write_idx(folder / f"{stem}-labels-idx1-ubyte.gz", np.arange(count) % 10)
    return folder


def test_embedded_subset() -> None:
    images = data.load("fashion-mnist-subset")
    assert (len(images.train), len(images.validation), len(images.test)) == (8500, 1500, 2000)
    assert images.classes == fashion.CLASSES and len(images.classes) == 10
    for split, count in ((images.train, 850), (images.validation, 150), (images.test, 200)):
        assert np.bincount(split.labels).tolist() == [count] * 10
        assert split.pixels.shape == (10 * count, 28, 28, 1) and split.pixels.dtype == np.uint8
        assert split.labels.dtype == np.int64
    assert images.preprocessing.size == 28 and images.preprocessing.channels == 1
    # Published for the full training set: mean 0.2860, standard deviation 0.3530.
    assert images.preprocessing.mean == pytest.approx((0.2860,), abs=0.005)
    assert images.preprocessing.std == pytest.approx((0.3530,), abs=0.005)
    assert images.skipped == () and "embedded" in images.source


def test_embedded_splits_do_not_overlap() -> None:
    """No test image, nor one equal to it, takes part in training or choices."""
    images = data.load("fashion-mnist-subset")
    train, validation, test = (
        {pixels.tobytes() for pixels in split.pixels} for split in (images.train, images.validation, images.test)
    )
    assert len(test) > 1990 and len(train) > 8450
    assert not test & train and not test & validation and not train & validation


def test_embedded_images_are_plausible() -> None:
    """The mean picture of a class tells most classes apart: labels and pixels belong together."""
    images = data.load("fashion-mnist-subset")
    flat = images.train.pixels.reshape(len(images.train), -1).astype(np.float32)
    means = np.stack([flat[images.train.labels == label].mean(0) for label in range(10)])
    seen = images.test.pixels.reshape(len(images.test), -1).astype(np.float32)
    nearest = ((seen[:, None] - means) ** 2).sum(-1).argmin(1)
    assert (nearest == images.test.labels).mean() > 0.6


def test_notice_is_beside_the_images() -> None:
    notice = (fashion.EMBEDDED / "LICENSE").read_text(encoding="utf-8")
    assert "Copyright (c) 2017 Zalando SE" in notice and "Permission is hereby granted" in notice


def test_the_full_set_from_a_folder(official: Path) -> None:
    images = data.load("fashion-mnist", data_dir=official)
    assert len(images.train) + len(images.validation) == 60 and len(images.test) == 20
    pixels, labels = fashion.read_official(official, "test")
    assert np.array_equal(images.test.pixels[..., 0], pixels) and np.array_equal(images.test.labels, labels)
    assert str(official) in images.source


def test_the_name_alone_falls_back_to_the_subset(
    official: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fashion, "DEBIAN", tmp_path / "nowhere")
    assert fashion.fashion_mnist(None).name == "fashion-mnist-subset"
    monkeypatch.setattr(fashion, "DEBIAN", official)
    assert fashion.fashion_mnist(None).source == f"full Fashion-MNIST from {official}"


def test_resized_on_request() -> None:
    images = data.load("fashion-mnist-subset", size=14, channels=3)
    assert images.test.pixels.shape == (2000, 14, 14, 3)
    assert np.array_equal(images.test.pixels[..., 0], images.test.pixels[..., 2])


@pytest.mark.parametrize("damage", ["absent", "truncated", "not gzip", "not idx", "labels"])
def test_damaged_official_files(official: Path, damage: str) -> None:
    path = official / "t10k-images-idx3-ubyte.gz"
    if damage == "absent":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(path.read_bytes()[:-100])
    elif damage == "not gzip":
        path.write_bytes(b"<html>not found</html>")
    elif damage == "not idx":
        path.write_bytes(gzip.compress(b"\0\0\x08\x03\0\0"))
    else:
        path = official / "t10k-labels-idx1-ubyte.gz"
        write_idx(path, np.arange(7))
    with pytest.raises(UserError) as error:
        data.load("fashion-mnist", data_dir=official)
    assert str(official if damage == "labels" else path) in str(error.value) and "\n" not in str(error.value)


def test_the_subset_takes_no_folder(official: Path) -> None:
    with pytest.raises(UserError, match="write fashion-mnist for the full set"):
        data.load("fashion-mnist-subset", data_dir=official)
