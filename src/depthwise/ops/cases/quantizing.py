"""Cases of Quantize and Dequantize: around vector widths, maps and vectors."""

from depthwise.ops.cases.base import Case

_SHAPES = ((1, 1), (1, 7), (1, 16), (1, 67), (1, 3, 5, 4), (1, 16, 2, 3), (1, 33, 3, 7))

CASES = {op: tuple(Case(op, (shape,), integer="random") for shape in _SHAPES) for op in ("Quantize", "Dequantize")}
