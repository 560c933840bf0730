"""Depthwise separable networks for small devices: designed, trained, compiled to C, verified and explained.

    module = depthwise.create("mobilenet_v2", width=0.5, resolution=160, classes=10)    # a torch module
    depthwise.cost(module).macs                                                         # exact counts
    depthwise.check("mobilenet_v2", "nrf52840", width=0.35, resolution=96).fits         # and what to change if not
    engine = depthwise.compile(module); engine(batch)                                   # runs as C, NHWC
    depthwise.fit("PHOTOS/", model="mobilenet_v2", width=0.35, train_time="3min")       # images in, everything out

Torch is imported by `create` and `fit` only; nothing heavy is imported before it is needed.
"""

from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any

from depthwise.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import torch

    from depthwise.analysis import Check
    from depthwise.counts import Cost
    from depthwise.design import list_models
    from depthwise.device import Precision
    from depthwise.engine import Engine
    from depthwise.exporters import Exported
    from depthwise.inspection import Inspection
    from depthwise.linter import lint
    from depthwise.profiling.records import Profile
    from depthwise.progress import Progress
    from depthwise.quantization.task import Quantized
    from depthwise.runs import Run
    from depthwise.scaling import scale

__version__ = "0.1.0"
__all__ = [
    "UserError",
    "block",
    "check",
    "compile",
    "cost",
    "create",
    "export",
    "fit",
    "inspect",
    "lint",
    "list_models",
    "profile",
    "quantize",
    "scale",
]


def __getattr__(name: str) -> Any:
    """Imports a function where it lives."""
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"depthwise.{_HOMES[name]}"), name)


_HOMES = {"lint": "linter", "list_models": "design", "scale": "scaling"}


def create(
    name: str, weights: "str | Path | None" = None, *, features_only: bool = False, **options: Any
) -> "torch.nn.Module":
    """A torch module of a registered model.

    Args:
        name: of the model, e.g. "mobilenet_v2", or one that other libraries give it ("mobilenetv2_050").
        weights: a file of torchvision's, timm's or our own, an address, "hf:USER/NAME" or a published name, e.g.
            "mobilenet_v2.imagenet1k_v1"; None: freshly initialized ones.
        features_only: without the head; the last map of each size is returned, the largest first.
        options: width, resolution, classes, channels, as in `design.architecture`.

    Returns:
        A module from float32 images [N, channels, height, width] to logits [N, classes], with
        `forward_features` and `reset_classifier` (`design.network.Network`); or to a list of maps, which `features`
        describes (`design.network.FeatureNetwork`). With weights it says how their images are prepared
        (`preprocessing`), and so does what is compiled or exported from it.

    Raises:
        UserError: an unknown name, a value out of range, weights of another network, or torch is not installed.
    """
    from depthwise.design import architecture, checkpoints

    design = architecture(name, **options)
    loaded = None if weights is None else checkpoints.load(weights, design)
    with _torch_for("create"):
        from depthwise.design.network import FeatureNetwork, build_network
    layers = (design if loaded is None else loaded.architecture).layers()
    network = FeatureNetwork(layers) if features_only else build_network(layers)
    if loaded is not None:
        network.take_weights(loaded.weights, loaded.preprocessing)
    return network


def block(
    kind: Any, channels: int, resolution: int = 32, *, signal: bool = False, padding: str = "symmetric"
) -> "torch.nn.Module":
    """A freshly initialized torch module of one block by itself.

    Args:
        kind: of `design.blocks`, e.g. InvertedResidual(24, stride=2).
        channels: of the maps that it reads.
        resolution: their height and width in pixels, or the samples of signals; with symmetric padding it takes others
            too.
        signal: whether it reads signals [N, channels, 1, samples], with filters of 1 x kernel.
        padding: "symmetric", or "same" as TensorFlow pads.

    Returns:
        A module from float32 maps [N, channels, H, W] to the block's, which `cost` and `compile` take too.

    Raises:
        UserError: channels or a size below 1, an unknown padding, or torch is not installed.
    """
    from depthwise.graph import LayerList

    if channels < 1 or resolution < 1:
        raise UserError(f"{channels} channels of {resolution} px: give at least 1 of both")
    layers = LayerList(channels, resolution, padding=padding, signal=signal)
    kind.expand(layers, "block", "input")
    with _torch_for("block"):
        from depthwise.design.network import build_network
    return build_network(layers.layers)


