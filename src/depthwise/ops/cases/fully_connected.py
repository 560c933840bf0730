"""Cases of FullyConnected: outputs round vector and panel widths, classifiers."""

from depthwise.ops.cases.base import ACTIVATIONS, Case

CASES = {
    "FullyConnected": (
        *(
            Case("FullyConnected", ((1, 9),), (outputs, 9))
            for outputs in (1, 2, 4, 7, 8, 9, 10, 16, 17, 31, 32, 33, 65)
        ),
        *(Case("FullyConnected", ((1, features),), (10, features)) for features in (1, 2, 8, 33)),
        Case("FullyConnected", ((1, 24),), (96, 24), ACTIVATIONS[4]),
        Case("FullyConnected", ((1, 1280),), (1000, 1280)),
        Case("FullyConnected", ((1, 12),), (5, 12), camera=True),
    )
}
