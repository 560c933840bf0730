"""One file more is one entry more."""

import sys
from pathlib import Path

import pytest

from depthwise.device import device_names, load_device
from depthwise.errors import UserError
from depthwise.registry import Registry, choose


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "animals"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "cats.py").write_text("ANIMALS = {'cat': 1, 'lion': 2}")
    (folder / "dogs.py").write_text("ANIMALS = {'dog': 3}")
    (folder / "_helpers.py").write_text("raise AssertionError('not a leaf')")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.startswith("animals")]:
        monkeypatch.delitem(sys.modules, name)
    return folder


def test_a_scan_finds_every_file(package: Path) -> None:
    assert dict(Registry("animal", "animals", "ANIMALS")) == {"cat": 1, "lion": 2, "dog": 3}


def test_a_duplicate_is_refused(package: Path) -> None:
    (package / "wolves.py").write_text("ANIMALS = {'dog': 4}")
    with pytest.raises(TypeError, match="two modules of animals define the animal 'dog'"):
        len(Registry("animal", "animals", "ANIMALS"))


def test_an_unknown_name_lists_the_known_and_the_nearest(package: Path) -> None:
    with pytest.raises(UserError, match=r"unknown animal 'lino'\. Did you mean 'lion'\? Known: cat, dog, lion"):
        Registry("animal", "animals", "ANIMALS")["lino"]


def test_nothing_near_gives_no_hint() -> None:
    with pytest.raises(UserError, match=r"^unknown fruit 'xyz'\. Known: apple$"):
        choose("fruit", "xyz", ["apple"])


def test_every_device_loads() -> None:
    assert "host" in device_names()
    for name in device_names():
        assert load_device(name).name == name


def test_a_users_device_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('description = "my board"\nram = "64K"\nflash = "0.5MB"\ntarget = "c"\n')
    device = load_device(str(path))
    assert (device.name, device.ram, device.flash, device.isa) == ("mine", 65536, 524288, ("c",))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ram = ", "not valid TOML"),
        ('description = "x"\nrom = 3', "unknown field of device file .* 'rom'.*Did you mean 'ram'"),
        ("ram = 3", "has no description"),
        ('description = "x"\nram = "lots"', "mine.toml': ram 'lots' is not a size"),
    ],
)
def test_a_bad_device_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        load_device(str(path))


def test_a_missing_device_file() -> None:
    with pytest.raises(UserError, match=r"device file 'nowhere\.toml' does not exist"):
        load_device("nowhere.toml")
