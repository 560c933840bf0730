"""The command line: one subcommand a verb; parse, call, print. What a command needs is imported when it runs."""

import errno
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from depthwise.errors import UserError

if TYPE_CHECKING:
    from depthwise.config import Config

INTERRUPTED = 130
"""What typer returns after Ctrl-C."""

app = typer.Typer(
    help="Images and the budget of a small device in, the best depthwise separable network for it out, as C.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Source = Annotated[str, typer.Argument(help="a model name, a run folder or an .onnx file")]
Width = Annotated[float | None, typer.Option(help="width multiplier, e.g. 0.35")]
Resolution = Annotated[int | None, typer.Option(help="input height and width in pixels")]
Classes = Annotated[int | None, typer.Option(help="outputs of the classifier")]
Channels = Annotated[int | None, typer.Option(help="channels of the input: 3 colour, 1 grey")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="print the result only")]
Ram = Annotated[str | None, typer.Option(help="limit of the network's RAM, e.g. 128K")]
Flash = Annotated[str | None, typer.Option(help="limit of the whole firmware's flash, e.g. 512K")]
LatencyLimit = Annotated[str | None, typer.Option(help="limit of one image's time, e.g. 50ms")]
MacLimit = Annotated[str | None, typer.Option(help="limit of multiply-accumulates, e.g. 5M")]
ParameterLimit = Annotated[str | None, typer.Option(help="limit of trainable parameters, e.g. 300k")]
Data = Annotated[
    str | None, typer.Argument(help="a folder of images, parquet, a Hugging Face name or an embedded data set")
]
Target = Annotated[str, typer.Option(help="the target, see `depthwise devices`, or a .toml file")]
TrainTime = Annotated[
    str | None,
    typer.Option(help="for the search and the training, e.g. 3min; 10min if neither this nor --epochs is given"),
]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="train the chosen network so many epochs instead", show_default=False)
]
Model = Annotated[str | None, typer.Option(help="train this one and search nothing, see `depthwise models`")]
ModelWidth = Annotated[float | None, typer.Option(help="width multiplier of --model, e.g. 0.35")]
ModelDepth = Annotated[float | None, typer.Option(help="depth multiplier of --model, e.g. 0.5")]
BatchSize = Annotated[int, typer.Option(min=2, help="images a step")]
LearningRate = Annotated[float | None, typer.Option(help="peak learning rate; the recipe's if not given")]
DataDir = Annotated[str | None, typer.Option(help="folder of a named data set's own files")]
InputType = Annotated[Literal["uint8", "float"], typer.Option(help="what the C takes: camera bytes or floats")]
RunFolder = Annotated[
    Path | None, typer.Option("-o", "--output", help="run folder; runs/DATA-DEVICE-N or DATA-MODEL-N if not given")
]
Replay = Annotated[
    Path | None, typer.Option(help="do the run of this folder again, by its plan; no DATA and no other choice")
]
Seed = Annotated[int, typer.Option(help="of the split, the initial weights and the data order")]


