"""Scales and zero points from what calibration saw, and weights in 8 bits."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from depthwise.errors import UserError
from depthwise.quantization.ranges import encode, least_squares, minmax, percentile, range_of
from depthwise.quantization.statistics import BINS, Statistics
from depthwise.quantization.weights import LARGEST_BIAS, quantize_weights

FINITE = st.floats(-(2.0**90), 2.0**90, width=32)


def seen(values: np.ndarray) -> Statistics:
    counts, _ = np.histogram(values, BINS)
    channel = np.ones(1)
    return Statistics(float(values.min()), float(values.max()), counts, *[channel] * 4)


@given(FINITE, FINITE)
def test_zero_is_exact_and_both_ends_are_in_reach(one: float, other: float) -> None:
    low, high = sorted((one, other))
    form = encode(low, high)
    assert form.scale > 0 and np.float32(form.scale) == form.scale and 0 <= form.zero <= 255
    assert form.dequantize(form.quantize(np.zeros(1)))[0] == 0
    for end in (low, high):
        assert abs(form.dequantize(form.quantize(np.float32([end])))[0] - end) <= 1.01 * form.scale


def test_a_tensor_of_zeros_has_a_scale() -> None:
    assert encode(0, 0).scale == 1 and encode(0, 0).zero == 0


@pytest.mark.parametrize("ends", [(np.nan, 1), (0, np.inf), (2, 1)])
def test_what_is_no_range_is_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="no range"):
        encode(*ends)


def test_a_tensor_that_is_not_finite_is_named() -> None:
    values = Statistics(-np.inf, np.nan, np.zeros(BINS, np.int64), *[np.ones(1)] * 4)
    with pytest.raises(UserError, match=r"'stem' holds -inf to nan"):
        range_of("minmax", "stem", values)


def test_rare_values_do_not_widen_a_percentile() -> None:
    values = np.concatenate([np.random.default_rng(0).uniform(-1, 2, 100_000), [-50.0, 80.0]])
    assert minmax(seen(values)) == (-50, 80)
    low, high = percentile(seen(values))
    assert -1.2 < low <= -0.95 and 1.95 <= high < 2.2


def test_a_range_of_nothing_but_zeros_and_one_side() -> None:
    for method in (percentile, least_squares):
        assert encode(*method(seen(np.zeros(10)))).zero == 0
        assert encode(*method(seen(np.linspace(0, 3, 1000)))).zero == 0


def test_least_squares_is_nearer_than_the_extremes() -> None:
    values = np.float32([*np.random.default_rng(0).normal(size=100_000), -20, 30])

    def error(ends: tuple[float, float]) -> float:
        form = encode(*ends)
        return float(np.square(form.dequantize(form.quantize(values)) - values).mean())

    assert error(least_squares(seen(values))) < 0.85 * error(minmax(seen(values)))
    assert error(least_squares(seen(values))) <= error(percentile(seen(values)))


def test_weights_by_channel_are_nearer_than_by_tensor() -> None:
    random = np.random.default_rng(0)
    weight = (random.normal(size=(8, 3, 3, 3)) * 10.0 ** np.arange(-4, 4).reshape(-1, 1, 1, 1)).astype(np.float32)
    bias = np.zeros(8, np.float32)
    each, one = (quantize_weights(weight, bias, 0.1, per_tensor=per) for per in (False, True))
    assert len(set(one.scales.tolist())) == 1
    for found in (each, one):
        assert (np.abs(found.weight() - weight) <= 0.501 * found.scales.reshape(-1, 1, 1, 1)).all()
    assert np.abs(each.values).reshape(8, -1).max(1).tolist() == [127] * 8
    assert not one.values[0].any(), "with one scale the smallest channel is lost"


def test_clipping_lowers_the_squared_error() -> None:
    weight = np.random.default_rng(0).normal(size=(4, 40_000)).astype(np.float32)
    errors = [
        np.square(quantize_weights(weight, np.zeros(4), 0.1, clipped=clipped).weight() - weight).sum()
        for clipped in (False, True)
    ]
    assert errors[1] < errors[0]


def test_a_dead_channel_keeps_its_bias() -> None:
    """Trained networks have channels whose weights are all but 0: their biases would not fit into 32 bits."""
    weight = np.float32([[0, 0], [1e-20, -1e-20], [1, -1]])
    bias = np.float32([3, -5, 0.1])
    found = quantize_weights(weight, bias, 0.02)
    assert (np.abs(found.integer_bias(0.02)) <= LARGEST_BIAS).all()
    assert np.allclose(found.integer_bias(0.02) * found.steps(0.02), bias, rtol=1e-6, atol=1e-4)
    assert found.values.tolist() == [[0, 0], [0, 0], [127, -127]]
