"""Where weights lie (a file, an address, the Hugging Face hub), and what is in the file: arrays by name."""

import hashlib
import json
import pickle
import re
import urllib.request
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from depthwise.errors import UserError, missing_extra
from depthwise.files import atomic_file, cache_folder, fingerprint
from depthwise.progress import Progress

HUB = "hf:"
"""Before the name of a repository on the hub."""

SUFFIXES = (".safetensors", ".pth", ".pt", ".bin")
"""Of files of weights."""

_HUB_FILES = ("model.safetensors", "pytorch_model.bin")
_DESCRIPTION = "config.json"
_TIMEOUT = 60.0
_CHUNK = 1 << 20

_INNER = ("state_dict", "model", "model_state_dict")
"""Keys under which training scripts put the weights beside other things."""


def fetch(source: str, sha256: str, progress: Progress) -> Path:
    """The file of weights at a path, an address or "hf:USER/NAME"; what comes over the network is kept in the cache.

    Args:
        source: as above.
        sha256: what the hash of an address's file must begin with; empty: anything.
        progress: told of a download.

    Raises:
        UserError: nothing is there, or it cannot be reached, or is not what was published.
    """
    if source.startswith(HUB):
        return _from_hub(source.removeprefix(HUB))
    if re.match(r"https?://", source):
        return _from_address(source, sha256, progress)
    path = Path(source).expanduser()
    if path.is_dir():  # of a run, or a copy of a repository of the hub
        files = (file for name in ("weights.safetensors", *_HUB_FILES) if (file := path / name).is_file())
        path = next(files, path / "weights.safetensors")
    if not path.is_file():
        raise UserError(f"weights '{source}' do not exist: give a file, an address or a published name")
    return path


def description(source: str, path: Path) -> Mapping[str, Any]:
    """What config.json says that lies beside the file of weights `path`, on the hub or here; empty if there is none.

    Raises:
        UserError: a file of that name that is not JSON.
    """
    beside = path.with_name(_DESCRIPTION)
    if source.startswith(HUB):
        beside = _hub_file(source.removeprefix(HUB), _DESCRIPTION) or beside
    if not beside.is_file():
        return {}
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"the {_DESCRIPTION} beside the weights {source} cannot be read: {error}") from None
    return found if isinstance(found, Mapping) else {}


def hash_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path) -> dict[str, np.ndarray]:
    """Arrays by name from a .safetensors file or one of torch's (.pth, .pt, .bin), which may hold tensors only.

    Raises:
        UserError: a file that is neither, or holds no weights; a library that is missing.
    """
    arrays = _read_safetensors(path) if path.suffix == ".safetensors" else _read_torch(path)
    if not arrays:
        raise UserError(f"{path} holds no weights: none of its entries is a tensor")
    if all(name.startswith("module.") for name in arrays):  # as torch's wrappers for several devices write it
        arrays = {name.removeprefix("module."): array for name, array in arrays.items()}
    return arrays


def _read_safetensors(path: Path) -> dict[str, np.ndarray]:
    try:
        import safetensors.numpy
    except ModuleNotFoundError:
        raise missing_extra(f"reading {path}", "safetensors", "train") from None
    try:
        return dict(safetensors.numpy.load(path.read_bytes()))
    except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
        raise UserError(f"{path} cannot be read as safetensors: {error}") from None


def _read_torch(path: Path) -> dict[str, np.ndarray]:
    try:
        import torch
    except ModuleNotFoundError:
        raise missing_extra(f"reading {path}", "torch", "train") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what it fails at afterwards
            found = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"{path} cannot be read as weights, with tensors and nothing else in it: {reason}") from None
    found = _inner(found)
    return {name: value.float().numpy() for name, value in found.items() if isinstance(value, torch.Tensor)}


def _inner(found: Any) -> Mapping[str, Any]:
    """The mapping of weights in what a training script saved."""
    for key in _INNER:
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            return _inner(found[key])
    return found if isinstance(found, Mapping) else {}


def _from_address(address: str, sha256: str, progress: Progress) -> Path:
    name = address.split("?")[0].rstrip("/").rsplit("/", 1)[-1] or "weights"
    path = cache_folder("weights") / f"{fingerprint(address)}-{name}"
    if not path.is_file():
        progress.note(f"downloading {address}")
        try:
            with urllib.request.urlopen(address, timeout=_TIMEOUT) as answer, atomic_file(path) as aside:
                with aside.open("wb") as file:
                    while chunk := answer.read(_CHUNK):
                        file.write(chunk)
                _require_hash(aside, address, sha256)
        except (OSError, ValueError) as error:
            raise UserError(f"{address} cannot be downloaded ({error}): download it and give the file") from None
    return path


def _require_hash(path: Path, address: str, sha256: str) -> None:
    if not (found := hash_of(path)).startswith(sha256):
        raise UserError(f"{address} gave another file than was published: its SHA-256 begins {found[:8]}, not {sha256}")


def _from_hub(name: str) -> Path:
    for file in _HUB_FILES:
        if (found := _hub_file(name, file)) is not None:
            return found
    raise UserError(f"the repository '{HUB}{name}' has no weights: none of {', '.join(_HUB_FILES)}")


def _hub_file(name: str, file: str) -> Path | None:
    """A file of a repository; None if it has none of that name."""
    try:
        import huggingface_hub
        from huggingface_hub.errors import EntryNotFoundError
    except ModuleNotFoundError:
        raise missing_extra(f"the weights '{HUB}{name}'", "huggingface_hub", "train") from None
    try:
        return Path(huggingface_hub.hf_hub_download(name, file))
    except EntryNotFoundError:
        return None
    except Exception as error:  # the library lets through errors of every layer below it
        reason = (str(error.__cause__ or error).strip().splitlines() or [type(error).__name__])[0]
        raise UserError(f"the weights '{HUB}{name}' cannot be loaded: {reason}") from None
