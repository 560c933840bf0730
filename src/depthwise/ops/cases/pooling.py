"""Cases of the pooling operators: windows, strides, pads, global."""

from depthwise.ops.cases.base import Case, window

_WINDOWS = (window(2, 2, 0), window(3, 2), window(3, 1), window(3, 2, (0, 0, 1, 1)), window(5, 3, (2, 1, 0, 2)))

CASES = {
    "MaxPool": tuple(Case("MaxPool", ((1, c, 9, 11),), attributes=found) for c in (1, 8, 17, 24) for found in _WINDOWS),
    "AveragePool": tuple(
        Case("AveragePool", ((1, c, 9, 11),), attributes={**found, "count_include_pad": count})
        for c in (1, 8, 17)
        for found in _WINDOWS
        for count in (0, 1)
    ),
    "GlobalAveragePool": tuple(
        Case("GlobalAveragePool", (shape,))
        for shape in ((1, 1, 1, 1), (1, 3, 4, 5), (1, 33, 7, 7), (1, 8, 1, 9), (1, 72, 5, 5), (1, 1280, 4, 4))
    ),
}
