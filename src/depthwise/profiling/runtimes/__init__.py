"""The runtimes that are measured, one file each: `RUNTIMES["openvino"]`."""

from depthwise.profiling.runtimes.base import Runtime
from depthwise.registry import Registry

RUNTIMES: Registry[Runtime] = Registry("runtime", __name__, "RUNTIMES")

__all__ = ["RUNTIMES", "Runtime"]
