"""What came out of a run, as records: results.json. One section a stage, each absent until its stage is done.

These schemas are the only place where the names of the fields are written; readers (the report) need nothing else.
"""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from depthwise.config import Record
from depthwise.counts import Cost
from depthwise.device import Precision
from depthwise.findings import Lint
from depthwise.start import Start

Certainty = Literal["exact", "measured", "estimated", "unknown"]
"""How sure a figure is."""


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
    """The compiled network against others on the test images: torch and ONNX Runtime, in 8 bits the oracle.

    Attributes:
        differences: runtime -> largest max|a - b| / max|b| over the logits of one image, against the compiled network.
        confusion: confusion[truth][predicted], counts of the compiled network.
        mistakes: of the network that ships.
        alike: in 8 bits, for each true class how many images the compiled float32 network answers alike.
        notes: what could not be compared, or stands out.
    """

    differences: dict[str, float]
    confusion: list[list[int]]
    mistakes: list[Mistake] = Field(default_factory=list)
    alike: list[int] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)


class CallTime(Record):
    """What one call of a kernel took in one run, by the clock inside the C.

    Attributes:
        name: of the layer. op, kernel: its operator in the normal form and the C that served it.
        segment: number of the segment that it ran in. steps: how often it was called, more than once in a stream.
        seconds: of all steps together, up to the next call: what lies between calls is counted too.
    """

    name: str
    op: str
    kernel: str
    segment: int
    steps: int
    seconds: float


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


class LayerNoise(Record):
    """Signal to quantization noise of one layer's output in 8 bits, in dB.

    Attributes:
        total: after all that came before in 8 bits. alone: after the float network, so the noise of this layer only.
    """

    name: str
    op: str
    total: float
    alone: float


class RungResult(Record):
    """One step on the way to 8 bits, measured on the validation images.

    Attributes:
        rung: its name. changed: what it did. seconds: that it took, with the measurement.
        accuracy: of the network in 8 bits after it.
        kept: whether what followed was built on it.
    """

    rung: str
    changed: str
    accuracy: Interval
    seconds: float
    kept: bool


class FloatLayer(Record):
    """A layer that stays in float: its multiply-accumulates, and by how many bytes its weights are larger for it."""

    name: str
    op: str
    macs: int
    extra_bytes: int


class Ladder(Record):
    """How a float network came to 8 bits.

    Attributes:
        reference: accuracy of the float network on the validation images. accuracy: in 8 bits, of what is kept.
        rungs: in the order in which they were tried.
        max_drop: points of accuracy that it may cost.
        noise: of every layer in the end. floats: layers that stay in float; share of the MACs that they are.
        calibration: number of images that ranges were taken from.
    """

    reference: Interval
    accuracy: Interval
    rungs: list[RungResult]
    max_drop: float
    noise: list[LayerNoise]
    floats: list[FloatLayer] = Field(default_factory=list)
    float_share: float = 0.0
    calibration: int

    @property
    def drop(self) -> float:
        """Points of accuracy that 8 bits cost; below 0 if they win some."""
        return drop(self.reference, self.accuracy)

    @property
    def within(self) -> bool:
        """Whether that is no more than may be."""
        return self.drop <= self.max_drop + 1e-9


def drop(reference: Interval, accuracy: Interval) -> float:
    """Points (percent) between two accuracies on the same images."""
    return 100 * (reference.correct - accuracy.correct) / reference.total


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


class Part(Record):
    """A summand of a figure."""

    name: str
    value: int
    certainty: Certainty


class Figure(Record):
    """What a network takes of one resource, and how that stands to the limit.

    Attributes:
        name: "ram" and "flash" in bytes, "latency" in seconds, "macs" and "parameters" as counts.
        value: None: unknown, for the `reason`. certainty: the worst of its parts.
        limit: None: there is none. limit_from: who set it, an option or the device.
        short: by how much the value exceeds the limit, 0 if it does not.
        reason: why it is unknown, or how it was estimated.
    """

    name: str
    value: int | float | None
    certainty: Certainty
    parts: list[Part] = Field(default_factory=list)
    limit: int | float | None = None
    limit_from: str = ""
    short: int | float = 0
    reason: str = ""


class Candidate(Record):
    """A network that a search may train, and what it takes of the device in the precision that ships.

    Attributes:
        name: unique in the search, e.g. "mobilenet_v2 0.35 @28".
        model, width, resolution, depth: the network.
        share: its width as a share of the widest that keeps every limit, 1 for that one.
        macs, parameters: counts. ram, flash: bytes.
        latency: seconds for one image, None if unknown; latency_certainty says whether it was measured.
    """

    name: str
    model: str
    width: float
    resolution: int
    depth: float = 1.0
    share: float = 1.0
    macs: int
    parameters: int
    ram: int
    flash: int
    latency: float | None = None
    latency_certainty: Certainty = "unknown"


class Trial(Record):
    """A candidate trained for `epochs` passes over the training images, a fraction in short runs.

    `rung` counts the rounds of successive halving from 0: trials of one rung have equal epochs and are judged on the
    same validation images.
    """

    candidate: str
    rung: int
    epochs: float
    accuracy: Interval
    seconds: float


class Search(Record):
    """What a search tried and chose: every candidate, every trial in order, the choice and the runner-up."""

    candidates: list[Candidate]
    trials: list[Trial]
    choice: str
    runner_up: str | None = None
    seconds: float = 0.0

    @property
    def chosen(self) -> Candidate | None:
        """The candidate that the choice names; None if it is none of them."""
        return next((one for one in self.candidates if one.name == self.choice), None)


class Shipping(Record):
    """Why the network ships in its precision.

    Attributes:
        reason: in words.
        missed: whether 8 bits were insisted on and cost more accuracy than they may.
        seconds: of one image on the device by precision, where both are known. certainty: of these.
    """

    reason: str
    missed: bool = False
    seconds: dict[Precision, float] = Field(default_factory=dict)
    certainty: Certainty = "unknown"


class Results(BaseModel):
    """results.json: one section a stage, absent until the stage is done. Keyed by precision where precisions differ.

    Attributes:
        search: absent where the user named the network.
        ladder: how the float network came to 8 bits; absent where nobody asked for them, or they could not be had.
        shipped, shipping: the precision of what ships, and why.
        lint: what the linter says of the network that ships.
        budget: what the shipped network takes of each resource, with its limit.
        start: the weights that the training began with; absent if they were random.
        papers: what describes the architecture, one "Authors year, title, address" each; the model card lists them.
    """

    model_config = ConfigDict(extra="forbid")

    schema_version: int = 1
    origin: Origin | None = None
    data: DataFacts | None = None
    search: Search | None = None
    cost: Cost | None = None
    papers: list[str] = Field(default_factory=list)
    start: Start | None = None
    training: Training | None = None
    ladder: Ladder | None = None
    shipped: Precision | None = None
    shipping: Shipping | None = None
    lint: Lint | None = None
    accuracy: dict[Precision, dict[str, Interval]] = Field(default_factory=dict)
    verification: dict[Precision, Verification] = Field(default_factory=dict)
    memory: dict[Precision, Memory] = Field(default_factory=dict)
    latency: dict[Precision, list[Latency]] = Field(default_factory=dict)
    budget: list[Figure] = Field(default_factory=list)
    seconds: dict[str, float] = Field(default_factory=dict)

    @property
    def missed(self) -> bool:
        """Whether what ships misses a limit, or costs more accuracy than it may."""
        return any(figure.short for figure in self.budget) or (self.shipping is not None and self.shipping.missed)
