"""Small networks in ONNX text: what each becomes in normal form, or why it is refused."""

from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir
from graph_models import MAP, model_of


def weights(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed + sum(shape)).normal(0, 0.5, shape).astype(np.float32)


def statistics(channels: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(channels)
    return {
        "s": random.uniform(0.5, 1.5, channels).astype(np.float32),
        "b": random.normal(0, 1, channels).astype(np.float32),
        "m": random.normal(0, 1, channels).astype(np.float32),
        "v": random.uniform(0.5, 1.5, channels).astype(np.float32),
    }


def number(value: float) -> np.ndarray:
    return np.array(value, np.float32)


def integers(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


@dataclass(frozen=True)
class Case:
    """A body in ONNX text whose normal form is `expected`."""

    name: str
    body: str
    expected: str
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    x: str = MAP
    y: str = "float[N,a,b,c] y"
    opset: int = 18

    def model(self) -> ir.Model:
        return model_of(self.body, self.x, self.y, self.opset, **self.constants)


VECTOR = {"y": "float[N,a] y"}
CONV = {"w": weights(8, 4, 3, 3), "c": weights(8)}
NORM = statistics(4)
SWISH = {"three": number(3), "zero": number(0), "six": number(6), "sixth": number(1 / 6)}

CASES = [
    # lower: which convolution is which
    Case("convolution", "y = Conv(x, w, c)", "Convolution", CONV),
    Case("pointwise", "y = Conv(x, w)", "Pointwise", {"w": weights(8, 4, 1, 1)}),
    Case("pointwise_stride", "y = Conv<strides=[2,2]>(x, w)", "Convolution", {"w": weights(8, 4, 1, 1)}),
    Case("depthwise", "y = Conv<group=4, pads=[1,1,1,1]>(x, w)", "Depthwise", {"w": weights(4, 1, 3, 3)}),
    Case("depth_multiplier", "y = Conv<group=4, strides=[2,1]>(x, w)", "Depthwise", {"w": weights(8, 1, 3, 2)}),
    Case("grouped", "y = Conv<group=2>(x, w)", "Convolution", {"w": weights(6, 2, 3, 3)}),
    Case("one_channel", "y = Conv(x, w)", "Convolution", {"w": weights(1, 1, 3, 3)}, x="float[N,1,6,6] x"),
    Case("dilated", "y = Conv<dilations=[2,2], pads=[2,2,2,2]>(x, w)", "Convolution", CONV | {}),
    Case("residual", "a = Conv(x, w) y = Add(a, x)", "Pointwise Add", {"w": weights(4, 4, 1, 1)}),
    Case(
        "softmax",
        "g = GlobalAveragePool(x) f = Flatten(g) y = Softmax(f)",
        "GlobalAveragePool Flatten Softmax",
        **VECTOR,
    ),
    Case("sum", "a = Conv(x, w) y = Sum(a, x)", "Pointwise Add", {"w": weights(4, 4, 1, 1)}),
    Case("max_pool", "y = MaxPool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(x)", "MaxPool"),
    Case("average_pool", "y = AveragePool<kernel_shape=[3,3], strides=[2,2], pads=[1,1,1,1]>(x)", "AveragePool"),
    Case("counted_pool", "y = AveragePool<kernel_shape=[2,2], pads=[1,0,0,1], count_include_pad=1>(x)", "AveragePool"),
    # fold_constants
    Case(
        "constant_node",
        "w = Constant<value = float[4,4,1,1] {1,0,0,0, 0,2,0,0, 0,0,3,0, 1,1,1,1}>() y = Conv(x, w)",
        "Pointwise",
    ),
    Case(
        "computed_weight",
        "v = Mul(w, t) y = Conv(x, v)",
        "Convolution",
        {"w": weights(8, 4, 3, 3), "t": weights(8, 1, 1, 1)},
    ),
    Case(
        "shape_arithmetic",
        "g = GlobalAveragePool(x) s = Shape(g) n = Gather(s, i) u = Unsqueeze(n, a) "
        "r = Concat<axis=0>(u, m) y = Reshape(g, r)",
        "GlobalAveragePool Flatten",
        {"i": np.array(0, np.int64), "a": integers(0), "m": integers(-1)},
        **VECTOR,
    ),
    # remove_identities
    Case(
        "identities", "a = Identity(x) b = Dropout(a) c = Relu(b) d = Cast<to=1>(c) y = Identity(d)", "Activation+clip"
    ),
    Case("dropout_output", "a = Conv(x, w) y = Dropout(a)", "Pointwise", {"w": weights(4, 4, 1, 1)}),
    Case("useless_reshape", "a = Reshape(x, s) y = Relu(a)", "Activation+clip", {"s": integers(0, 4, 6, 6)}),
    Case("useless_transpose", "a = Transpose<perm=[0,1,2,3]>(x) y = Relu(a)", "Activation+clip"),
    # fold_batchnorm
    Case(
        "batchnorm",
        "a = Conv(x, w) y = BatchNormalization(a, s, b, m, v)",
        "Convolution",
        {"w": CONV["w"], **statistics(8)},
    ),
    Case(
        "batchnorm_bias",
        "a = Conv(x, w, c) y = BatchNormalization<epsilon=0.1>(a, s, b, m, v)",
        "Convolution",
        CONV | statistics(8),
    ),
    Case(
        "batchnorm_depthwise",
        "a = Conv<group=4>(x, w) y = BatchNormalization(a, s, b, m, v)",
        "Depthwise",
        {"w": weights(4, 1, 3, 3), **NORM},
    ),
    Case(
        "batchnorm_twice",
        "a = Conv(x, w) d = BatchNormalization(a, s, b, m, v) y = BatchNormalization(d, s, b, m, v)",
        "Pointwise",
        {"w": weights(4, 4, 1, 1), **NORM},
    ),
    Case(
        "batchnorm_shared_weight",
        "a = Conv(x, w) d = BatchNormalization(a, s, b, m, v) y = Conv(d, w)",
        "Pointwise Pointwise",
        {"w": weights(4, 4, 1, 1), **NORM},
    ),
    Case(
        "batchnorm_other_reader",
        "a = Conv(x, w) d = BatchNormalization(a, s, b, m, v) y = Add(a, d)",
        "Pointwise Depthwise Add",
        {"w": weights(4, 4, 1, 1), **NORM},
    ),
    Case(
        "batchnorm_gemm",
        "g = GlobalAveragePool(x) f = Flatten(g) l = Gemm(f, w) y = BatchNormalization(l, s, b, m, v)",
        "GlobalAveragePool Flatten FullyConnected",
        {"w": weights(4, 5), **statistics(5)},
        **VECTOR,
    ),
    # fold_batchnorm_forward, batchnorm_to_depthwise
    Case(
        "batchnorm_first",
        "a = BatchNormalization(x, s, b, m, v) y = Conv(a, w)",
        "Convolution",
        {"w": CONV["w"], **NORM},
    ),
    Case(
        "batchnorm_first_grouped",
        "a = BatchNormalization(x, s, b, m, v) y = Conv<group=2>(a, w, c)",
        "Convolution",
        {"w": weights(6, 2, 3, 3), "c": weights(6), **NORM},
    ),
    Case(
        "batchnorm_before_padding",
        "a = BatchNormalization(x, s, b, m, v) y = Conv<pads=[1,1,1,1]>(a, w)",
        "Depthwise Convolution",
        {"w": CONV["w"], **NORM},
    ),
    Case("batchnorm_alone", "a = Relu(x) y = BatchNormalization(a, s, b, m, v)", "Activation+clip Depthwise", NORM),
    Case(
        "batchnorm_vector",
        "g = GlobalAveragePool(x) f = Flatten(g) y = BatchNormalization(f, s, b, m, v)",
        "GlobalAveragePool Depthwise Flatten",
        NORM,
        **VECTOR,
    ),
    # recompose_affine
    Case(
        "matmul_add",
        "g = GlobalAveragePool(x) f = Flatten(g) l = MatMul(f, w) y = Add(c, l)",
        "GlobalAveragePool Flatten FullyConnected",
        {"w": weights(4, 5), "c": weights(5)},
        **VECTOR,
    ),
    Case(
        "gemm_settings",
        "g = GlobalAveragePool(x) f = Flatten(g) y = Gemm<alpha=0.5, beta=2.0>(f, w, c)",
        "GlobalAveragePool Flatten FullyConnected",
        {"w": weights(4, 5), "c": weights(1)},
        **VECTOR,
    ),
    Case(
        "input_scaling",
        "a = Sub(x, m) d = Div(a, s) y = Conv(d, w)",
        "Convolution",
        {"m": weights(1, 4, 1, 1), "s": statistics(4)["s"].reshape(4, 1, 1), "w": CONV["w"]},
    ),
    Case(
        "one_minus",
        "a = Conv(x, w) d = Sub(one, a) y = Mul(d, two)",
        "Pointwise",
        {"w": weights(4, 4, 1, 1), "one": number(1), "two": number(2)},
    ),
    Case("useless_product", "a = Relu(x) y = Mul(a, one)", "Activation+clip", {"one": number(1)}),
    # recompose_activations, fuse_activation
    Case("relu", "a = Conv(x, w, c) y = Relu(a)", "Convolution+clip", CONV),
    Case("relu6", "a = Conv(x, w, c) y = Clip(a, zero, six)", "Convolution+clip", CONV | SWISH),
    Case("clip_open", "a = Conv(x, w, c) y = Clip(a, , six)", "Convolution+clip", CONV | SWISH),
    Case("min_max", "a = Conv(x, w, c) d = Max(zero, a) y = Min(d, six)", "Convolution+clip", CONV | SWISH),
    Case("relu_then_min", "a = Conv(x, w, c) d = Relu(a) y = Min(d, six)", "Convolution+clip", CONV | SWISH),
    Case("hard_swish", "a = Conv(x, w, c) y = HardSwish(a)", "Convolution+hard_swish", CONV),
    Case(
        "hard_swish_divided_last",
        "a = Add(x, three) d = Clip(a, zero, six) e = Mul(x, d) y = Div(e, six)",
        "Activation+hard_swish",
        SWISH,
    ),
    Case(
        "hard_swish_divided_first",
        "a = Add(three, x) d = Clip(a, zero, six) e = Div(d, six) y = Mul(e, x)",
        "Activation+hard_swish",
        SWISH,
    ),
    Case(
        "hard_swish_multiplied",
        "p = Conv(x, w, c) a = Add(p, three) d = Clip(a, zero, six) e = Mul(d, sixth) y = Mul(p, e)",
        "Convolution+hard_swish",
        CONV | SWISH,
    ),
    Case("hard_swish_of_hard_sigmoid", "a = HardSigmoid<alpha=0.16666667>(x) y = Mul(x, a)", "Activation+hard_swish"),
    Case("hard_sigmoid", "a = Conv(x, w, c) y = HardSigmoid<alpha=0.16666667>(a)", "Convolution+hard_sigmoid", CONV),
    Case(
        "hard_sigmoid_decomposed",
        "a = Add(x, three) d = Clip(a, zero, six) y = Div(d, six)",
        "Activation+hard_sigmoid",
        SWISH,
    ),
    Case("relu6_of_sum", "a = Add(x, three) y = Clip(a, zero, six)", "Depthwise+clip", SWISH),
    Case("silu", "a = Conv(x, w, c) s = Sigmoid(a) y = Mul(a, s)", "Convolution+silu", CONV),
    Case("sigmoid", "a = Conv(x, w, c) y = Sigmoid(a)", "Convolution+sigmoid", CONV),
    Case(
        "swish_twice_read",
        "a = Conv(x, w) s = Sigmoid(a) m = Mul(a, s) y = Add(m, s)",
        "Pointwise Activation+sigmoid Activation+silu Add",
        {"w": weights(4, 4, 1, 1)},
    ),
    Case(
        "activation_other_reader",
        "a = Conv(x, w) r = Relu(a) y = Add(a, r)",
        "Pointwise Activation+clip Add",
        {"w": weights(4, 4, 1, 1)},
    ),
    Case("activation_of_output", "a = Add(x, x) y = Relu(a)", "Add+clip"),
    Case(
        "two_activations",
        "a = Conv(x, w) r = Relu(a) y = Sigmoid(r)",
        "Pointwise+clip Activation+sigmoid",
        {"w": weights(4, 4, 1, 1)},
    ),
    # squeeze-excite
    Case(
        "squeeze_excite",
        "g = GlobalAveragePool(x) a = Conv(g, w) s = Sigmoid(a) y = Mul(s, x)",
        "GlobalAveragePool Pointwise+sigmoid Multiply",
        {"w": weights(4, 4, 1, 1)},
    ),
    Case(
        "squeeze_excite_vectors",
        "g = ReduceMean<keepdims=0>(x, axes) h = MatMul(g, w) r = Relu(h) e = Gemm(r, u, c) "
        "s = Sigmoid(e) t = Reshape(s, to) y = Mul(x, t)",
        "GlobalAveragePool Pointwise+clip Pointwise+sigmoid Multiply",
        {"axes": integers(2, 3), "w": weights(4, 2), "u": weights(2, 4), "c": weights(4), "to": integers(-1, 4, 1, 1)},
    ),
    Case(
        "unsqueeze",
        "g = ReduceMean<keepdims=0>(x, axes) s = Sigmoid(g) t = Unsqueeze(s, axes) y = Mul(x, t)",
        "GlobalAveragePool Activation+sigmoid Multiply",
        {"axes": integers(2, 3)},
    ),
    # explicit_padding
    Case("same_upper", 'y = Conv<auto_pad="SAME_UPPER", strides=[2,2]>(x, w)', "Convolution", CONV),
    Case("same_lower", 'y = Conv<auto_pad="SAME_LOWER", strides=[2,2]>(x, w)', "Convolution", CONV),
    Case("valid", 'y = Conv<auto_pad="VALID">(x, w)', "Convolution", CONV),
    Case(
        "pad_conv",
        "p = Pad(x, pads) y = Conv<pads=[1,0,0,0]>(p, w)",
        "Convolution",
        CONV | {"pads": integers(0, 0, 0, 1, 0, 0, 1, 2)},
    ),
    Case(
        "pad_axes",
        "p = Pad(x, pads, zero, axes) y = Conv(p, w)",
        "Convolution",
        CONV | SWISH | {"pads": integers(1, 2, 3, 4), "axes": integers(3, 2)},
    ),
    Case(
        "pad_two_readers",
        "p = Pad(x, pads) a = Conv(p, w) d = Conv(p, w) y = Add(a, d)",
        "Convolution Convolution Add",
        CONV | {"pads": integers(0, 0, 1, 1, 0, 0, 1, 1)},
    ),
    Case("pad_nothing", "p = Pad(x, pads) y = Relu(p)", "Activation+clip", {"pads": integers(*[0] * 8)}),
    Case(
        "pad_average",
        "p = Pad(x, pads) y = AveragePool<kernel_shape=[3,3]>(p)",
        "AveragePool",
        {"pads": integers(0, 0, 1, 1, 0, 0, 1, 1)},
    ),
    Case(
        "pad_max",
        "r = Relu(x) p = Pad(r, pads) y = MaxPool<kernel_shape=[3,3]>(p)",
        "Activation+clip MaxPool",
        {"pads": integers(0, 0, 1, 1, 0, 0, 1, 1)},
    ),
    Case("ceil_max", "y = MaxPool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1>(x)", "MaxPool"),
    Case("ceil_average", "y = AveragePool<kernel_shape=[3,3], strides=[2,2], ceil_mode=1>(x)", "AveragePool"),
    # canonical_views, flatten_to_convolution
    Case("mean", "y = ReduceMean(x, axes)", "GlobalAveragePool", {"axes": integers(-1, -2)}),
    Case(
        "mean_of_mean",
        "a = ReduceMean<keepdims=0>(x, three) y = ReduceMean<keepdims=0>(a, two)",
        "GlobalAveragePool Flatten",
        {"three": integers(3), "two": integers(2)},
        **VECTOR,
    ),
    Case("mean_opset_13", "y = ReduceMean<axes=[2,3]>(x)", "GlobalAveragePool", opset=13),
    Case("whole_average", "y = AveragePool<kernel_shape=[6,6]>(x)", "GlobalAveragePool"),
    Case("global_max", "y = GlobalMaxPool(x)", "MaxPool"),
    Case(
        "squeeze",
        "g = GlobalAveragePool(x) y = Squeeze(g, axes)",
        "GlobalAveragePool Flatten",
        {"axes": integers(2, 3)},
        **VECTOR,
    ),
    Case(
        "linear_on_map",
        "f = Flatten(x) y = Gemm<transB=1>(f, w, c)",
        "Convolution Flatten",
        {"w": weights(5, 144), "c": weights(5)},
        **VECTOR,
    ),
    Case(
        "linear_after_relu",
        "f = Reshape(x, s) r = Relu(f) l = MatMul(r, w) y = Relu(l)",
        "Activation+clip Convolution+clip Flatten",
        {"s": integers(-1, 144), "w": weights(144, 5)},
        **VECTOR,
    ),
    Case(
        "two_linear",
        "f = Flatten(x) a = Gemm(f, w) d = Gemm(f, w) y = Add(a, d)",
        "Convolution Flatten Convolution Flatten Add",
        {"w": weights(144, 5)},
        **VECTOR,
    ),
    Case(
        "linear_chain",
        "f = Flatten(x) a = Gemm(f, w) r = Relu(a) y = Gemm(r, u)",
        "Convolution+clip Flatten FullyConnected",
        {"w": weights(144, 5), "u": weights(5, 3)},
        **VECTOR,
    ),
    Case(
        "vector_input",
        "a = Gemm(x, w) y = Relu(a)",
        "FullyConnected+clip",
        {"w": weights(7, 3)},
        x="float[N,7] x",
        **VECTOR,
    ),
]

REFUSALS = [
    Case(
        "unsupported",
        "y = LeakyRelu(x)",
        r"node 'leakyrelu_0' \(LeakyRelu, inputs \[1, 4, 6, 6\]\) has no counterpart.*Supported: Add, Av",
    ),
    Case(
        "unsupported_in_the_middle",
        "a = Relu(x) d = Sin(a) y = Relu(d)",
        r"node 'sin_1' \(Sin, inputs \[1, 4, 6, 6\]\)",
    ),
    Case(
        "window_too_large",
        "y = Conv<dilations=[3,3]>(x, w)",
        r"node 'conv_0' \(Conv, inputs \[1, 4, 6, 6\].* has a window of 7 on 6 padded pixels \(axis 2\)",
        CONV,
    ),
    Case(
        "window_of_another_weight",
        "y = Conv<kernel_shape=[5,5]>(x, w)",
        r"node 'conv_0' \(Conv.* has kernel_shape \[5, 5\] and a weight of \[3, 3\]",
        CONV,
    ),
    Case(
        "odd_groups",
        "y = Conv<group=3>(x, w)",
        r"node 'conv_0' \(Conv.* has a weight for 12 channels in 3 groups",
        CONV,
    ),
    Case(
        "dilated_pool",
        "y = MaxPool<kernel_shape=[2,2], dilations=[2,2]>(x)",
        r"node 'maxpool_0' \(MaxPool, inputs \[1, 4, 6, 6\]\) has dilations",
    ),
    Case(
        "training_batchnorm",
        "a = Conv(x, w) y, p, q = BatchNormalization<training_mode=1>(a, s, b, m, v)",
        "in training mode: call model.eval",
        {"w": weights(4, 4, 1, 1), **NORM},
    ),
    Case(
        "training_dropout",
        "y = Dropout(x, r, t)",
        "in training mode: call model.eval",
        {"r": number(0.5), "t": np.array(True)},
    ),
    Case(
        "negative_variance",
        "y = BatchNormalization(x, s, b, m, n)",
        "variance of -1",
        {**NORM, "n": np.full(4, -1, np.float32)},
    ),
    Case(
        "nan",
        "y = Conv(x, w)",
        "weight 'w' .* has 1 values that are NaN",
        {"w": np.array([np.nan] + [0] * 15, np.float32).reshape(4, 4, 1, 1)},
    ),
    Case(
        "infinite", "y = Conv(x, w)", "weight 'w' .* NaN or infinite", {"w": np.full((4, 4, 1, 1), np.inf, np.float32)}
    ),
    Case("hard_sigmoid", "y = HardSigmoid(x)", "has alpha 0.2: only"),
    Case("clip_tensor", "g = ReduceMean(x) y = Clip(x, g)", "bounds that are no scalar constants"),
    Case("max_of_two", "a = Sin(x) y = Max(x, a)", "Sin"),
    Case("clip_empty", "y = Clip(x, six, zero)", "has the bounds 6 and 0", SWISH),
    Case(
        "reflect",
        'p = Pad<mode="reflect">(x, pads) y = Conv(p, w)',
        "only with constant zeros",
        CONV | {"pads": integers(0, 0, 1, 1, 0, 0, 1, 1)},
    ),
    Case(
        "negative_pads",
        "y = Conv<pads=[0,-1,0,0]>(x, w)",
        r"has pads \[0, -1, 0, 0\]: 4 numbers of at least 0|do not fit",
        CONV,
    ),
    Case("one_stride", "y = MaxPool<kernel_shape=[2,2], strides=[0,1]>(x)", r"has strides \[0, 1\]|do not fit"),
    Case(
        "pad_channels",
        "p = Pad(x, pads) y = Relu(p)",
        "only borders around height and width",
        {"pads": integers(0, 1, 0, 0, 0, 0, 0, 0)},
    ),
    Case(
        "pad_alone",
        "p = Pad(x, pads) y = Relu(p)",
        "border of zeros before a convolution",
        {"pads": integers(0, 0, 1, 1, 0, 0, 1, 1)},
    ),
    Case(
        "pad_ones",
        "p = Pad(x, pads, one) y = Conv(p, w)",
        "border of zeros before a convolution",
        CONV | {"one": number(1), "pads": integers(0, 0, 1, 1, 0, 0, 1, 1)},
    ),
    Case(
        "pad_max_negative",
        "p = Pad(x, pads) y = MaxPool<kernel_shape=[3,3]>(p)",
        "border of zeros before a conv",
        {"pads": integers(0, 0, 1, 1, 0, 0, 1, 1)},
    ),
    Case("mean_of_channels", "y = ReduceMean(x, axes)", r"averages over axes \[1\]", {"axes": integers(1)}),
    Case("reshape", "y = Reshape(x, s)", r"makes \[1, 2, 12, 6\] of \[1, 4, 6, 6\]", {"s": integers(1, 2, 12, 6)}),
    Case("flatten_map", "y = Flatten(x)", "flattens a map that no fully connected layer reads", **VECTOR),
    Case("add_broadcast", "g = GlobalAveragePool(x) y = Add(x, g)", "adds values of different shapes"),
    Case("add_per_pixel", "y = Add(x, w)", "neither a scalar nor one number per channel", {"w": weights(1, 4, 6, 6)}),
    Case("sum_of_three", "y = Sum(x, x, x)", "adds other than two values"),
    Case("weight_of_other_channels", "y = Conv(x, w)", "weight for 3 channels", {"w": weights(4, 3, 1, 1)}),
    Case("matrix_of_other_features", "f = Flatten(x) y = Gemm(f, w)", "do not fit|matrix for 9", {"w": weights(9, 2)}),
    Case("swish", "y = Swish<alpha=2.0>(x)", "has alpha 2: only", opset=24),
    Case(
        "batchnorm_sizes",
        "y = BatchNormalization(x, s, b, m, v)",
        "parameters of other sizes than its 4 channels|do not fit",
        statistics(3),
    ),
    Case("difference", "a = Relu(x) y = Sub(x, a)", "only sums and products"),
    Case("constant_over", "y = Div(one, x)", "divides a constant", {"one": number(1)}),
    Case("product_of_maps", "y = MatMul(x, x)", "only as a fully connected layer"),
    Case("softmax_map", "y = Softmax(x)", "softmax is supported over the channels of a vector"),
    Case("conv_weights", "g = GlobalAveragePool(x) y = Conv(x, g)", "weights that are no constants|do not fit"),
    Case(
        "one_dimensional",
        "y = Conv(x, w)",
        "do not fit together|not two-dimensional|neither an image",
        {"w": weights(4, 4, 3)},
        x="float[N,4,6] x",
    ),
    Case("dilated_pool", "y = MaxPool<kernel_shape=[2,2], dilations=[2,2]>(x)", "dilations, which are not supported"),
    Case("only_identity", "y = Identity(x)", "computes nothing"),
    Case("constant_output", "y = Identity(w)", "computes nothing", {"w": weights(1, 4, 1, 1)}),
    Case("transpose", "a = Transpose<perm=[0,2,3,1]>(x) y = Relu(a)", "node 'transpose_0' .*reorders"),
    Case("dynamic_size", "y = Relu(x)", r"input 'x' \[N, 4, H, W\] has dynamic sizes", x="float[N,4,H,W] x"),
    Case("fixed_batch", "y = Relu(x)", "fixed batch 8: export it with batch 1", x="float[8,4,6,6] x"),
    Case(
        "second_input",
        "y = Relu(x)",
        r"input 'z' \[N, 4, a, 6\] has dynamic sizes",
        x="float[N,4,6,6] x, float[N,4,a,6] z",
    ),
    Case(
        "same_outputs",
        "y = Relu(x) z = Identity(y)",
        "outputs 'z' and 'y' are the same: export one of them",
        y="float[N,4,6,6] y, float[N,4,6,6] z",
    ),
    Case("passed_through", "y = Relu(x)", "its output 'x' is its input", y="float[N,4,6,6] y, float[N,4,6,6] x"),
    Case("listed_twice", "y = Relu(x)", "output 'y' twice", y="float[N,4,6,6] y, float[N,4,6,6] y"),
    Case("double_input", "y = Relu(x)", "is DOUBLE: export the network with a float32 input", x="double[N,4,6,6] x"),
]
