"""In which precision does a network ship? In 8 bits if they cost little accuracy and no time on the device.

The ladder (`quantization/`) makes the network in 8 bits and says what it costs on validation images. Where this machine
is the device both are built and timed in turns; on another one the estimates are compared, if it has rates for both.
"""

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import onnx_ir as ir

from depthwise import analysis, graph, profiling
from depthwise.compiler import native_isa
from depthwise.config import Config
from depthwise.data import ImageData
from depthwise.device import HOST, Budget, Device, Precision
from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.progress import Progress
from depthwise.quantization.state import Rung
from depthwise.quantization.task import Wanted, quantize
from depthwise.results import Certainty, Ladder, Shipping
from depthwise.runs import MODELS_OF, Run
from depthwise.units import format_time

TRAIN_SECONDS = 600.0
"""The most that training in 8 bits takes if nothing is said."""

Times = Mapping[Precision, float]
"""Seconds of one image by precision."""


def choose_precision(
    run: Run, device: Device, images: ImageData, progress: Progress
) -> tuple[Precision, Shipping, Ladder | None]:
    """Decides what ships; leaves model.int8.onnx in the run folder if there is one.

    Args:
        run: with model.onnx in its folder.
        device: the target.
        images: calibration takes training images, accuracy is measured on validation images.
        progress: told how it goes.

    Raises:
        UserError: 8 bits are insisted on and cannot be had.
    """
    config = run.config
    if config.precision == "float32":
        return "float32", Shipping(reason="it was asked for"), None
    progress.stage("quantizing")
    network = graph.load(run.path / MODELS_OF["float32"])
    try:
        seconds_at_most = config.train_time or TRAIN_SECONDS
        trained = trained_rungs(network, images, seconds_at_most, progress)
        found = quantize(network, images, Wanted(max_drop=config.max_drop), progress, trained)
    except UserError as error:
        if config.precision == "int8":
            raise
        return "float32", Shipping(reason=f"int8 cannot be had: {error}"), None
    graph.save(graph.to_qdq(found.graph), run.path / MODELS_OF["int8"])
    seconds: Times = {}
    certainty: Certainty = "unknown"
    if found.ladder.within or config.precision == "int8":
        progress.stage("timing")
        seconds, certainty = time_both(run.path, config.input, device, images)
    precision, shipping = decide(config, found.ladder, device.name, seconds, certainty)
    progress.note(f"{precision} ships: {shipping.reason}")
    return precision, shipping, found.ladder


def trained_rungs(model: ir.Model, images: ImageData, seconds: float, progress: Progress) -> Iterator[Rung]:
    """The rungs of the ladder that need torch, which is imported when the first is asked for; none where it is absent.

    Args:
        model: the float Graph, with its preprocessing.
        images: of which the training images are learned from.
        seconds: the most that training in 8 bits takes.
        progress: told how it goes.
    """
    if all(importlib.util.find_spec(name) is not None for name in ("torch", "accelerate")):
        from depthwise import training

        yield from training.trained_rungs(model, images.train, seconds=seconds, progress=progress)


def decide(
    config: Config, ladder: Ladder, device: str, seconds: Times, certainty: Certainty
) -> tuple[Precision, Shipping]:
    """What ships, and why.

    Args:
        config: what was asked for, not float32.
        ladder: what 8 bits cost.
        device: its name. seconds: on it, in both precisions or empty. certainty: of these.
    """
    lost = round(ladder.drop, 1) + 0.0  # no -0.0
    verb = "costs" if lost >= 0 else "wins"
    cost = f"int8 {verb} {abs(lost):.1f} points of accuracy on {ladder.reference.total:,} validation images"
    allowed = f"{'' if ladder.within else 'only '}{ladder.max_drop:g} may be lost"
    reason, slower = f"{cost}, {allowed}", False
    if seconds:
        slower = seconds["int8"] > seconds["float32"]
        about = "" if certainty == "measured" else "about "
        int8, float32 = (about + format_time(seconds[name]) for name in ("int8", "float32"))
        reason += f"; it takes {int8} on {device}, float32 {float32}"
    elif ladder.within:
        reason += f"; its time on {device} cannot be told"
    insisted = config.precision == "int8"
    ships: Precision = "int8" if insisted or (ladder.within and not slower) else "float32"
    missed = insisted and not ladder.within
    return ships, Shipping(reason=reason, missed=missed, seconds=dict(seconds), certainty=certainty)


def time_both(folder: Path, input: str, device: Device, images: ImageData) -> tuple[Times, Certainty]:
    """Seconds of one image in both precisions; empty if they cannot be told.

    Args:
        folder: with both models. input: element type of the compiled networks.
        device: where it is to run. images: one of them is run.

    Raises:
        UserError: as `Engine.build`.
    """
    networks = {precision: graph.load(folder / name) for precision, name in MODELS_OF.items()}
    if device.name == HOST:
        return _measured(networks, input, device, np.asarray(images.validation.pixels[:1])), "measured"
    target = device if device.isa else device.with_isa(native_isa()[:1])
    estimates: dict[Precision, float] = {}
    for precision, network in networks.items():
        verdict = analysis.check(network, target, Budget(), precision)
        latency = next(figure.value for figure in verdict.figures if figure.name == "latency")
        if latency is None:
            return {}, "unknown"
        estimates[precision] = float(latency)
    return estimates, "estimated"


def _measured(networks: Mapping[Precision, ir.Model], input: str, device: Device, image: np.ndarray) -> Times:
    runtimes: dict[str, profiling.Runtime] = {}
    for precision, network in networks.items():
        engine = Engine.build(network, input, device=device)
        runtimes[precision] = profiling.Runtime("", engine.prepared(engine.of_pixels(image)))
    rows = profiling.latency(runtimes)
    return {precision: row.minimum_ms / 1e3 for precision, row in zip(networks, rows, strict=True)}


def precisions(run: Run) -> tuple[Precision, ...]:
    """Those that are compiled and verified: float32, and that which ships."""
    return ("float32", "int8") if run.results.shipped == "int8" else ("float32",)


def engine_of(run: Run, precision: Precision, device: Device) -> Engine:
    """The compiled network of a run in a precision: that of its folder c/ if it is the one that ships.

    Raises:
        UserError: as `Engine.load` and `Engine.build`.
    """
    if precision == run.results.shipped:
        return Engine.load(run.path / "c")
    return Engine.build(graph.load(run.path / MODELS_OF[precision]), run.config.input, device=device)
