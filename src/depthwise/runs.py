"""The run folder: what a user chose (config.json), what came out (results.json), and which stages are done.

    runs/NAME/  config.json  stages.json  weights.safetensors  model.onnx  c/  results.json  report.html  MODEL_CARD.md

The schemas here are the only place where the names of those fields are written. Readers (the report) need nothing else.
"""

import contextlib
import itertools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import filelock
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from depthwise.config import Config as Config
from depthwise.config import Record as Record
from depthwise.device import Precision
from depthwise.errors import UserError
from depthwise.files import fingerprint, remove_leftovers, write_text

CHECKPOINT = "checkpoint.pt"
"""In the run folder while its training is not a finished stage."""


class Interval(Record):
    """A proportion with its 95 % binomial (Wilson) interval."""

    correct: int
    total: int
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, correct: int, total: int) -> "Interval":
        """The proportion correct / total with its interval (Wilson 1927); total must be above 0."""
        z = 1.959964
        share = correct / total
        scale = 1 + z * z / total
        middle = (share + z * z / (2 * total)) / scale
        half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / scale
        return cls(correct=correct, total=total, value=share, low=max(0.0, middle - half), high=min(1.0, middle + half))


class DataFacts(Record):
    """The data as it was used; `skipped` lists unreadable files with the reason."""

    name: str
    classes: list[str]
    train: int
    validation: int
    test: int
    skipped: list[str] = Field(default_factory=list)
    fingerprint: str
    source: str = ""


class LayerCost(Record):
    """One row of the cost table, a fused operator: MACs, trainable parameters, bytes of its weights and output."""

    name: str
    op: str
    shape: list[int]
    parameters: int
    macs: int
    weight_bytes: int
    activation_bytes: int


class Cost(Record):
    """Exact counts of a network; `parameters` are trainable ones, BatchNorm scale and shift included, as in papers.

    `input_shape` is that of one image, [C, H, W]; empty if it is not recorded.
    """

    parameters: int
    macs: int
    layers: list[LayerCost]
    input_shape: list[int] = Field(default_factory=list)


class Epoch(Record):
    """One row of the training curves; accuracies in 0..1, `learning_rate` at the end of the epoch."""

    epoch: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float


class Training(Record):
    """The plan that was kept and what came of it; `best_epoch` is the one whose weights are shipped."""

    epochs: int
    images_per_second: float
    best_epoch: int
    seconds: float
    history: list[Epoch]


class Mistake(Record):
    """A test image that the compiled network got wrong; `picture` is a PNG, relative to the run folder."""

    picture: str
    truth: str
    predicted: str
    probability: float


class Verification(Record):
    """The compiled network against torch and ONNX Runtime on the test images.

    Attributes:
        differences: runtime -> largest max|a - b| / max|b| over the logits of one image, against the compiled network.
        confusion: confusion[truth][predicted], counts of the compiled network.
    """

    differences: dict[str, float]
    confusion: list[list[int]]
    mistakes: list[Mistake]


class Buffer(Record):
    """A tensor in the arena: its bytes from `offset`, alive from call `first` to call `last` inclusive."""

    name: str
    offset: int
    bytes: int
    first: int
    last: int


class Memory(Record):
    """Exact bytes of the compiled network; RAM = arena + input + output + stack, flash = weights + code."""

    arena: int
    input: int
    output: int
    stack: int
    weights: int
    code: int
    calls: list[str]
    buffers: list[Buffer]

    @property
    def ram(self) -> int:
        """All RAM that one run needs, in bytes."""
        return self.arena + self.input + self.output + self.stack

    @property
    def flash(self) -> int:
        """All that is stored, in bytes."""
        return self.weights + self.code


class Latency(Record):
    """Time of one image, one thread, rounds of all runtimes interleaved."""

    runtime: str
    version: str
    median_ms: float
    minimum_ms: float


class Origin(Record):
    """Where the run comes from: the command, the machine, the versions."""

    command: str
    machine: str
    compiler: str
    versions: dict[str, str]
    date: str


class Results(BaseModel):
    """results.json: one section a stage, absent until the stage is done. Keyed by precision where precisions differ.

    `papers` names what describes the architecture, one "Authors year, title, address" each; the model card lists them.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: int = 1
    origin: Origin | None = None
    data: DataFacts | None = None
    cost: Cost | None = None
    papers: list[str] = Field(default_factory=list)
    training: Training | None = None
    accuracy: dict[Precision, dict[str, Interval]] = Field(default_factory=dict)
    verification: dict[Precision, Verification] = Field(default_factory=dict)
    memory: dict[Precision, Memory] = Field(default_factory=dict)
    latency: dict[Precision, list[Latency]] = Field(default_factory=dict)
    shipped: Precision | None = None
    seconds: dict[str, float] = Field(default_factory=dict)


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
