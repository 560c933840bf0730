"""Arithmetic on the image that stays in the network

(x - mean) / std before the first convolution, as operators of the network or as a BatchNorm on the image, is one or
two passes over the map of the most pixels there is. A first convolution without padding takes it into its weights. A
padded one cannot: the zeros of its border stand for the mean, and would have to be the mean's pixel.

Found: arithmetic with constants, or a BatchNorm, on the network's input that is still a layer in the normal form, and
the mean and deviation that it stands for.

Mended by: leaving it out of the network that is exported, and giving its mean and deviation to `depthwise compile`:
then the first convolution takes them in, reads the camera's bytes, and its border is the mean's pixel.
"""

from collections.abc import Iterator

import numpy as np

from depthwise.linter.base import Example, Found, Rule
from depthwise.linter.examples import parse
from depthwise.linter.leftovers import Leftover, leftovers
from depthwise.linter.ranges import scales_of
from depthwise.linter.subject import Subject
from depthwise.ops.base import array_of
from depthwise.units import format_bytes

BYTES = 255.0
"""Largest pixel of an image that is not scaled to 0..1."""


def _find(subject: Subject) -> Iterator[Found]:
    rows = {row.name: row for row in subject.cost.layers}
    chain = [leftover for leftover in leftovers(subject) if leftover.on_image]
    if chain:
        moved = sum(rows[str(each.form.name)].moved_bytes for each in chain)
        yield Found(
            tuple(str(each.form.name) for each in chain),
            f"arithmetic on the image moves {format_bytes(moved)} each time: the layer behind it is no filter, or a "
            "padded one, and does not take it in",
            f"export the network without it, and compile with {_flags(chain)}",
        )


def _flags(chain: list[Leftover]) -> str:
    """The options that say what the arithmetic does, of pixels scaled to 0..1."""
    factor, summand = np.ones(1), np.zeros(1)
    for each in chain:
        if scales_of(each.form).size:
            return "its mean and deviation"
        scale, shift = (array_of(value).astype(np.float64).reshape(-1) for value in each.form.inputs[1:3])
        factor, summand = factor * scale, summand * scale + shift
    if not (factor > 0).all():  # an inverted image has no deviation
        return "its mean and deviation"
    mean, std = 0.0 - summand / factor, 1 / factor
    if max(mean.max(), std.max()) > 2:  # pixels 0..255
        mean, std = mean / BYTES, std / BYTES
    return " ".join(
        f"--{name} {','.join(f'{number:.4g}' for number in numbers)}"
        for name, numbers in (("mean", mean), ("std", std))
    )


def _network(pads: str) -> Example:
    model = parse(
        f"""<ir_version: 8, opset_import: ["": 18]>
        network (float[N, 3, 16, 16] image) => (float[N, 8, H, W] result) {{
            [centre] centred = Sub (image, mean)
            [scale] scaled = Div (centred, deviation)
            [first] result = Conv <pads = {pads}> (scaled, w)
        }}""",
        {"w": (8, 3, 3, 3), "mean": (1, 3, 1, 1), "deviation": (1, 3, 1, 1)},
    )
    return Example(model, ("centre", "scale") if "1" in pads else ())


RULES = {
    "DW017": Rule(
        "normalization-not-folded",
        "warning",
        _find,
        bad=lambda: _network("[1, 1, 1, 1]"),
        good=lambda: _network("[0, 0, 0, 0]"),
        needs=("normal", "weights"),
    )
}
