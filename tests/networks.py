"""Networks that the tests of several rooms compile: one by hand in normal form, small members of the families."""

import importlib
import pkgutil

import numpy as np
import onnx_ir as ir

from depthwise import design, graph
from depthwise.data.preprocessing import Preprocessing
from depthwise.design import families
from depthwise.graph.metadata import annotate
from depthwise.ops import DOMAIN

CLASSES = ("cat", 'do"g', "b\\ird?? é*/")

FIRST_MEMBERS = tuple(
    next(iter(importlib.import_module(f"{families.__name__}.{one.name}").MODELS))
    for one in pkgutil.iter_modules(families.__path__)
    if not one.name.startswith("_")
)
"""One model of each family: the others differ from it in numbers only."""


def family(
    name: str,
    width: float,
    resolution: int,
    channels: int | None = None,
    classes: int = 10,
    seed: int = 0,
    depth: float = 1.0,
) -> ir.Model:
    """A family's network with random weights, its preprocessing and class names; None: as many channels as it has."""
    scaled = design.architecture(name, width, resolution, classes=classes, channels=channels, depth=depth)
    layers = scaled.layers()
    channels = scaled.channels
    form = scaled.preprocessing((0.485, 0.456, 0.406)[:channels], (0.229, 0.224, 0.225)[:channels])
    names = [f"class {i}" for i in range(classes)]
    return graph.build(layers, graph.initialize(layers, seed), preprocessing=form, classes=names)


def node(op: str, name: str, inputs: list[ir.Value], shape: tuple[int, ...], **attributes: object) -> ir.Node:
    """A node of the normal form."""
    out = ir.Value(name=f"{name}.out", shape=ir.Shape(shape), type=ir.TensorType(ir.DataType.FLOAT))
    return ir.node(op, inputs, attributes, domain=DOMAIN, outputs=[out], name=name)


def tensor(name: str, array: np.ndarray) -> ir.Value:
    """A parameter of the normal form."""
    return ir.Value(
        name=name,
        shape=ir.Shape(array.shape),
        type=ir.TensorType(ir.DataType.FLOAT),
        const_value=ir.tensor(array.astype(np.float32), name=name),
    )


def by_hand(camera: bool = True, seed: int = 0) -> ir.Model:
    """A residual separable network on 9 x 7 pixels, in normal form: every kind of place, view and in-place operator.

    input [1, 3, 9, 7] -> stem 4 -> depthwise + pointwise -> sum with the stem's output -> pool -> view -> 3 classes.
    """
    random = np.random.default_rng(seed)
    window = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "dilations": [1, 1]}
    relu6 = {"activation": "clip", "minimum": 0.0, "maximum": 6.0}

    def parameters(name: str, *shape: int) -> list[ir.Value]:
        return [
            tensor(f"{name}.weight", random.normal(0, 0.5, shape)),
            tensor(f"{name}.bias", random.normal(0, 0.5, shape[0])),
        ]

    kind = ir.DataType.UINT8 if camera else ir.DataType.FLOAT
    x = ir.Value(name="input", shape=ir.Shape([1, 3, 9, 7]), type=ir.TensorType(kind))
    stem_parameters = parameters("stem", 4, 3, 3, 3)
    padding = {"pad_values": [124.0, 116.0, 104.0]} if camera else {}
    stem = node(
        "Convolution",
        "stem",
        [x, *stem_parameters],
        (1, 4, 5, 4),
        strides=[2, 2],
        group=1,
        **padding,
        **window,
        **relu6,
    )
    if camera:
        scaled = stem_parameters[0].const_value.numpy() / np.float32(128)
        stem_parameters[0].const_value = ir.tensor(scaled, name="stem.weight")
    depthwise = node(
        "Depthwise",
        "depthwise",
        [stem.outputs[0], *parameters("depthwise", 4, 1, 3, 3)],
        (1, 4, 5, 4),
        strides=[1, 1],
        group=4,
        **window,
        **relu6,
    )
    pointwise = node(
        "Pointwise", "pointwise", [depthwise.outputs[0], *parameters("pointwise", 4, 4, 1, 1)], (1, 4, 5, 4)
    )
    add = node("Add", "add", [pointwise.outputs[0], stem.outputs[0]], (1, 4, 5, 4))
    pool = node("GlobalAveragePool", "pool", [add.outputs[0]], (1, 4, 1, 1))
    flatten = node("Flatten", "flatten", [pool.outputs[0]], (1, 4))
    classifier = node("FullyConnected", "classifier", [flatten.outputs[0], *parameters("classifier", 3, 4)], (1, 3))
    nodes = [stem, depthwise, pointwise, add, pool, flatten, classifier]
    constants = [value for one in nodes for value in one.inputs if value.const_value is not None]
    inside = ir.Graph([x], list(classifier.outputs), nodes=nodes, initializers=constants, opset_imports={DOMAIN: 1})
    model = ir.Model(inside, ir_version=8)
    form = Preprocessing(9, 3, mean=(0.486, 0.455, 0.408), std=(0.5, 0.5, 0.5))
    annotate(model, form if camera else None, CLASSES)
    return model


