"""The command line: one subcommand a verb; parse, call, print. What a command needs is imported when it runs."""

import errno
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from depthwise.errors import UserError

if TYPE_CHECKING:
    from depthwise.graph import Graph
    from depthwise.results import Memory

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
    data: Annotated[
        str, typer.Argument(help="a folder of images, parquet, a Hugging Face name or an embedded data set")
    ],
    model: Annotated[str, typer.Option(help="name of the model, see `depthwise models`")],
    width: Width = 1.0,
    resolution: Resolution = None,
    channels: Channels = None,
    train_time: Annotated[
        str | None, typer.Option(help="training time, e.g. 3min; 10min if neither this nor --epochs is given")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="train so many epochs instead", show_default=False)] = None,
    batch_size: Annotated[int, typer.Option(min=2, help="images a step")] = 64,
    learning_rate: Annotated[float | None, typer.Option(help="peak learning rate; the recipe's if not given")] = None,
    seed: Seed = 0,
    data_dir: Annotated[str | None, typer.Option(help="folder of a named data set's own files")] = None,
    device: Annotated[str, typer.Option(help="the target, see `depthwise devices`")] = "host",
    input: Annotated[
        Literal["uint8", "float"], typer.Option(help="what the C takes: camera bytes or floats")
    ] = "uint8",
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="run folder; runs/DATA-MODEL-N if not given")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Train a network on images, compile it to C, verify it and report.

    The same command on a killed run resumes it, on a finished one prints its result.

    Example: depthwise fit PHOTOS/ --model mobilenet_v2 --width 0.35 --train-time 3min
    """
    from depthwise.config import Config
    from depthwise.device import parse_time
    from depthwise.terminal import TerminalProgress, result_lines
    from depthwise.workflow import fit as run_fit

    if epochs is not None and train_time is not None:
        raise UserError("--epochs and --train-time exclude each other: give one")
    seconds = parse_time("--train-time", "10min" if train_time is None else train_time) if epochs is None else None
    config = Config.of(
        data=data,
        data_dir=data_dir,
        model=model,
        width=1.0 if width is None else width,
        resolution=resolution,
        channels=channels,
        epochs=epochs,
        train_time=seconds,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        device=device,
        input=input,
    )
    with TerminalProgress(quiet) as progress:
        run = run_fit(config, output, progress)
    print("\n".join(result_lines(run.results)))
    print(f"report     {run.path / 'report.html'}")
    print(f"run        {run.path}")


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
    ram: Annotated[str | None, typer.Option(help="limit of the network's RAM, e.g. 128K")] = None,
    flash: Annotated[str | None, typer.Option(help="limit of the whole firmware's flash, e.g. 512K")] = None,
    latency: Annotated[str | None, typer.Option(help="limit of one image's time, e.g. 50ms")] = None,
    macs: Annotated[str | None, typer.Option(help="limit of multiply-accumulates, e.g. 5M")] = None,
    parameters: Annotated[str | None, typer.Option(help="limit of trainable parameters, e.g. 300k")] = None,
    precision: Annotated[
        Literal["float32", "int8"] | None, typer.Option(help="of the compiled network; the device's if not given")
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether a network fits a device: by how much not, and the nearest changes that fit. Exit code 1 if not.

    Example: depthwise check mobilenet_v2 --width 0.35 --resolution 96 --classes 10 --device nrf52840
    """
    from depthwise import check as weigh

    shape = {"width": width, "resolution": resolution, "classes": classes, "channels": channels}
    limits = {"ram": ram, "flash": flash, "latency": latency, "macs": macs, "parameters": parameters}
    verdict = weigh(model, device, precision, **shape, **limits)
    if as_json:
        print(verdict.model_dump_json(indent=1))
    else:
        from depthwise.terminal import check_lines

        print("\n".join(check_lines(verdict)))
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
    mean: Annotated[
        str | None, typer.Option(help="of pixels in 0..1, for a model without, e.g. 0.485,0.456,0.406")
    ] = None,
    std: Annotated[
        str | None, typer.Option(help="of pixels in 0..1, for a model without, e.g. 0.229,0.224,0.225")
    ] = None,
    device: Annotated[str, typer.Option(help="the target, see `depthwise devices`")] = "host",
    schedule: Annotated[
        Literal["auto", "layer", "stream"],
        typer.Option(help="layer: whole maps; stream: row by row where possible; auto: as --optimize wants"),
    ] = "auto",
    optimize: Annotated[
        Literal["speed", "ram"], typer.Option(help="what the segments and their rows a step are chosen for")
    ] = "speed",
    emit_only: Annotated[bool, typer.Option(help="write the C and build nothing")] = False,
    explain: Annotated[bool, typer.Option(help="print segments, kernels, buffers, bytes, and why")] = False,
) -> None:
    """Compile a trained network to a folder of self-contained C.

    Example: depthwise compile runs/photos -o build/ --name classifier
    """
    from depthwise.compiler import compile_folder
    from depthwise.design.source import load_model
    from depthwise.device import load_device
    from depthwise.planning import Choice

    network = load_model(model)
    if mean is not None or std is not None:
        network = _with_normalization(network, mean, std)
    choice, target = Choice(schedule, optimize), load_device(device)
    result = compile_folder(network, output, name=name, input=input, device=target, choice=choice, build=not emit_only)
    if explain:
        from depthwise.planning.explain import explain as text_of

        print(text_of(result.program))
    print(f"wrote {output}/ ({name}.h, {name}.c, {name}_weights.c, main.c, kernels/)")
    _print_memory(result.memory)
    print("call it with:\n" + "\n".join(f"    {line}" for line in result.usage))


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
    from depthwise.workflow import classify

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
    from depthwise.analysis import cost as count
    from depthwise.design import MODELS
    from depthwise.design.source import load_model

    counted = {name: count(load_model(name)) for name in MODELS}
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


@app.command()
def devices(as_json: Json = False) -> None:
    """List the devices, with their RAM, flash and clock."""
    from dataclasses import asdict

    from depthwise.device import device_names, load_device

    found = [load_device(name) for name in device_names()]
    if as_json:
        print(json.dumps([asdict(device) for device in found], indent=1))
        return
    from depthwise.terminal import device_lines

    print("\n".join(device_lines(found)))


def _print_memory(memory: "Memory") -> None:
    from depthwise.device import format_bytes

    print(
        f"RAM {format_bytes(memory.ram)} = arena {format_bytes(memory.arena)} + input {format_bytes(memory.input)}"
        f" + output {format_bytes(memory.output)} + stack {format_bytes(memory.stack)}"
    )
    code = f"code {format_bytes(memory.code)}" if memory.code else "code (not built, not counted)"
    print(f"flash {format_bytes(memory.flash)} = weights {format_bytes(memory.weights)} + {code}")


def _with_normalization(network: "Graph", mean: str | None, std: str | None) -> "Graph":
    from depthwise.graph import with_normalization

    def numbers(option: str, text: str | None) -> tuple[float, ...]:
        if text is None:
            raise UserError(f"{option} is missing: --mean and --std go together")
        try:
            return tuple(float(part) for part in text.split(","))
        except ValueError:
            raise UserError(f"{option} '{text}' is not a list of numbers: write it like 0.485,0.456,0.406") from None

    return with_normalization(network, numbers("--mean", mean), numbers("--std", std))


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
