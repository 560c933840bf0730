"""The main job, `fit`: images in, a trained network compiled to C and its report out. The stages, in order."""

import contextlib
import os
import platform
import shlex
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from depthwise import analysis, data, design, graph, linter, profiling, report, selection, shipping, verification
from depthwise.compiler import find_compiler, memory_of, native_isa, runs_here
from depthwise.config import Config
from depthwise.data import ImageData
from depthwise.design import Architecture, checkpoints
from depthwise.device import Device, Precision, limits_of, load_device
from depthwise.engine import Engine
from depthwise.errors import UserError, missing_extra
from depthwise.files import file_fingerprint, write_text
from depthwise.progress import Progress, Silent
from depthwise.results import DataFacts, Latency, Origin, Results
from depthwise.runs import CHECKPOINT, MODELS_OF, PLAN, START, Run, default_folder

if TYPE_CHECKING:
    from types import ModuleType

VERSIONS = ("depthwise", "numpy", "onnx", "onnx-ir", "onnxruntime", "torch", "accelerate", "kornia")


def fit(config: Config, folder: Path | None = None, progress: Progress | None = None) -> Run:
    """Trains a network on images, compiles it, verifies it and writes the report.

    A stage whose inputs, settings and data are those of an earlier call is not done again: the same call on a killed
    run resumes it, and on a finished run only reads it.

    Args:
        config: what is asked for.
        folder: of the run; None: as `default_folder` says.
        progress: told where the work stands.

    Returns:
        The run; its results are in `run.results`.

    Raises:
        UserError: bad data, an unknown model or device, a folder that holds another run, no compiler, or a compiled
            network that differs from torch's.
    """
    progress = progress or Silent()
    require_torch("fit")
    device = load_device(config.device)
    limits_of(device, config.budget)  # what cannot be met and a wrong name fail before any data is read
    config = checkpoints.with_network(config, folder, progress)
    if config.model is not None:
        design.architecture(config.model, config.width, config.resolution, depth=config.depth)
    images = read_data(config, progress)
    path = folder or default_folder(config)
    if not (path / "config.json").exists():
        require_usable(config, device, images, progress)

    run = Run.create(path, config)
    weights, model = run.path / "weights.safetensors", run.path / "model.onnx"
    with run.locked():
        architecture, images = choose_network(run, device, images, progress)
        settings = config.model_dump(exclude={"device", "input", "precision", "max_drop", *config.unasked})
        key: dict[str, Any] = {"settings": settings, "data": images.fingerprint}
        key["network"] = [architecture.name, architecture.width, architecture.depth, architecture.resolution]
        key |= {"start": file_fingerprint(run.path / START)} if config.weights else {}
        run.stage("training", key, [weights.name, "results.json"], lambda: train(run, architecture, images, progress))
        (run.path / CHECKPOINT).unlink(missing_ok=True)
        key = {"weights": file_fingerprint(weights)}
        run.stage("graph", key, [model.name], lambda: export(run, architecture, images, progress))
        key = {"model": file_fingerprint(model), "input": config.input}
        key["precision"] = [config.precision, config.max_drop]
        key["device"] = [device.name, device.target.name, device.isa or native_isa(), device.flags]
        key["compiler"] = [version("depthwise"), *native_isa()]
        int8 = [MODELS_OF["int8"]] if run.results.ladder else []
        run.stage("quantize", key, int8, lambda: quantize(run, device, images, progress))
        shipped = run.path / MODELS_OF[run.results.shipped or "float32"]
        key["shipped"] = file_fingerprint(shipped)
        run.stage("lint", key, [], lambda: look_over(run, device, architecture))
        run.stage("compile", key, ["c"], lambda: compile_c(run, progress))
        key = {"models": [file_fingerprint(model), file_fingerprint(shipped)]}
        key["c"] = file_fingerprint(run.path / "c" / "manifest.json")
        run.stage("verification", key, [], lambda: verify(run, architecture, images, progress))
        run.stage("latency", key, [], lambda: measure_latency(run, architecture, images, progress))
        run.stage("budget", key, [], lambda: weigh_up(run, device, architecture))
        key = {"results": file_fingerprint(run.path / "results.json")}
        run.stage("report", key, ["report.html", "MODEL_CARD.md"], lambda: write_report(run, progress))
    return run


