"""A process with one runtime and one network: its threads, its packages and its crashes disturb no other."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from depthwise.profiling.network import Network
from depthwise.profiling.runtimes.base import Setting, seconds_of_runs

PATIENCE = 900.0
"""Seconds after which a runtime that does not answer is given up."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""By which libraries learn their number of threads when they start."""

COMMAND = "from depthwise.profiling.worker import serve; serve()"
"""What the process runs: not the program that starts it, as multiprocessing's would, which may be anything."""


@dataclass(frozen=True)
class Loaded:
    """What a runtime says of a network that is ready, for one input type.

    Attributes:
        output: of the network's image, flat. load_ms, layout, model_bytes: as in `results.Row` and `Session`.
    """

    output: np.ndarray
    load_ms: float
    layout: str
    model_bytes: int


class FailedError(Exception):
    """A runtime that could not do what was asked; the message is its own."""


class Worker:
    """One runtime in a process of its own. It is a context, and its process ends with it.

    Args:
        runtime: name in `RUNTIMES`. network, precision, threads: see `Setting`.
    """

    def __init__(self, runtime: str, network: Network, precision: str, threads: int) -> None:
        self._log = network.path.with_name(f"{runtime}-{precision}-{threads}.log")
        self._pipe, theirs = Pipe()
        settings = dict.fromkeys(THREAD_VARIABLES, str(threads)) | {"PYTHONPATH": os.pathsep.join(sys.path)}
        with self._log.open("wb") as log, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", COMMAND, str(theirs.fileno())],
                env=os.environ | settings,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        # The other process reads the network's file itself.
        self._pipe.send((runtime, Setting(replace(network), precision, threads)))

    def load(self) -> dict[str, Loaded]:
        """Loads the network for every input type of the runtime.

        Raises:
            FailedError: it could not.
        """
        found = self._answer()
        assert isinstance(found, dict)
        return found

    def round(self, input_type: str, seconds: float) -> tuple[float, float]:
        """Median and minimum in milliseconds over the runs of one round.

        Raises:
            FailedError: it could not.
        """
        with suppress(ConnectionError):  # of a process that has died, which the answer says
            self._pipe.send((input_type, seconds))
        times = self._answer()
        assert isinstance(times, np.ndarray)
        return 1e3 * float(np.median(times)), 1e3 * float(times.min())

    def close(self) -> None:
        """Ends the process."""
        self._pipe.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answer(self) -> object:
        try:
            answer = self._pipe.recv() if self._pipe.poll(PATIENCE) else FailedError(f"no answer in {PATIENCE:g} s")
        except (EOFError, ConnectionError):
            code = self._process.wait(10)
            answer = FailedError(f"its process ended with code {code}{_last_line(self._log)}")
        if isinstance(answer, FailedError):
            raise answer
        return answer


def serve() -> None:
    """The process: loads, then times a round at every request, until the pipe is closed."""
    from depthwise.profiling.runtimes import RUNTIMES

    pipe = Connection(int(sys.argv[1]))
    name, setting = pipe.recv()
    runtime, network = RUNTIMES[name], setting.network
    try:
        runtime.prepare(setting)
        loaded, sessions = {}, {}
        # Made before loading is timed.
        _ = network.quantized if "int8" in network.input_types else network.image
        for input_type in (kind for kind in runtime.precisions[setting.precision] if kind in network.input_types):
            begin = time.perf_counter()
            session = runtime.load(replace(setting, input_type=input_type))
            milliseconds = 1e3 * (time.perf_counter() - begin)
            session.run()
            output = np.array(session.output(), np.float32).reshape(-1)
            loaded[input_type] = Loaded(output, milliseconds, session.layout, session.model_bytes)
            sessions[input_type] = session
        pipe.send(loaded)
        while True:
            input_type, seconds = pipe.recv()
            pipe.send(seconds_of_runs(sessions[input_type], seconds))
    except EOFError:
        return
    except Exception as error:  # of a foreign library: anything; it becomes one line, and the benchmark goes on
        pipe.send(FailedError(_in_one_line(error)))


def _in_one_line(error: BaseException) -> str:
    """The first cause of an error, without its trace."""
    while error.__cause__ is not None:
        error = error.__cause__
    return f"{type(error).__name__}: {error}".strip().splitlines()[0][:300]


def _last_line(log: Path) -> str:
    """What a process said last; libraries that abort say why."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return f", after '{lines[-1].strip()[:300]}'" if lines else ""
