"""The run folder: what a user chose (config.json), what came out (results.json), and which stages are done.

runs/NAME/  config.json  stages.json  weights.safetensors  model.onnx  model.int8.onnx  c/  results.json  report.html
            MODEL_CARD.md
"""

import contextlib
import itertools
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock
from pydantic import ValidationError

from depthwise.config import Config
from depthwise.device import Precision
from depthwise.errors import UserError
from depthwise.files import fingerprint, remove_leftovers, write_text
from depthwise.results import Results

MODELS_OF: Mapping[Precision, str] = {"float32": "model.onnx", "int8": "model.int8.onnx"}
"""In the run folder: the network in each precision."""

PLAN = "plan.json"
"""In the run folder: the plan of its training."""

CHECKPOINT = "checkpoint.pt"
"""In the run folder while its training is not a finished stage."""

START = "start.safetensors"
"""In the run folder: the weights that its training begins with, if not random ones."""


class Run:
    """An open run folder. Create it with `Run.create` or `Run.open`; hold `locked()` while writing.

    Attributes:
        path: the folder.
        config: what the user asked for.
    """

    def __init__(self, path: Path, config: Config) -> None:
        self.path = path
        self.config = config

    @classmethod
    def create(cls, path: Path, config: Config) -> "Run":
        """Makes the folder, or takes up the same run where it stands.

        Raises:
            UserError: if the folder holds a different run or something else.
        """
        if (path / "config.json").exists():
            run = cls.open(path)
            changed = [name for name in Config.model_fields if getattr(run.config, name) != getattr(config, name)]
            if changed:
                was = ", ".join(
                    f"{name} {getattr(run.config, name)} there, {getattr(config, name)} now" for name in changed
                )
                raise UserError(
                    f"{path} holds a different run ({was}): give another folder with -o, or remove that one"
                )
            return run
        if path.exists() and (not path.is_dir() or any(p.name != ".lock" for p in path.iterdir())):
            raise UserError(f"{path} exists and is not a run folder: give another folder with -o")
        path.mkdir(parents=True, exist_ok=True)
        write_text(path / "config.json", config.model_dump_json(indent=2) + "\n")
        return cls(path, config)

    @classmethod
    def open(cls, path: Path) -> "Run":
        """Opens a run folder for reading. Raises UserError if it is none."""
        try:
            text = (path / "config.json").read_text(encoding="utf-8")
            return cls(path, Config.model_validate_json(text))
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(
                f"{path} is not a run folder (no config.json in it); `depthwise fit DATA -o {path}` makes one"
            ) from None
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the file"
            raise UserError(f"{path / 'config.json'} is damaged at {where}: {first['msg']}") from None

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Holds the folder; a killed holder lets go by itself. Raises UserError if another process holds it."""
        try:
            with filelock.FileLock(self.path / ".lock", timeout=0):
                remove_leftovers(self.path)
                yield
        except filelock.Timeout:
            raise UserError(
                f"{self.path} is in use by another process: wait for it, or give another folder with -o"
            ) from None

    @property
    def results(self) -> Results:
        """results.json as it stands; empty sections before their stage. Raises UserError if it is damaged."""
        path = self.path / "results.json"
        if not path.exists():
            return Results()
        try:
            return Results.model_validate_json(path.read_text(encoding="utf-8"))
        except ValidationError as error:
            raise UserError(
                f"{path} is damaged ({error.error_count()} errors): remove it and run the same fit again"
            ) from None

    def record(self, results: Results) -> None:
        """Writes results.json whole."""
        write_text(self.path / "results.json", results.model_dump_json(indent=1) + "\n")

    def stage(self, name: str, key: Mapping[str, Any], files: list[str], work: Callable[[], None]) -> bool:
        """Does one stage of the pipeline unless the folder already holds its result.

        Stages are done in one order: doing one again makes those after it undone, as their sections of results.json
        may be gone with it.

        Args:
            name: of the stage.
            key: what the stage's result depends on: settings, fingerprints of its inputs.
            files: what it writes, relative to the folder; an absent one means that the stage is not done.
            work: does it; must leave whole files only.

        Returns:
            Whether the work was done now (False: it was there).
        """
        path = self.path / "stages.json"
        try:
            done: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            done = {}
        mark = fingerprint(json.dumps(key, sort_keys=True, default=str))
        if done.get(name) == mark and all((self.path / file).exists() for file in files):
            return False
        before = dict(itertools.takewhile(lambda stage: stage[0] != name, done.items()))
        if before != done:
            write_text(path, json.dumps(before, indent=1) + "\n")
        work()
        write_text(path, json.dumps({**before, name: mark}, indent=1) + "\n")
        return True


def default_folder(config: Config, root: Path = Path("runs"), new: bool = False) -> Path:
    """runs/DATA-MODEL-N, or runs/DATA-DEVICE-N of a search: the newest folder that holds this config, else (or if it
    must be `new`) the first free N."""
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "-", Path(config.data).name or "data").strip("-.")
    what = config.model or Path(config.device).stem
    number = 1
    same = None
    while (folder := root / f"{stem}-{what}-{number}").exists():
        with contextlib.suppress(UserError):
            if Run.open(folder).config == config:
                same = folder
        number += 1
    return folder if new else same or folder