def replay(folder: Path, output: Path | None = None, progress: Progress | None = None) -> Run:
    """Does a run again by the plans that it stored: the same candidates, trials, epochs and threads.

    On the same machine the same network comes out, bit for bit.

    Args:
        folder: of the run.
        output: folder of the new one; None: the next free one of `default_folder`'s names.
        progress: told where the work stands.

    Raises:
        UserError: the folder is no run or has no plan yet, its data has changed, or as `fit`.
    """
    old = Run.open(folder)
    plans = [old.path / name for name in (selection.PLAN, PLAN) if (old.path / name).is_file()]
    if old.path / PLAN not in plans:
        raise UserError(f"{folder} has no {PLAN} yet: it was stopped before its training, so resume it instead")
    path = output or default_folder(old.config, new=True)
    run = Run.create(path, old.config)
    if old.path.resolve() == path.resolve():
        raise UserError(f"{path} is the run itself: give another folder with -o")
    for plan in plans:
        if not (run.path / plan.name).exists():
            write_text(run.path / plan.name, plan.read_text(encoding="utf-8"))
    return fit(old.config, run.path, progress)


def read_data(config: Config, progress: Progress, size: int | None = None) -> ImageData:
    """Finds, splits and decodes the images; in `size` pixels if that is given, else as config and network say."""
    progress.stage("data")
    images = data.load(
        config.data,
        data_dir=config.data_dir,
        size=design.image_size(config.model, size or config.resolution),
        channels=config.channels,
        split=config.split,
        seed=config.seed,
        progress=progress.step,
    )
    for line in images.skipped[:3]:
        progress.note(f"skipped {line}")
    if len(images.skipped) > 3:
        progress.note(f"skipped {len(images.skipped)} unreadable images in all; the report lists them")
    return images


def choose_network(run: Run, device: Device, images: ImageData, progress: Progress) -> tuple[Architecture, ImageData]:
    """The network that the user named, or the one that a search finds, and the images at its resolution."""
    config = run.config
    if config.model is not None:
        architecture = named_network(config, images)
        return training_room().begin(run, architecture, images, progress) if config.weights else (architecture, images)
    read = lru_cache(maxsize=len(selection.SCALES))(lambda size: read_data(config, Silent(), size))
    key = {"settings": config.model_dump(exclude=config.unasked), "data": images.fingerprint}
    run.stage(
        "search",
        key,
        [selection.PLAN, selection.STORAGE, "results.json"],
        lambda: run.record(Results(search=selection.select(run, device, images, read, training_room(), progress))),
    )
    one = run.results.search.chosen if run.results.search else None
    assert one is not None
    size = (len(images.classes), images.preprocessing.channels)
    chosen = design.architecture(one.model, one.width, one.resolution, *size, one.depth, config.deployable)
    return chosen, read(one.resolution)


def require_usable(config: Config, device: Device, images: ImageData, progress: Progress) -> None:
    """Before a folder is made: UserError if no network can fit, or the weights to start from are another network's."""
    selection.require_fit(config, device, images, progress)
    if config.weights is not None:
        checkpoints.load(config.weights, named_network(config, images))


def named_network(config: Config, images: ImageData) -> Architecture:
    """The network that the user named, for the images."""
    assert config.model is not None
    form = images.preprocessing
    size = (form.size, len(images.classes), form.channels)
    return design.architecture(config.model, config.width, *size, config.depth, config.deployable)


