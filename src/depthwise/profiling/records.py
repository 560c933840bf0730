"""What `depthwise profile` finds, as records: the network, its layers, and what they were held against."""

from pydantic import Field

from depthwise.config import Record
from depthwise.profiling.comparison import Row


class Share(Record):
    """Time and work of a layer, or of some together; the roofline is that of one thread of the machine.

    Attributes:
        seconds: in the best round. macs: multiply-accumulates. bytes: of inputs, outputs and weights, each once.
        macs_per_cycle: at the machine's measured clock. intensity: MACs for each byte.
        roof_seconds: the least time that the roofline allows. reached: its share of `seconds`.
    """

    seconds: float
    macs: int
    bytes: int
    macs_per_cycle: float
    intensity: float
    roof_seconds: float
    reached: float


class LayerProfile(Share):
    """One call of a kernel.

    Attributes:
        name: of the layer. op, kernel: its operator in the normal form and the C that serves it. shape: of its output.
        bound: "compute", or the level of memory that the roofline is bound by.
        steps: how often it was called for one image, more than once in a stream.
    """

    name: str
    op: str
    kernel: str
    shape: list[int]
    bound: str
    steps: int


class OperatorProfile(Share):
    """All layers of one operator; `bounds` counts them by what bounds them."""

    op: str
    layers: int
    bounds: dict[str, int]


class StandardProfile(Record):
    """A separable layer beside the standard convolution that it replaces, each compiled alone, in float32.

    Attributes:
        names: the layers of these shapes, each by its depthwise convolution. shape: of the input. kernel, stride.
        outputs: N, channels of the output.
        macs, standard_macs, seconds, standard_seconds: of both, the separable one as the sum of its two parts.
        depthwise_seconds: of its first part.
        mac_ratio: separable / standard, 1/N + 1/(k k). time_ratio: the measured one. why: what makes them differ.
    """

    names: list[str]
    shape: list[int]
    kernel: list[int]
    stride: int
    outputs: int
    macs: int
    standard_macs: int
    seconds: float
    standard_seconds: float
    depthwise_seconds: float
    mac_ratio: float
    time_ratio: float
    why: str


class FusionProfile(Record):
    """The network with something unfused: `calls` of kernels and `seconds` for an image, `ratio` to the fused one."""

    form: str
    calls: int
    seconds: float
    ratio: float


class Profile(Record):
    """A network on this machine, one image, one thread.

    Attributes:
        machine, compiler, clock_mhz, peak_macs (a second): of the measurement.
        precision: "int8" if something in it is of 8 bits, else "float32"; peak_macs is that of it.
        input: "uint8" (camera bytes), "float" or "int8" (8-bit values); input_shape: of one image, [C, H, W].
        schedule, optimize: as asked for.
        seconds: of one image in the best round, by the clock inside the C.
        floor_seconds: the network's MACs at the machine's peak.
        floats: layers of a network in 8 bits that are computed in float.
        layers, operators: where the time goes.
        against: all runtimes on this network, fastest first; standard, unfused: empty if not asked for.
        notes: what was left out, and why.
    """

    network: str
    machine: str
    compiler: str
    clock_mhz: float
    peak_macs: float
    precision: str
    input: str
    input_shape: list[int]
    schedule: str
    optimize: str
    seconds: float
    floor_seconds: float
    macs: int
    floats: list[str] = Field(default_factory=list)
    layers: list[LayerProfile]
    operators: list[OperatorProfile]
    against: list[Row] = Field(default_factory=list)
    standard: list[StandardProfile] = Field(default_factory=list)
    unfused: list[FusionProfile] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
