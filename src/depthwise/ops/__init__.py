"""The operators of the normal form: `ops.REGISTRY["Depthwise"]`."""

from depthwise.ops._errors import error_bound
from depthwise.ops._vectors import with_implied
from depthwise.ops.base import DOMAIN, Kernel, Operator
from depthwise.registry import Registry

REGISTRY: Registry[Operator] = Registry("operator", __name__, "OPERATORS")

__all__ = ["DOMAIN", "REGISTRY", "Kernel", "Operator", "error_bound", "with_implied"]