def train(run: Run, architecture: Architecture, images: ImageData, progress: Progress) -> None:
    """Trains to weights.safetensors; begins results.json anew with what is known so far."""
    find_compiler()  # none is an error before the training, not after it
    training, config, found = training_room(), run.config, run.results.search
    plan = selection.stored_plan(run) if found else None
    for line in linter.look(linter.Source(architecture, architecture, found), load_device(config.device)).brief():
        progress.note(line)
    progress.stage("training")
    with _clock() as seconds:
        network = training.new_network(architecture.layers(), config.seed, training.start_weights(run))
        history = training.train(
            network,
            images,
            config,
            run.path,
            progress,
            spent=found.seconds if found else 0.0,
            threads=plan.threads if plan and config.train_time else None,
        )
    results = Results(
        search=found,
        origin=_origin(),
        data=_facts(images),
        cost=analysis.cost(graph.build(architecture.layers(), name=architecture.name)),
        papers=list(architecture.papers),
        start=training.start_of(run),
        training=history,
        seconds={"search": found.seconds, "training": seconds()} if found else {"training": seconds()},
    )
    run.record(results)


def export(run: Run, architecture: Architecture, images: ImageData, progress: Progress) -> None:
    """From the weights to model.onnx, with classes and preprocessing in its metadata."""
    progress.stage("graph")
    model = graph.build(
        architecture.layers(),
        training_room().load_weights(run.path / "weights.safetensors"),
        name=architecture.name,
        preprocessing=images.preprocessing,
        classes=images.classes,
    )
    graph.save(model, run.path / "model.onnx")


def quantize(run: Run, device: Device, images: ImageData, progress: Progress) -> None:
    """Up the ladder to model.int8.onnx, and which precision ships; only the latter where float32 is asked for."""
    with _clock() as seconds:
        shipped, why, ladder = shipping.choose_precision(run, device, images, progress)
    _update(run, {"quantizing": seconds()} if ladder else {}, ladder=ladder, shipped=shipped, shipping=why)


def look_over(run: Run, device: Device, architecture: Architecture) -> None:
    """What the linter says of the network that ships."""
    precision = run.results.shipped or "float32"
    source = linter.Source(graph.load(run.path / MODELS_OF[precision]), architecture, run.results.search)
    _update(run, {}, lint=linter.look(source, device, precision))


def compile_c(run: Run, progress: Progress) -> None:
    """From the model that ships to the C folder, built and loaded once; records the exact bytes, beside float32's."""
    progress.stage("compiling")
    device = load_device(run.config.device)
    shipped = run.results.shipped or "float32"
    with _clock() as seconds:
        network = graph.load(run.path / MODELS_OF[shipped])
        Engine.build(network, input=run.config.input, device=device, folder=run.path / "c")
        engines = {precision: shipping.engine_of(run, precision, device) for precision in shipping.precisions(run)}
    # Of a program for another machine only the plan is known here: its code and stack are that compiler's.
    here = runs_here(device.target)
    origin = run.results.origin
    _update(
        run,
        {"compiling": seconds()},
        memory={name: one.memory if here else memory_of(one.manifest, None) for name, one in engines.items()},
        origin=origin and origin.model_copy(update={"compiler": engines[shipped].compiler}),
    )


def verify(run: Run, architecture: Architecture, images: ImageData, progress: Progress) -> None:
    """The compiled networks on the test images, beside torch and ONNX Runtime, in 8 bits beside the oracle: accuracy,
    agreement, confusion, mistakes."""
    progress.stage("verification")
    form, training, device = images.preprocessing, training_room(), load_device(run.config.device)
    network = training.load_network(architecture.layers(), run.path / "weights.safetensors")
    engine = shipping.engine_of(run, "float32", device)
    session = profiling.onnxruntime_session(run.path / "model.onnx")
    with _clock() as seconds:
        logits = verification.run_all(
            {
                "torch": lambda pixels: training.predict(network, pixels, form),
                "onnxruntime": lambda pixels: profiling.run_session(session, form.normalize(pixels)),
                "compiled": lambda pixels: engine(engine.of_pixels(pixels)),
            },
            images.test.pixels,
            progress.step,
        )
        accuracy = {"float32": verification.accuracies(logits, images.test.labels)}
        compared = {"float32": verification.compare(logits, images, run.path)}
        if run.results.shipped == "int8":
            found = verification.verify_int8(run, images, logits["compiled"], progress)
            accuracy["int8"], compared["int8"] = found
        else:
            compared["float32"] = verification.with_mistakes(compared["float32"], logits["compiled"], images, run.path)
    _update(run, {"verification": seconds()}, accuracy=accuracy, verification=compared)