@contextmanager
def _torch_for(verb: str) -> "Iterator[None]":
    """Names the extra if what is imported within needs torch, and that is not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        from depthwise.errors import missing_extra

        raise missing_extra(verb, error.name or "torch", "train") from None


def cost(model: Any, precision: "Precision | None" = None, memory: bool = False, **options: Any) -> "Cost":
    """Exact parameters, MACs and bytes, in all and per layer, of anything that `design.source.load_model` takes.

    Args:
        model: a name, run folder, .onnx file, torch module or Graph.
        precision: "float32" or "int8", whose bytes count; None: the network's own.
        memory: whether the most activations that live at one time are found too, by schedule (`Cost.peaks`).
        options: for a name: width, resolution, classes, channels.

    Raises:
        UserError: as `load_model`; an operator that is not supported.
    """
    from depthwise.analysis import cost as count
    from depthwise.design.source import load_model

    return count(load_model(model, **options), precision, memory)


def check(
    model: Any,
    device: str = "host",
    precision: "Precision | None" = None,
    progress: "Progress | None" = None,
    **options: Any,
) -> "Check":
    """Whether a network fits a device and a budget, and if not, the nearest changes that do. Nothing is trained.

    Args:
        model: a name, run folder, .onnx file, torch module or Graph.
        device: its name, or the path of a .toml file. A limit of latency on "host" measures this machine first, once.
        precision: "float32" or "int8"; None: that of a network in 8 bits or a finished run, else the device's.
        progress: told how that measurement goes.
        options: limits as text (ram="128K", flash="512K", latency="20ms", macs="5M", parameters="300k"); for a name
            also width, resolution, classes, channels.

    Raises:
        UserError: as `load_model`; an unknown device; a limit that is no size, time or count, or that contradicts
            the device.
    """
    from dataclasses import fields
    from pathlib import Path

    from depthwise.analysis import check as weigh
    from depthwise.analysis import known_of_run
    from depthwise.compiler import native_isa
    from depthwise.design.source import load_network
    from depthwise.device import HOST, PRECISIONS, Budget, load_device
    from depthwise.runs import Run

    texts = {field.name: options.pop(field.name, None) for field in fields(Budget)}
    budget = Budget.parse(**{name: None if text is None else str(text) for name, text in texts.items()})
    target = load_device(device)
    if not target.isa:
        target = target.with_isa(native_isa()[:1])
    network = load_network(model, precision, **options)
    folder = isinstance(model, str | Path) and Path(model).is_dir()
    known = known_of_run(Path(model), target) if folder else None
    timed = known is not None and known.latency is not None
    if target.name == HOST and set(target.cycles) != set(PRECISIONS) and budget.latency and not timed:
        from depthwise.profiling import measured_host

        target = measured_host(progress)
    search = Run.open(Path(model)).results.search if folder else None
    return weigh(network, target, budget, precision, known, search)


def compile(
    model: Any,
    input: str = "auto",
    *,
    target: str | None = None,
    schedule: str = "auto",
    optimize: str = "speed",
    profile: bool = False,
    debug_outputs: "Sequence[str]" = (),
    **options: Any,
) -> "Engine":
    """Compiles a trained network to C for this machine and loads it.

    Args:
        model: a run folder, .onnx file, torch module or Graph.
        input: "uint8" takes camera bytes [N, H, W, C] (the model must carry its preprocessing), "float" takes
            float32 [N, H, W, C], normalized as in training; "auto": camera bytes if the model can; "int8" takes uint8
            values of the scale and zero point that an 8-bit model quantizes its input with.
        target: what it is compiled for, if not just this machine, e.g. "x86-64-v3"; it must run here.
        schedule: "layer": every map as a whole; "stream": row by row where possible; "auto": as `optimize` wants.
        optimize: "speed" or "ram", the memory that a run takes.
        profile: with the clock inside the C that `Engine.profile` reads.
        debug_outputs: layers whose tensors become outputs, too, by name; "all" stands for every one.
        options: for a foreign torch module: shape=(channels, height, width).

    Returns:
        An engine: a callable from a batch to float32 outputs [N, classes]; where there are several, by name.

    Raises:
        UserError: as `load_model`; no weights; no C compiler; an unknown target, schedule or objective; a target that
            this machine is none of.
    """
    from depthwise.design.source import load_model
    from depthwise.device import HOST, load_device
    from depthwise.engine import Engine
    from depthwise.graph import with_outputs
    from depthwise.planning import Choice

    network, choice = load_model(model, **options), Choice(schedule, optimize)  # type: ignore[arg-type]
    if debug_outputs:
        network = with_outputs(network, debug_outputs, input)
    device = load_device(HOST, measured=False).for_target(target)
    return Engine.build(network, input=input, device=device, choice=choice, profile=profile)


def inspect(
    model: Any,
    image: "str | Path | None" = None,
    *,
    schedule: str = "auto",
    optimize: str = "speed",
    **options: Any,
) -> "Inspection":
    """Runs the compiled network once with every layer's tensor as an output and finds the first that is off.

    Args:
        model: a run folder, .onnx file, torch module or Graph.
        image: a file; None: random input.
        schedule, optimize: as for `compile`.
        options: for a foreign torch module: shape=(channels, height, width).

    Raises:
        UserError: as `compile`; an image that cannot be read, or for a model that does not say how to prepare it.
    """
    from depthwise.data import decode
    from depthwise.design.source import load_model
    from depthwise.graph import preprocessing_of
    from depthwise.inspection import inspect as look
    from depthwise.planning import Choice

    network, choice = load_model(model, **options), Choice(schedule, optimize)  # type: ignore[arg-type]
    form = preprocessing_of(network)
    if image is not None and form is None:
        raise UserError(f"the model does not say how '{image}' is prepared: leave the image away for random input")
    return look(network, None if image is None or form is None else decode(image, form), choice=choice)


def quantize(
    model: Any,
    data: "str | Path | None" = None,
    path: "str | Path | None" = None,
    *,
    source: Any = None,
    train_time: float | None = None,
    progress: "Progress | None" = None,
    **options: Any,
) -> "Quantized":
    """A trained network in 8 bits: calibrated, and repaired until it costs at most `max_drop` points of accuracy.

    Args:
        model: a run folder, .onnx file, torch module or Graph, that says how its images are prepared.
        data: images with classes, as for `fit`; None: those of a run folder.
        path: of the QDQ ONNX file that is written, whole or not at all; None: nothing is.
        source: where a Graph came from, if that is a run folder.
        train_time: seconds that training in 8 bits may take, where torch is there and nothing else suffices; None: 600.
        progress: told how it goes.
        options: fields of `quantization.task.Wanted`: max_drop, method, per_tensor, keep_float, images.

    Raises:
        UserError: as `load_model`, `data.load` and `quantization.task.quantize`.
    """
    from depthwise.design.source import load_model
    from depthwise.graph import save, to_qdq
    from depthwise.progress import Silent
    from depthwise.quantization.source import images_for
    from depthwise.quantization.task import Wanted
    from depthwise.quantization.task import quantize as climb
    from depthwise.shipping import TRAIN_SECONDS, trained_rungs

    wanted, network = Wanted(**options), load_model(model, precision="float32")
    images = images_for(network, model if source is None else source, data, progress)
    seconds = TRAIN_SECONDS if train_time is None else train_time
    trained = trained_rungs(network, images, seconds, progress or Silent())
    found = climb(network, images, wanted, progress, trained)
    if path is not None:
        save(to_qdq(found.graph), path)
    return found


def export(model: Any, to: str, path: "str | Path", precision: str | None = None, **options: Any) -> "Exported":
    """Writes a trained network in another runtime's format, after comparing what that runtime computes from it.

    Args:
        model: a run folder, .onnx file, torch module or Graph.
        to: name of the format, e.g. "litert".
        path: of the file, with the format's suffix.
        precision: of the weights, where the format offers a choice; None: as suits the network.
        options: for a foreign torch module: shape=(channels, height, width).

    Raises:
        UserError: as `load_model` and `exporters.base.write`: no weights, a node that the format cannot express, a
            missing library, outputs that differ.
    """
    from pathlib import Path

    from depthwise.design.source import load_model
    from depthwise.exporters import export as write

    return write(load_model(model, **options), to, Path(path), precision)


def profile(model: Any, progress: "Progress | None" = None, **options: Any) -> "Profile":
    """Measures a network on this machine: time, MACs a cycle, bytes and the roofline's bound of each layer.

    This machine is measured first, if it has not been.

    Args:
        model: a name (it gets random weights), run folder, .onnx file, torch module or Graph.
        progress: told how it goes.
        options: input, schedule and optimize as for `compile`; time="5s" for each network that is timed, or quick=True;
            against="all" or "openvino,litert" for other runtimes, with so many threads; standard=True holds each
            separable layer against the standard convolution it replaces, unfused=True the network against itself with
            BatchNorm and activations as passes of their own; for a name also width, resolution, classes, channels.

    Raises:
        UserError: as `compile`; an unknown runtime; a time that is none.
    """
    from dataclasses import fields

    from depthwise.profiling.profile import Wanted
    from depthwise.profiling.profile import profile as measure
    from depthwise.units import parse_time

    if (time := options.pop("time", None)) is not None:
        options["seconds"] = parse_time("--time", str(time))
    options["against"] = tuple(name.strip() for name in (options.get("against") or "").split(",") if name.strip())
    wanted = {field.name: options.pop(field.name) for field in fields(Wanted) if field.name in options}
    return measure(model, Wanted(**wanted), progress, **options)


def fit(data: "str | Path", *, output: "str | Path | None" = None, **options: Any) -> "Run":
    """Finds the network that fits a device best, trains it on images, compiles it to C, verifies and reports it.

    Args:
        data: a folder of images, a parquet file, a Hugging Face name, or an embedded data set's name.
        output: the run folder; None: runs/DATA-DEVICE-N, or runs/DATA-MODEL-N.
        options: further fields of `config.Config`, e.g. device="nrf52840", or model="mobilenet_v2" to search nothing.
            train_time and limits also as text, e.g. train_time="3min", ram="128K".

    Raises:
        UserError: as `workflow.fit`; an option that is unknown or out of range.
    """
    from pathlib import Path

    from depthwise.config import Config
    from depthwise.workflow import fit as run_fit

    return run_fit(Config.of(data=data, **options), Path(output) if output else None)
