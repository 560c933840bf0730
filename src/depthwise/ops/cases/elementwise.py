"""Cases of the elementwise operators, softmax and normalization."""

from depthwise.ops.cases.base import ACTIVATIONS, Case

_SHAPES = ((1, 1, 1, 1), (1, 7, 3, 5), (1, 16, 4, 4), (1, 24, 3, 3), (1, 33, 2, 3), (1, 10))

CASES = {
    "Add": (
        *(Case("Add", (shape, shape)) for shape in _SHAPES),
        *(Case("Add", (_SHAPES[1],) * 2, attributes=activation) for activation in ACTIVATIONS[1:]),
    ),
    "Multiply": (
        *(Case("Multiply", (shape, shape)) for shape in _SHAPES),
        *(Case("Multiply", (shape, (1, shape[1], 1, 1))) for shape in _SHAPES if len(shape) == 4),
        *(Case("Multiply", (_SHAPES[4], (1, 33, 1, 1)), attributes=activation) for activation in ACTIVATIONS[1:]),
    ),
    "Activation": tuple(
        Case("Activation", (shape,), attributes=activation) for activation in ACTIVATIONS[1:] for shape in _SHAPES
    ),
    "Softmax": tuple(
        Case("Softmax", (shape,)) for shape in ((1, 1), (1, 2), (1, 10), (1, 16), (1, 33), (1, 1000), (1, 9, 1, 1))
    ),
    "Normalize": tuple(
        Case(
            "Normalize",
            ((1, channels, *size),),
            attributes={
                "scale": tuple(0.0171 + 0.001 * c for c in range(channels)),
                "shift": tuple(-2.1 + 0.1 * c for c in range(channels)),
            },
            camera=True,
        )
        for channels in (1, 3, 4, 5)
        for size in ((1, 1), (5, 7), (16, 16))
    ),
}