def measure_latency(run: Run, architecture: Architecture, images: ImageData, progress: Progress) -> None:
    """One image, one thread: the compiled networks beside torch and ONNX Runtime, rounds interleaved."""
    progress.stage("latency")
    training, device = training_room(), load_device(run.config.device)
    network = training.load_network(architecture.layers(), run.path / "weights.safetensors")
    image = np.asarray(images.test.pixels[:1])
    normalized = images.preprocessing.normalize(image)
    runtimes: dict[tuple[Precision, str], profiling.Runtime] = {
        ("float32", "torch"): profiling.Runtime(version("torch"), training.prepared(network, normalized))
    }
    for precision in shipping.precisions(run):
        engine = shipping.engine_of(run, precision, device)
        call = engine.prepared(engine.of_pixels(image))
        runtimes[precision, "depthwise"] = profiling.Runtime(version("depthwise"), call)
        path = run.path / MODELS_OF[precision]
        if (other := verification.second_opinion(path, normalized, progress.note)) is not None:
            runtimes[precision, "onnxruntime"] = profiling.Runtime(version("onnxruntime"), other)
    with training.one_thread(), _clock() as seconds:
        rows = profiling.latency({" ".join(name): one for name, one in runtimes.items()}, progress=progress.step)
    found: dict[Precision, list[Latency]] = {precision: [] for precision in shipping.precisions(run)}
    for (precision, name), row in zip(runtimes, rows, strict=True):
        found[precision].append(row.model_copy(update={"runtime": name}))
    _update(run, {"latency": seconds()}, latency=found)


def weigh_up(run: Run, device: Device, architecture: Architecture) -> None:
    """What the shipped network takes of the budget, from exact bytes and the measured latency where this machine is
    the device."""
    results = run.results
    shipped = results.shipped or "float32"
    mixed = results.ladder is not None and shipped == "int8" and bool(results.ladder.floats)
    network = graph.load(run.path / MODELS_OF[shipped]) if mixed else architecture
    verdict = selection.check(run.config, device, network, shipped, analysis.known_of_run(run.path, device))
    run.record(results.model_copy(update={"budget": verdict.figures}))


def write_report(run: Run, progress: Progress) -> None:
    """From the files of the run folder to report.html and MODEL_CARD.md."""
    progress.stage("report")
    report.write(run.path)


def require_torch(verb: str) -> None:
    """Says what is missing before any data is read; importing it can wait until something is trained."""
    for name in ("torch", "accelerate"):
        if find_spec(name) is None:
            raise missing_extra(verb, name, "train")


def training_room() -> "ModuleType":
    """The room that needs torch, imported when it is needed."""
    # OpenMP's threads wait for each other by spinning, for so long that with another program on a core they are
    # 20 times slower than one thread; asleep at once they are slower on an idle machine. Read when torch is loaded.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    from depthwise import training

    return training


def _facts(images: ImageData) -> DataFacts:
    return DataFacts(
        name=images.name,
        classes=list(images.classes),
        train=len(images.train),
        validation=len(images.validation),
        test=len(images.test),
        skipped=list(images.skipped),
        fingerprint=images.fingerprint,
        source=images.source,
    )


def _origin() -> Origin:
    versions = {"python": platform.python_version()}
    for name in VERSIONS:
        with contextlib.suppress(PackageNotFoundError):
            versions[name] = version(name)
    return Origin(
        command=shlex.join(["depthwise", *sys.argv[1:]]) if sys.argv[0].endswith("depthwise") else "depthwise.fit(...)",
        machine=profiling.machine(),
        compiler="",
        versions=versions,
        date=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _update(run: Run, seconds: dict[str, float], **sections: Any) -> None:
    """Adds sections to results.json."""
    results = run.results
    run.record(results.model_copy(update={**sections, "seconds": {**results.seconds, **seconds}}))


@contextlib.contextmanager
def _clock() -> Iterator[Callable[[], float]]:
    """Gives a function that says how many seconds have passed."""
    begin = time.monotonic()
    yield lambda: round(time.monotonic() - begin, 3)
