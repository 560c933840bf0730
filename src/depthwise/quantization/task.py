"""The ladder on a model and its images: from a float Graph to one of 8 bits, with the record of how."""

import importlib.util
import math
import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
import onnx_ir as ir

from depthwise.data.images import ImageData, Split
from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.graph.metadata import classes_of, has_weights, preprocessing_of
from depthwise.graph.pipeline import normalize
from depthwise.graph.quantizing import separate_functions
from depthwise.ops.base import shape_of
from depthwise.progress import Progress, Silent
from depthwise.quantization.ladder import Climb, Goal, climb, float_layers, keep_floats
from depthwise.quantization.noise import noise_of
from depthwise.quantization.ranges import METHODS
from depthwise.quantization.rungs import calibrations, repairs
from depthwise.quantization.state import Rung, State, in_bytes
from depthwise.quantization.statistics import FEWEST, collect, inputs_of
from depthwise.registry import choose
from depthwise.results import Interval, Ladder

LOOKED_AT = 64
"""Images that noise and mean errors are taken from."""

MEASURED = 5000
"""Most validation images that a rung is measured on."""

BATCH = 256


@dataclass(frozen=True)
class Wanted:
    """How 8 bits are sought.

    Attributes:
        max_drop: points of accuracy that they may cost.
        method: of `ranges.METHODS`, or "auto" for the best of all.
        per_tensor: one scale for all weights of a layer.
        keep_float: "auto": noisy layers may stay in float if nothing else helps; "none".
        images: for calibration, from the training images.
    """

    max_drop: float = 1.0
    method: str = "auto"
    per_tensor: bool = False
    keep_float: str = "auto"
    images: int = 256

    def __post_init__(self) -> None:
        """Raises UserError for what is out of range."""
        choose("method", self.method, ("auto", *METHODS))
        choose("way to keep float", self.keep_float, ("auto", "none"))
        if not 0 <= self.max_drop <= 100:
            raise UserError(f"--max-drop is {self.max_drop:g}: it is a number of points of accuracy, from 0 to 100")
        if self.images < FEWEST:
            raise UserError(f"--images is {self.images}: ranges need {FEWEST} calibration images or more")


@dataclass(frozen=True, eq=False)
class Quantized:
    """A network in 8 bits (normal form, float inputs and outputs), the State it is made of, and how it came about."""

    graph: ir.Model
    state: State
    ladder: Ladder


def quantize(
    model: ir.Model,
    images: ImageData,
    wanted: Wanted | None = None,
    progress: Progress | None = None,
    trained: Iterable[Rung] = (),
) -> Quantized:
    """Climbs the ladder: calibration, repairs, then rungs that train, then layers in float.

    Args:
        model: a float Graph with weights and one image input.
        images: calibration takes training images, a rung is measured on validation images.
        wanted: how.
        progress: told how it goes.
        trained: rungs that need torch, in order; asked for, and taken, where the others do not suffice.

    Raises:
        UserError: a network without weights, with several inputs or outputs, or in 8 bits already; images of other
            classes or shapes; too few of them; a tensor that is not finite.
    """
    wanted, progress = wanted or Wanted(), progress or Silent()
    start = prepare(model, images, wanted.images, progress)
    goal = Goal(start.reference, wanted.max_drop)
    rungs = chain(calibrations(wanted.method, wanted.per_tensor), start.repairs(), trained)
    reached = climb(start.state, rungs, start.bench.judge, goal, progress)
    if not goal.reached(reached.accuracy):
        reached = _further(reached, start, goal, wanted, progress)
    layers, share = float_layers(reached.state)
    ladder = Ladder(
        reference=start.reference,
        accuracy=reached.accuracy,
        rungs=list(reached.rungs),
        max_drop=wanted.max_drop,
        noise=noise_of(reached.state, start.inputs),
        floats=layers,
        float_share=share,
        calibration=len(start.chosen),
    )
    return Quantized(in_bytes(reached.state), reached.state, ladder)


@dataclass(frozen=True, eq=False)
class Start:
    """What stands before the first rung.

    Attributes:
        state: the float network and the statistics of its tensors.
        bench: measures networks. reference: accuracy of the float one.
        chosen: calibration images, uint8 [N, H, W, C]. inputs: what the network takes of some, float32 [N, H, W, C].
    """

    state: State
    bench: "Bench"
    reference: Interval
    chosen: np.ndarray
    inputs: np.ndarray

    def repairs(self) -> list[Rung]:
        """The rungs without torch that follow calibration."""
        return repairs(self.chosen, self.inputs, self.bench.measure, self.reference)


