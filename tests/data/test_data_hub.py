"""Parquet files and the Hugging Face hub, on small local data; the hub itself is replaced by what it would return."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from depthwise import data
from depthwise.errors import UserError
from pictures import picture, save_pictures

pytest.importorskip("pyarrow")
datasets = pytest.importorskip("datasets")

NAMES = ["cat", "dog"]


def encoded(number: int, mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    picture(number, mode=mode).save(buffer, "png")
    return buffer.getvalue()


def table(count: int = 12, first: int = 0, **columns: Any) -> Any:
    """A data set with the columns image (Image) and label (ClassLabel), alternating classes."""
    numbers = range(first, first + count)
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)}
    values = {"image": [{"bytes": encoded(n), "path": None} for n in numbers], "label": [n % 2 for n in numbers]}
    for name, (feature, column) in columns.items():
        features[name], values[name] = feature, column
    return datasets.Dataset.from_dict(values, features=datasets.Features(features))


def sizes(images: data.ImageData) -> list[list[int]]:
    return [np.bincount(split.labels).tolist() for split in (images.train, images.validation, images.test)]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What load_dataset finds: repository -> splits."""
    repositories: dict[str, Any] = {}

    def load_dataset(name: str, configuration: str | None = None) -> Any:
        if name not in repositories:
            raise ConnectionError(f"Couldn't reach '{name}' on the Hub (LocalEntryNotFoundError)\nsecond line")
        return datasets.DatasetDict(repositories[name])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return repositories


def test_one_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "pets.parquet"
    table(20).to_parquet(path)
    images = data.load(path, split=(0.2, 0.2))
    assert images.classes == ("cat", "dog") and images.name == "pets" and sizes(images) == [[6, 6], [2, 2], [2, 2]]
    save_pictures(tmp_path / "files", 20)
    expected = {
        data.decode(file, images.preprocessing).tobytes(): number % 2
        for number, file in enumerate(sorted((tmp_path / "files").iterdir()))
    }
    for split in (images.train, images.validation, images.test):
        assert [expected[pixels.tobytes()] for pixels in split.pixels] == split.labels.tolist()


@pytest.mark.parametrize(
    "names",
    [
        ("train-00000-of-00001.parquet", "validation-00000-of-00001.parquet", "test-00000-of-00001.parquet"),
        ("train/0.parquet", "val/0.parquet", "test/0.parquet"),
        ("data/train.parquet", "data/valid.parquet", "data/test.parquet"),
    ],
)
def test_a_folder_of_parquet_files(tmp_path: Path, names: tuple[str, ...]) -> None:
    for start, (name, count) in enumerate(zip(names, (10, 4, 6), strict=True)):
        path = tmp_path / "pets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        table(count, 100 * start).to_parquet(path)
    images = data.load(tmp_path / "pets")
    assert sizes(images) == [[5, 5], [2, 2], [3, 3]]
    # Written anew with other pixels, it is other data.
    table(10, 500).to_parquet(tmp_path / "pets" / names[0])
    assert data.load(tmp_path / "pets").fingerprint != images.fingerprint


def test_plain_columns_are_known_by_name(tmp_path: Path) -> None:
    """Bytes and words, without the library's own types: sorted words are the classes."""
    rows = {"img": [encoded(n) for n in range(12)], "class": ["zebra" if n % 3 else "ant" for n in range(12)]}
    datasets.Dataset.from_dict({**rows, "width": [40] * 12}).to_parquet(tmp_path / "zoo.parquet")
    images = data.load(tmp_path / "zoo.parquet")
    assert images.classes == ("ant", "zebra") and np.sum(sizes(images), axis=0).tolist() == [4, 8]


def test_whole_numbers_become_classes_in_order(tmp_path: Path) -> None:
    rows = {"image": [encoded(n, "L") for n in range(12)], "label": [10 if n % 2 else 9 for n in range(12)]}
    datasets.Dataset.from_dict(rows).to_parquet(tmp_path / "digits.parquet")
    images = data.load(tmp_path / "digits.parquet")
    assert images.classes == ("9", "10") and images.preprocessing.channels == 1


