"""Time: of compiled networks and of other runtimes, one image and one thread, rounds interleaved."""

from depthwise.profiling.latency import Runtime, latency
from depthwise.profiling.machine import machine
from depthwise.profiling.onnxruntime import onnxruntime_session, run_session

__all__ = ["Runtime", "latency", "machine", "onnxruntime_session", "run_session"]
