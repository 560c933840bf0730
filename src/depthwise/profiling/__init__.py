"""Time, one thread: of compiled networks and other runtimes, rounds interleaved; and what this machine can do."""

from depthwise.machine import machine
from depthwise.profiling.host import measure_host, measured_host
from depthwise.profiling.latency import Runtime, latency
from depthwise.profiling.onnxruntime import onnxruntime_session, run_session

__all__ = [
    "Runtime",
    "latency",
    "machine",
    "measure_host",
    "measured_host",
    "onnxruntime_session",
    "run_session",
]