def test_unreadable_rows_are_skipped(tmp_path: Path) -> None:
    rows = {"image": [encoded(n) for n in range(12)], "label": NAMES * 6}
    rows["image"][3], rows["image"][4] = b"nothing", None
    datasets.Dataset.from_dict(rows).to_parquet(tmp_path / "pets.parquet")
    images = data.load(tmp_path / "pets.parquet")
    assert images.skipped == (
        "train[3]: not an image in a format that Pillow reads",
        "train[4]: the row holds no image",
    )


def test_a_hub_data_set(hub: dict[str, Any]) -> None:
    hub["someone/pets"] = {"train": table(12), "validation": table(4, 100), "test": table(6, 200)}
    images = data.load("someone/pets")
    assert sizes(images) == [[6, 6], [2, 2], [3, 3]]
    assert images.name == "someone/pets" and images.source == "Hugging Face data set someone/pets"
    hub["pets"] = hub["someone/pets"]
    assert data.load("hf:pets").classes == ("cat", "dog")


def test_hidden_test_labels_are_no_test_split(hub: dict[str, Any]) -> None:
    hidden = table(6, 200, label=(datasets.ClassLabel(names=NAMES), [-1] * 6))
    hub["someone/pets"] = {"train": table(20), "test": hidden}
    images = data.load("someone/pets")
    assert np.sum(sizes(images), axis=0).tolist() == [10, 10] and len(images.test) == 4


def test_one_split_of_another_name_is_cut(hub: dict[str, Any]) -> None:
    hub["someone/pets"] = {"full": table(20)}
    assert np.sum(sizes(data.load("someone/pets")), axis=0).tolist() == [10, 10]


def test_a_class_by_itself_is_chosen_among_several(hub: dict[str, Any]) -> None:
    coarse = datasets.ClassLabel(names=["animal", "thing"])
    other = table(12, coarse_label=(coarse, [0] * 12)).rename_column("label", "fine_label")
    hub["someone/pets"] = {"train": other}
    assert data.load("someone/pets").classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("splits", "words"),
    [
        (lambda: {"train": table().remove_columns("label")}, "no single label column; it has image (Image)"),
        (lambda: {"train": table().remove_columns("image")}, "no single image column; it has label (ClassLabel)"),
        (lambda: {"one": table(), "two": table()}, "splits one, two, but none called train"),
        (lambda: {"train": table(label=(datasets.ClassLabel(names=NAMES), [0] * 12))}, "class 'dog' has no readable"),
        (lambda: {"train": table(label=(datasets.ClassLabel(names=["cat"]), [0] * 12))}, "only the class 'cat'"),
    ],
)
def test_unfit_data_sets(hub: dict[str, Any], splits: Any, words: str) -> None:
    hub["someone/pets"] = splits()
    with pytest.raises(UserError) as error:
        data.load("someone/pets")
    assert words in str(error.value) and "\n" not in str(error.value)


def test_a_label_that_training_lacks(hub: dict[str, Any]) -> None:
    words = datasets.Value("string")
    test = table(4, 100, label=(words, ["cat", "dog", "eel", "cat"]))
    hub["someone/pets"] = {"train": table(12, label=(words, NAMES * 6)), "test": test}
    with pytest.raises(UserError, match=r"label 'eel' of the test split does not occur in training"):
        data.load("someone/pets")


def test_no_network_is_one_line(hub: dict[str, Any]) -> None:
    with pytest.raises(UserError) as error:
        data.load("someone/nothing")
    assert str(error.value) == (
        "there is no folder 'someone/nothing' here, and the Hugging Face data set 'someone/nothing' cannot be loaded: "
        "Couldn't reach 'someone/nothing' on the Hub (LocalEntryNotFoundError)"
    )


def test_damaged_parquet(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "pets.parquet"
    table().to_parquet(path)
    path.write_bytes(path.read_bytes()[:-50])
    capfd.readouterr()
    with pytest.raises(UserError, match=r"pets\.parquet cannot be read as parquet: ") as error:
        data.load(path)
    assert "\n" not in str(error.value) and capfd.readouterr() == ("", "")


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"pip install 'depthwise\[train\]'"):
        data.load("hf:pets")