def prepare(model: ir.Model, images: ImageData, count: int, progress: Progress) -> Start:
    """Measures the float network and takes statistics of `count` images; errors as for `quantize`."""
    network = separate_functions(_float_network(model))
    bench = Bench(images.validation, _labels(network, images))
    progress.stage("float32")
    reference = bench.measure(network)
    chosen = evenly(images.train, count)
    progress.stage("ranges")
    state = State(network, collect(network, chosen, progress))
    inputs = _inputs(network, chosen[:: max(1, len(chosen) // LOOKED_AT)][:LOOKED_AT])
    return Start(state, bench, reference, chosen, inputs)


def evenly(split: Split, count: int) -> np.ndarray:
    """At most `count` images of a split, evenly spaced, so that each class is among them; uint8 [N, H, W, C]."""
    places = np.unique(np.linspace(0, len(split) - 1, count).astype(np.int64))
    return np.asarray(split.pixels[places])


class Bench:
    """Accuracy on validation images, through the compiled network."""

    def __init__(self, split: Split, labels: np.ndarray) -> None:
        places = np.unique(np.linspace(0, len(split) - 1, MEASURED).astype(np.int64))
        self._pixels, self._labels = np.asarray(split.pixels[places]), labels[places]
        self._threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

    def measure(self, network: ir.Model) -> Interval:
        """Of a network in normal form with float inputs."""
        engine, correct = Engine.build(network, "float"), 0
        for begin in range(0, len(self._pixels), BATCH):
            logits = engine(inputs_of(engine, self._pixels[begin : begin + BATCH]), self._threads)
            found = logits.reshape(len(logits), -1).argmax(1)
            correct += int((found == self._labels[begin : begin + BATCH]).sum())
        return Interval.of(correct, len(self._labels))

    def judge(self, state: State) -> Interval:
        """Of a State, in 8 bits."""
        return self.measure(in_bytes(state))


def _further(reached: Climb, start: Start, goal: Goal, wanted: Wanted, progress: Progress) -> Climb:
    """What is left to do when no rung was enough."""
    if importlib.util.find_spec("torch") is None:
        progress.note("learned rounding and training in 8 bits need torch: pip install 'depthwise[train]'")
    if wanted.keep_float == "none":
        return reached
    return keep_floats(reached, noise_of(reached.state, start.inputs), start.bench.judge, goal, progress)


def _float_network(model: ir.Model) -> ir.Model:
    if not has_weights(model):
        raise UserError("the network has no weights: train it, or give an .onnx file or a run folder")
    network = normalize(model, "float")
    if any(value.dtype == ir.DataType.UINT8 for node in network.graph for value in node.outputs):
        raise UserError("the network is in 8 bits already: give the float one")
    inputs, outputs = list(network.graph.inputs), list(network.graph.outputs)
    if len(inputs) != 1 or len(outputs) != 1 or inputs[0].dtype != ir.DataType.FLOAT:
        raise UserError(
            f"8 bits are measured on classifiers with one float input and one output; the network has {len(inputs)} "
            f"and {len(outputs)}"
        )
    return network


def _labels(network: ir.Model, images: ImageData) -> np.ndarray:
    """The labels of the validation images as the network numbers its classes."""
    names, labels = classes_of(network), images.validation.labels
    outputs = math.prod(shape_of(network.graph.outputs[0]))
    if outputs != len(images.classes):
        raise UserError(f"the network tells {outputs} classes apart and {images.name} has {len(images.classes)}")
    if not names or tuple(names) == tuple(images.classes):
        return np.asarray(labels)
    if sorted(names) != sorted(images.classes):
        missing = sorted(set(images.classes) - set(names)) or sorted(set(names) - set(images.classes))
        raise UserError(
            f"the network knows {len(names)} classes and {images.name} has {len(images.classes)}; '{missing[0]}' is "
            f"not in both: give the data it was trained on"
        )
    return np.asarray([names.index(images.classes[label]) for label in labels])


def _inputs(network: ir.Model, pixels: np.ndarray) -> np.ndarray:
    form = preprocessing_of(network)
    if form is None:
        raise UserError("the network does not say how its images are prepared: give --mean and --std")
    return np.ascontiguousarray(form.normalize(pixels).transpose(0, 2, 3, 1))
