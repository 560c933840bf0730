"""Cases of any operator of the normal form with random shapes, around and below what vectors and tiles hold."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from hypothesis import strategies as st

from depthwise.ops import REGISTRY
from depthwise.ops.cases import in_integers
from depthwise.ops.cases._integers import KINDS
from depthwise.ops.cases.base import ACTIVATIONS, Attribute, Case

_CHANNELS = st.one_of(st.integers(1, 40), st.sampled_from((7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 63, 65)))
_HEIGHTS, _WIDTHS = st.integers(1, 7), st.integers(1, 30)
_ACTIVATIONS = st.sampled_from(ACTIVATIONS)


@st.composite
def random_cases(draw: st.DrawFn) -> Case:
    """One case of some operator, in floats or in 8 bits."""
    case = draw(draw(st.sampled_from(list(_CASES.values())))())
    if REGISTRY[case.op].integer is not None and in_integers(case) and draw(st.booleans()):
        case = replace(case, integer=draw(st.sampled_from(KINDS)))
    return case


def _window(draw: st.DrawFn, *, dilated: bool = True) -> tuple[dict[str, Attribute], tuple[int, int]]:
    """Attributes of a window, its pads smaller than itself, and height and width of a map that it fits into."""
    kernel = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    strides = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    dilations = draw(st.tuples(st.integers(1, 3), st.integers(1, 3))) if dilated else (1, 1)
    pads = draw(st.tuples(*(st.integers(0, size - 1) for size in kernel * 2)))
    least = [
        max(1, (k - 1) * d + 1 - before - after)
        for k, d, before, after in zip(kernel, dilations, pads[:2], pads[2:], strict=True)
    ]
    size = least[0] + draw(st.integers(0, 6)), least[1] + draw(st.integers(0, 24))
    return {"kernel_shape": kernel, "strides": strides, "pads": pads, "dilations": dilations}, size


@st.composite
def _convolution(draw: st.DrawFn) -> Case:
    window, size = _window(draw)
    group = draw(st.sampled_from((1, 1, 2, 3, 8)))
    depth, members = draw(st.integers(1, 9)), draw(st.integers(1, 40 if group == 1 else 12))
    camera = draw(st.booleans())
    more = {"group": group, **draw(_ACTIVATIONS)}
    if camera and draw(st.booleans()):
        more["pad_values"] = tuple(100.0 + channel for channel in range(group * depth))
    kernel = window["kernel_shape"]
    assert isinstance(kernel, tuple)
    weight = (group * members, depth, int(kernel[0]), int(kernel[1]))
    return Case("Convolution", ((1, group * depth, *size),), weight, {**window, **more}, camera)


@st.composite
def _depthwise(draw: st.DrawFn) -> Case:
    window, size = _window(draw)
    channels, multiplier = 1 + draw(_CHANNELS), draw(st.sampled_from((1, 1, 2, 3)))
    kernel = window["kernel_shape"]
    assert isinstance(kernel, tuple)
    weight = (channels * multiplier, 1, int(kernel[0]), int(kernel[1]))
    attributes = {**window, "group": channels, **draw(_ACTIVATIONS)}
    return Case("Depthwise", ((1, channels, *size),), weight, attributes)


@st.composite
def _pointwise(draw: st.DrawFn) -> Case:
    channels, outputs = draw(_CHANNELS), draw(_CHANNELS)
    window: Mapping[str, Attribute] = {
        "kernel_shape": (1, 1),
        "strides": (1, 1),
        "pads": (0,) * 4,
        "dilations": (1, 1),
        "group": 1,
    }
    size = draw(_HEIGHTS), draw(_WIDTHS)
    return Case("Pointwise", ((1, channels, *size),), (outputs, channels, 1, 1), {**window, **draw(_ACTIVATIONS)})


@st.composite
def _fully_connected(draw: st.DrawFn) -> Case:
    channels, outputs = draw(_CHANNELS), draw(_CHANNELS)
    return Case("FullyConnected", ((1, channels),), (outputs, channels), draw(_ACTIVATIONS), draw(st.booleans()))


@st.composite
def _pool(draw: st.DrawFn) -> Case:
    window, size = _window(draw, dilated=False)
    op, channels = draw(st.sampled_from(("MaxPool", "AveragePool"))), draw(_CHANNELS)
    more = {"count_include_pad": draw(st.integers(0, 1))} if op == "AveragePool" else {}
    return Case(op, ((1, channels, *size),), attributes={**window, **more})


@st.composite
def _elementwise(draw: st.DrawFn) -> Case:
    op = draw(st.sampled_from(("Add", "Multiply", "Multiply", "Activation", "GlobalAveragePool")))
    shape = (1, draw(_CHANNELS), draw(_HEIGHTS), draw(_WIDTHS))
    if op == "GlobalAveragePool":
        return Case(op, (shape,))
    attributes = draw(st.sampled_from(ACTIVATIONS[1:])) if op == "Activation" else draw(_ACTIVATIONS)
    other = {"Activation": (), "Add": (shape,)}.get(op, (draw(st.sampled_from((shape, (*shape[:2], 1, 1)))),))
    return Case(op, (shape, *other), attributes=attributes)


@st.composite
def _concat(draw: st.DrawFn) -> Case:
    size = draw(_HEIGHTS), draw(_WIDTHS)
    return Case("Concat", ((1, draw(_CHANNELS), *size), (1, draw(_CHANNELS), *size)))


@st.composite
def _softmax(draw: st.DrawFn) -> Case:
    return Case("Softmax", ((1, draw(st.integers(1, 200))),))


@st.composite
def _normalize(draw: st.DrawFn) -> Case:
    channels = draw(st.integers(1, 5))
    values = {
        "scale": tuple(0.017 + 0.001 * channel for channel in range(channels)),
        "shift": tuple(0.1 * channel - 2 for channel in range(channels)),
    }
    return Case("Normalize", ((1, channels, draw(_HEIGHTS), draw(_WIDTHS)),), attributes=values, camera=True)


_CASES: Mapping[str, Callable[[], st.SearchStrategy[Case]]] = {
    "convolution": _convolution,
    "depthwise": _depthwise,
    "pointwise": _pointwise,
    "fully connected": _fully_connected,
    "pool": _pool,
    "elementwise": _elementwise,
    "concat": _concat,
    "softmax": _softmax,
    "normalize": _normalize,
}
