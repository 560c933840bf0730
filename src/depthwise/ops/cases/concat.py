"""Cases of Concat: channels around vector widths, maps and vectors, a large one beside a small one."""

from depthwise.ops.cases.base import Case

CASES = {
    "Concat": tuple(
        Case("Concat", ((1, left, *size), (1, right, *size)))
        for left, right in ((1, 1), (3, 5), (16, 16), (33, 7), (64, 1))
        for size in ((3, 5), (1, 1), ())
    )
}
