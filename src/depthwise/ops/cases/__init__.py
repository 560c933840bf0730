"""The case tables that tests and timings of kernels share: `cases.REGISTRY["Depthwise"]` is a tuple of Cases."""

from depthwise.ops.cases.base import Case
from depthwise.registry import Registry

REGISTRY: Registry[tuple[Case, ...]] = Registry("case table", __name__, "CASES")

__all__ = ["REGISTRY", "Case"]