def _print_version(wanted: bool) -> None:
    if wanted:
        from depthwise import __version__

        print(f"depthwise {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="print the version", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    del version  # its callback has done all


@app.command()
def fit(
    context: typer.Context,
    data: Data = None,
    device: Target = "host",
    ram: Ram = None,
    flash: Flash = None,
    latency: LatencyLimit = None,
    macs: MacLimit = None,
    parameters: ParameterLimit = None,
    train_time: TrainTime = None,
    epochs: Epochs = None,
    model: Model = None,
    width: ModelWidth = None,
    depth: ModelDepth = None,
    resolution: Resolution = None,
    channels: Channels = None,
    batch_size: BatchSize = 64,
    learning_rate: LearningRate = None,
    seed: Seed = 0,
    data_dir: DataDir = None,
    input: InputType = "uint8",
    output: RunFolder = None,
    replay: Replay = None,
    quiet: Quiet = False,
) -> None:
    """Find the most accurate network that fits a device, train it on images, compile it to C, verify it and report.

    The same command on a killed run resumes it, on a finished one prints its result. Exit code 1 if nothing fits.

    Example: depthwise fit PHOTOS/ --device nrf52840 --ram 128K --flash 512K --train-time 10min
    """
    from depthwise.terminal import TerminalProgress, result_lines
    from depthwise.workflow import fit as run_fit
    from depthwise.workflow import replay as run_again

    if replay is not None:
        _refuse_choices_beside_replay(context)
        with TerminalProgress(quiet) as progress:
            run = run_again(replay, output, progress)
    else:
        config = _config_of(context.params)
        with TerminalProgress(quiet) as progress:
            run = run_fit(config, output, progress)
    print("\n".join(result_lines(run.results)))
    print(f"report     {run.path / 'report.html'}")
    print(f"run        {run.path}")
    raise typer.Exit(1 if any(figure.short for figure in run.results.budget) else 0)


def _config_of(options: Mapping[str, Any]) -> "Config":
    """What the options of `fit` ask for. Raises UserError that names the first which cannot be used."""
    from depthwise.config import Config
    from depthwise.device import RESOURCES, Budget, parse_time

    if options["data"] is None:
        raise UserError("no DATA is given: name a folder of images, e.g. depthwise fit PHOTOS/ --device nrf52840")
    if options["epochs"] is not None and options["train_time"] is not None:
        raise UserError("--epochs and --train-time exclude each other: give one")
    choices = {name: value for name, value in options.items() if name in Config.model_fields}
    limits = Budget.parse(**{name: options[name] for name in RESOURCES})
    if options["epochs"] is None:
        time = options["train_time"]
        choices["train_time"] = parse_time("--train-time", "10min" if time is None else time)
    return Config.of(**{**choices, **vars(limits)})


def _refuse_choices_beside_replay(context: typer.Context) -> None:
    for name in context.params:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE" and name not in ("replay", "output", "quiet"):
            raise UserError(f"--replay repeats a run as it was, so {name} cannot be given with it; only -o can")


@app.command()
def cost(
    model: Source,
    width: Width = None,
    resolution: Resolution = None,
    classes: Classes = None,
    channels: Channels = None,
    as_json: Json = False,
) -> None:
    """Count parameters and MACs, in all and per layer.

    Example: depthwise cost mobilenet_v2 --width 0.5 --resolution 160 --classes 10
    """
    from depthwise.analysis import cost as count
    from depthwise.design.source import load_model

    counted = count(load_model(model, width=width, resolution=resolution, classes=classes, channels=channels))
    if as_json:
        print(counted.model_dump_json(indent=1))
        return
    from depthwise.terminal import cost_lines

    print("\n".join(cost_lines(counted)))


@app.command()
def check(
    model: Source,
    device: Annotated[str, typer.Option(help="name, see `depthwise devices`, or the path of a .toml file")],
    width: Width = None,
    resolution: Resolution = None,
    classes: Classes = None,
    channels: Channels = None,
    ram: Ram = None,
    flash: Flash = None,
    latency: LatencyLimit = None,
    macs: MacLimit = None,
    parameters: ParameterLimit = None,
    precision: Annotated[
        Literal["float32", "int8"] | None, typer.Option(help="of the compiled network; the device's if not given")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether a network fits a device: by how much not, and the nearest changes that fit. Exit code 1 if not.

    Example: depthwise check mobilenet_v2 --width 0.35 --resolution 96 --classes 10 --device nrf52840
    """
    from depthwise import check as weigh
    from depthwise.terminal import TerminalProgress, check_lines

    shape = {"width": width, "resolution": resolution, "classes": classes, "channels": channels}
    limits = {"ram": ram, "flash": flash, "latency": latency, "macs": macs, "parameters": parameters}
    with TerminalProgress() as progress:
        verdict = weigh(model, device, precision, progress, **shape, **limits)
    print(verdict.model_dump_json(indent=1) if as_json else "\n".join(check_lines(verdict)))
    raise typer.Exit(0 if verdict.fits else 1)


@app.command()
def compile(
    model: Annotated[str, typer.Argument(help="a run folder or an .onnx file")],
    output: Annotated[Path, typer.Option("-o", "--output", help="folder for the C")],
    name: Annotated[str, typer.Option(help="prefix of every symbol and file")] = "network",
    input: Annotated[
        Literal["auto", "uint8", "float"],
        typer.Option(help="what the C takes; auto: camera bytes if the model carries its preprocessing, else floats"),
    ] = "auto",
    mean: Annotated[str | None, typer.Option(help="of pixels in 0..1, for a model without: 0.485,0.456,0.406")] = None,
    std: Annotated[str | None, typer.Option(help="of pixels in 0..1, for a model without: 0.229,0.224,0.225")] = None,
    device: Annotated[str, typer.Option(help="the target, see `depthwise devices`")] = "host",
    schedule: Annotated[Literal["auto", "layer", "stream"], typer.Option(help="whole maps, or row by row")] = "auto",
    optimize: Annotated[Literal["speed", "ram"], typer.Option(help="what `auto` chooses by")] = "speed",
    emit_only: Annotated[bool, typer.Option(help="write the C and build nothing")] = False,
    explain: Annotated[bool, typer.Option(help="print segments, kernels, buffers, bytes, and why")] = False,
) -> None:
    """Compile a trained network to a folder of self-contained C.

    Example: depthwise compile runs/photos -o build/ --name classifier
    """
    from depthwise.compiler import compile_folder
    from depthwise.design.source import load_model
    from depthwise.device import load_device, parse_numbers
    from depthwise.graph import with_normalization
    from depthwise.planning import Choice
    from depthwise.terminal import memory_lines

    network = load_model(model)
    if mean is not None or std is not None:
        network = with_normalization(network, parse_numbers("--mean", mean or ""), parse_numbers("--std", std or ""))
    choice, target = Choice(schedule, optimize), load_device(device)
    result = compile_folder(network, output, name=name, input=input, device=target, choice=choice, build=not emit_only)
    if explain:
        from depthwise.planning.explain import explain as text_of

        print(text_of(result.program))
    print(f"wrote {output}/ ({name}.h, {name}.c, {name}_weights.c, main.c, kernels/)")
    print("\n".join(memory_lines(result.memory)))
    print("call it with:\n" + "\n".join(f"    {line}" for line in result.usage))


@app.command()
def export(
    model: Annotated[str, typer.Argument(help="a run folder or an .onnx file")],
    to: Annotated[str, typer.Option(help="the format, e.g. litert")],
    output: Annotated[Path, typer.Option("-o", "--output", help="the file")],
) -> None:
    """Write a trained network for another runtime; what that computes from the file is compared first.

    Example: depthwise export runs/photos --to litert -o photos.tflite
    """
    from depthwise import export as write
    from depthwise.terminal import export_lines

    print("\n".join(export_lines(write(model, to, output))))


@app.command()
def run(
    model: Annotated[str, typer.Argument(help="a run folder or an .onnx file")],
    images: Annotated[list[Path], typer.Argument(help="image files")],
    top: Annotated[int, typer.Option(min=1, help="classes to print for each image")] = 1,
    as_json: Json = False,
) -> None:
    """Classify images with the compiled network: class, probability, time.

    Example: depthwise run runs/photos cat.jpg dog.jpg
    """
    from depthwise.classification import classify

    rows = classify(model, images, top)
    if as_json:
        print(json.dumps(rows, indent=1))
        return
    wide = max(len(str(row["image"])) for row in rows)
    for row in rows:
        guesses = "   ".join(f"{guess['class']} {100 * guess['probability']:.1f} %" for guess in row["classes"])
        print(f"{row['image']:<{wide}}  {guesses}   {row['ms']:.3f} ms")


@app.command()
def report(run: Annotated[Path, typer.Argument(help="a run folder")]) -> None:
    """Rebuild the page and the model card of a run from its files."""
    from depthwise.report import write

    print(write(run))


@app.command()
def models(as_json: Json = False) -> None:
    """List the models, with their size at width 1 and the paper's resolution."""
    from depthwise import cost as count
    from depthwise.design import MODELS

    counted = {name: count(name) for name in MODELS}
    if as_json:
        rows = [
            {"name": name, "resolution": MODELS[name].resolution, "parameters": cost.parameters, "macs": cost.macs}
            for name, cost in counted.items()
        ]
        print(json.dumps(rows, indent=1))
        return
    for name, cost in counted.items():
        print(
            f"{name:<16} {MODELS[name].resolution} px   {cost.parameters / 1e6:.2f} M parameters   "
            f"{cost.macs / 1e6:.1f} M MACs at width 1, 1000 classes"
        )


devices_app = typer.Typer()
app.add_typer(devices_app, name="devices")


@devices_app.callback(invoke_without_command=True)
def devices(context: typer.Context, as_json: Json = False) -> None:
    """List the devices, with their RAM, flash and clock; `depthwise devices measure` measures this machine."""
    if context.invoked_subcommand:
        return
    from dataclasses import asdict

    from depthwise.device import device_names, load_device

    found = [load_device(name) for name in device_names()]
    if as_json:
        print(json.dumps([asdict(device) for device in found], indent=1))
        return
    from depthwise.terminal import device_lines

    print("\n".join(device_lines(found)))


@devices_app.command()
def measure(
    device: Annotated[str, typer.Argument(help="only this machine can be measured: host")] = "host",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure this machine: clock, peak, caches, bandwidth, cycles per MAC. `check` predicts latency with them."""
    from dataclasses import asdict

    from depthwise.device import HOST, load_device
    from depthwise.machine import host_file
    from depthwise.profiling import measure_host
    from depthwise.terminal import TerminalProgress, measured_lines

    if (name := load_device(device).name) != HOST:
        raise UserError(f"only this machine (host) can be measured here: write the figures of {name} to a .toml file")
    with TerminalProgress(quiet) as progress:
        found = measure_host(progress)
    lines = [*measured_lines(found), f"kept in {host_file()}"]
    print(json.dumps(asdict(found), indent=1) if as_json else "\n".join(lines))


def _fail(message: str, exit_code: int = 2) -> NoReturn:
    print(f"depthwise: {' '.join(message.split())}", file=sys.stderr)
    raise SystemExit(exit_code)


def main(arguments: list[str] | None = None) -> None:
    """The entry point: every expected failure is one line on standard error and exit code 2 (or the error's own)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        code = app(arguments or ["--help"], standalone_mode=False)
    except UserError as error:
        _fail(str(error), error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            _fail("the disk is full: make room and run the same command again, it takes up where it stopped")
        if error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
            _fail(f"cannot read or write '{error.filename}': {error.strerror}")
        raise
    except Exception as error:
        # What typer itself finds wrong with the arguments has this method; anything else is a defect of ours.
        if not hasattr(error, "format_message"):
            raise
        command = "" if arguments[0].startswith("-") else f" {arguments[0]}"
        _fail(f"{error.format_message().rstrip('.')}. See `depthwise{command} --help`.")
    else:
        if code == INTERRUPTED:
            _fail("interrupted: nothing is half-written, and the same command takes it up again")
        if code:
            raise SystemExit(code)
