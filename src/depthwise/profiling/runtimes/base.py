"""What a runtime is: how it takes a network, outside the timing, and the call that is timed.

To add a runtime: one file in this folder that defines `RUNTIMES = {name: Runtime(...)}`, and its package in the extra
"bench". A runtime lives in a process of its own, which imports its packages only there.
"""

import gc
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from depthwise.exporters.base import to_layout
from depthwise.profiling.network import Network

FEWEST_CALLS = 5
"""Calls of one round at least, however long one takes."""


@dataclass(frozen=True)
class Setting:
    """What is asked of a runtime.

    Attributes:
        network: which one. precision: "float32" or "int8". threads: how many it may use.
        input_type: "float32": the normalized image in the runtime's natural layout, which lies ready; "uint8": camera
            bytes [1, H, W, C], normalized and arranged within the time, the way the runtime offers; "int8": what the
            network quantizes its image to, which lies ready as well.
    """

    network: Network
    precision: str
    threads: int
    input_type: str = "float32"

    @property
    def folder(self) -> Path:
        """Of the network's files; a runtime finds there what it prepared before."""
        return self.network.path.parent

    @property
    def source(self) -> Path:
        """The .onnx file, which begins at what lies ready."""
        return self.network.bytes_path if self.input_type == "int8" else self.network.path

    @property
    def values(self) -> np.ndarray:
        """What lies ready, [1, C, H, W]: float32, or uint8 of "int8"."""
        return self.network.quantized if self.input_type == "int8" else self.network.image


@dataclass(frozen=True)
class Session:
    """A network that is ready to run on one image.

    Attributes:
        run: runs it once; this is what is timed.
        output: the result of the last run; a map as [1, C, H, W].
        layout: "NCHW" or "NHWC", of the input that lies ready.
        model_bytes: what this network takes on disk.
        timed: seconds of each of so many runs; None: a loop in Python around `run`.
        keep: what must live as long as the session, since only its address was handed over.
    """

    run: Callable[[], object]
    output: Callable[[], np.ndarray]
    layout: str
    model_bytes: int
    timed: Callable[[int], np.ndarray] | None = None
    keep: object = None


@dataclass(frozen=True)
class Runtime:
    """A runtime.

    Attributes:
        package: the distribution whose version is stated; empty: this project.
        modules: what must be importable.
        prepare: converts a network to the runtime's own form in the setting's folder, outside all timing.
        load: from that form to a session; its time is the load time.
        precisions: what it is measured in -> from which input types, see `Setting`.
        only_named: whether it is measured only where it is asked for by name.
    """

    package: str
    modules: tuple[str, ...]
    prepare: Callable[[Setting], None]
    load: Callable[[Setting], Session]
    precisions: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: {"float32": ("float32", "uint8")})
    only_named: bool = False

    def missing(self) -> list[str]:
        """The modules that are not installed."""
        return [name for name in self.modules if find_spec(name) is None]

    def refusal(self, precision: str) -> str | None:
        """Why it is not measured; None: it is."""
        if self.missing():
            return f"{', '.join(self.missing())} not installed: pip install 'depthwise[bench]'"
        if precision not in self.precisions:
            return f"not measured in {precision}"
        return None

    @property
    def version(self) -> str:
        """Of the package."""
        return metadata.version(self.package or "depthwise")

    @property
    def installed_bytes(self) -> int:
        """What the package takes on disk, without what it depends on; 0 for this project, whose C needs no runtime."""
        if not self.package:
            return 0
        found = (Path(str(file.locate())) for file in metadata.files(self.package) or [])
        return sum(path.stat().st_size for path in found if path.is_file())


def as_it_is(_: Setting) -> None:
    """`prepare` of the runtimes that read the network's own .onnx file."""


def seconds_of_runs(session: Session, seconds: float) -> np.ndarray:
    """Seconds of each run of a round that lasts about so long, after one run that is not counted."""
    begin = time.perf_counter()
    session.run()
    calls = max(FEWEST_CALLS, int(seconds / max(time.perf_counter() - begin, 1e-7)))
    if session.timed is not None:
        return session.timed(calls)
    clock, run, times = time.perf_counter, session.run, np.empty(calls)
    gc.collect()
    gc.disable()
    try:
        for i in range(calls):
            begin = clock()
            run()
            times[i] = clock() - begin
    finally:
        gc.enable()
    return times


def feed(setting: Setting, layout: str, target: np.ndarray) -> Callable[[], object] | None:
    """Fills an input buffer, [1, H, W, C] or [1, C, H, W] by `layout`: now, or before every run if that is timed.

    Returns:
        None for what lies ready, which is then in `target`; else what turns camera bytes into floats, to be called
        before a run.
    """
    network = setting.network
    if setting.input_type != "uint8":
        target[:] = to_layout(setting.values, layout)
        return None
    form, pixels = network.preprocessing, network.pixels
    assert form is not None  # else it is not measured from camera bytes
    deviation = np.asarray(form.std, np.float32)
    scale, shift = 1 / (255 * deviation), -np.asarray(form.mean, np.float32) / deviation
    nhwc = target if layout == "NHWC" else target.transpose(0, 2, 3, 1)
    floats = np.empty(pixels.shape, np.float32)

    def normalize() -> None:
        np.multiply(pixels, scale, out=floats)
        np.add(floats, shift, out=nhwc)

    return normalize


def chained(first: Callable[[], object] | None, then: Callable[[], object]) -> Callable[[], object]:
    """Both calls as one; `then` itself if there is no first."""
    if first is None:
        return then

    def both() -> None:
        first()
        then()

    return both