class Chain:
    """Nodes of the normal form one after the other, with random parameters: a camera's pixels in."""

    def __init__(self, size: int) -> None:
        self._x = ir.Value(name="input", shape=ir.Shape([1, 3, size, size]), type=ir.TensorType(ir.DataType.UINT8))
        self._nodes: list[ir.Node] = []
        self._random = np.random.default_rng(0)

    @property
    def end(self) -> ir.Value:
        """What the last node makes."""
        return self._nodes[-1].outputs[0] if self._nodes else self._x

    def weighted(
        self, op: str, outputs: int, kernel: int = 1, stride: int = 1, dilation: int = 1, **more: object
    ) -> None:
        """A convolution of any kind, padded so that only the stride shrinks the map; `group` among `more`."""
        _, channels, height, _ = self.end.shape.numpy()
        pad, side, name = (kernel - 1) * dilation // 2, -(-height // stride), f"n{len(self._nodes)}"
        weight = self._random.normal(0, 1, (outputs, channels // more.setdefault("group", 1), kernel, kernel))
        scale = np.sqrt(np.prod(weight.shape[1:])) * (1 if self._nodes else 128)
        values = [
            self.end,
            tensor(f"{name}.w", weight / scale),
            tensor(f"{name}.b", self._random.normal(0, 1, outputs)),
        ]
        window = {
            "kernel_shape": [kernel] * 2,
            "strides": [stride] * 2,
            "pads": [pad] * 4,
            "dilations": [dilation] * 2,
        }
        self._nodes.append(node(op, name, values, (1, outputs, side, side), **window, **more))

    def apply(self, op: str, *others: ir.Value, shape: tuple[int, ...] | None = None, **attributes: object) -> None:
        """An operator without parameters on the end and `others`; `shape` if it is not that of the end."""
        inputs = [self.end, *others]
        self._nodes.append(node(op, f"n{len(self._nodes)}", inputs, shape or self.end.shape.numpy(), **attributes))

    def model(self) -> ir.Model:
        """The network that ends here."""
        constants = [value for one in self._nodes for value in one.inputs if value.const_value is not None]
        inside = ir.Graph(
            [self._x], [self.end], nodes=self._nodes, initializers=constants, opset_imports={DOMAIN: 1}, name="chain"
        )
        return ir.Model(inside, ir_version=8)


RELU6 = {"activation": "clip", "minimum": 0.0, "maximum": 6.0}


def every_tile(size: int = 96) -> ir.Model:
    """The operators with a weight, whose kernels' tiles all occur, and pools."""
    chain = Chain(size)
    chain.weighted("Convolution", 3, 3, 2)
    chain.weighted("Depthwise", 3, 3, group=3)
    chain.weighted("Convolution", 40, 3)
    for kernel in (3, 5, 7):
        for stride in (1, 2):
            chain.weighted("Depthwise", 40, kernel, stride, group=40, **RELU6)
            chain.weighted("Pointwise", 40)
    chain.weighted("Convolution", 80, 3, group=2)
    chain.weighted("Depthwise", 160, 3, group=80)
    chain.weighted("Pointwise", 80, activation="hard_swish")
    chain.weighted("Convolution", 80, 3, 1, 2)
    chain.apply("GlobalAveragePool", shape=(1, 80, 1, 1))
    chain.apply("Flatten", shape=(1, 80))
    chain.apply("Softmax")
    return chain.model()


def inverted_block() -> ir.Model:
    """A residual inverted block between a stem that reads a camera and a classifier."""
    chain = Chain(11)
    chain.weighted("Convolution", 16, 3, 2, pad_values=[124.0, 116.0, 104.0], **RELU6)
    stem = chain.end
    chain.weighted("Pointwise", 24, **RELU6)
    chain.weighted("Depthwise", 24, 3, group=24, **RELU6)
    chain.weighted("Pointwise", 16)
    chain.apply("Add", stem)
    chain.apply("GlobalAveragePool", shape=(1, 16, 1, 1))
    chain.weighted("Pointwise", 10)
    return chain.model()
