"""A process with one runtime and one network: its threads, its packages and its crashes disturb no other."""

import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from depthwise.profiling.network import Network
from depthwise.profiling.runtimes.base import Setting, seconds_of_runs

PATIENCE = 900.0
"""Seconds after which a runtime that does not answer is given up."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


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
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._log = network.path.with_name(f"{runtime}-{precision}-{threads}.log")
        setting = Setting(replace(network), precision, threads)  # the other process reads the file itself
        self._process = context.Process(target=_serve, args=(theirs, self._log, runtime, setting), daemon=True)
        with _limited(threads):
            self._process.start()
        theirs.close()

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
        self._pipe.send((input_type, seconds))
        times = self._answer()
        assert isinstance(times, np.ndarray)
        return 1e3 * float(np.median(times)), 1e3 * float(times.min())

    def close(self) -> None:
        """Ends the process."""
        self._pipe.close()
        self._process.join(10)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def _answer(self) -> object:
        try:
            answer = self._pipe.recv() if self._pipe.poll(PATIENCE) else FailedError(f"no answer in {PATIENCE:g} s")
        except (EOFError, ConnectionError):
            self._process.join(10)
            answer = FailedError(f"its process ended with code {self._process.exitcode}{_last_line(self._log)}")
        if isinstance(answer, FailedError):
            raise answer
        return answer


@contextmanager
def _limited(threads: int) -> Iterator[None]:
    """Sets the variables by which libraries learn their number of threads, for processes that are started inside."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _serve(pipe: Connection, log: Path, name: str, setting: Setting) -> None:
    """The process: loads, then times a round at every request, until the pipe is closed."""
    from depthwise.profiling.runtimes import RUNTIMES

    with log.open("wb") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    runtime, network = RUNTIMES[name], setting.network
    try:
        runtime.prepare(setting)
        loaded, sessions = {}, {}
        network.image  # noqa: B018 - made before loading is timed
        for input_type in (kind for kind in runtime.input_types if kind in network.input_types):
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
