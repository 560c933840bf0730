"""The case tables that tests and timings of kernels share: `cases.REGISTRY["Depthwise"]` is a tuple of Cases."""

from collections.abc import Iterator
from dataclasses import replace

from depthwise.ops import REGISTRY as OPERATORS
from depthwise.ops.cases._integers import KINDS
from depthwise.ops.cases.base import Case
from depthwise.registry import Registry

REGISTRY: Registry[tuple[Case, ...]] = Registry("case table", __name__, "CASES")

__all__ = ["REGISTRY", "Case", "in_integers", "integer_cases"]


def integer_cases(op: str) -> Iterator[Case]:
    """The cases of an operator in 8-bit form: each with random values, every third with one of the other kinds too."""
    if OPERATORS[op].integer is None or op == "Quantize":
        return
    for number, case in enumerate(filter(in_integers, REGISTRY[op])):
        yield replace(case, integer="random")
        if number % 3 == 0 and op != "Normalize":
            yield replace(case, integer=KINDS[1 + number // 3 % (len(KINDS) - 1)])


def in_integers(case: Case) -> bool:
    """Whether a case of floats has an 8-bit form: no camera pixels but in Normalize, no function but a clip."""
    if case.op == "Normalize":
        return True
    clips = case.attributes.get("activation", "none") in ("none", "clip")
    return not case.camera and (clips or case.op == "Activation") and "pad_values" not in case.attributes
