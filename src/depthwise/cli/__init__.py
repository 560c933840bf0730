"""The command line: one subcommand a verb; parse, call, print. What a command needs is imported when it runs."""

import errno
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from depthwise.cli import devices, fit, inspect, lint, models, profile, quantize, scale
from depthwise.cli.common import (
    Flash,
    Json,
    LatencyLimit,
    MacLimit,
    NetworkOptions,
    ParameterLimit,
    Ram,
    Source,
    app,
    takes_network,
)
from depthwise.errors import UserError

if TYPE_CHECKING:
    from depthwise.compiler import Compiled
    from depthwise.device import Device
    from depthwise.graph import Graph

__all__ = ["app", "devices", "fit", "inspect", "lint", "main", "models", "profile", "quantize", "scale"]

INTERRUPTED = 130
"""What typer returns after Ctrl-C."""

NO_PLACE = (
    *(errno.EACCES, errno.EROFS, errno.EPERM, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ENOENT),
    *(errno.ENAMETOOLONG, errno.ELOOP),
)
"""What is wrong with a path that a user names."""


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
@takes_network
def cost(
    model: Source,
    *,
    network: NetworkOptions,
    precision: Annotated[
        Literal["float32", "int8"] | None, typer.Option(help="whose bytes count; its own if not given")
    ] = None,
    standard: Annotated[
        bool, typer.Option("--standard", help="each separable layer beside the standard convolution it stands for")
    ] = False,
    as_json: Json = False,
) -> None:
    """Count parameters, MACs and bytes, in all and per layer, and the most activations that live at one time.

    Example: depthwise cost mobilenet_v2 --width 0.5 --resolution 160 --classes 10
    """
    from depthwise.analysis import cost as count
    from depthwise.design.source import load_model

    counted = count(load_model(model, **network), precision, memory=True)
    if as_json:
        print(counted.model_dump_json(indent=1))
        return
    from depthwise.terminal import cost_lines, standard_lines

    print("\n".join(standard_lines(counted) if standard else cost_lines(counted)))


@app.command()
@takes_network
def check(
    model: Source,
    device: Annotated[str, typer.Option(help="name, see `depthwise devices`, or the path of a .toml file")],
    *,
    network: NetworkOptions,
    ram: Ram = None,
    flash: Flash = None,
    latency: LatencyLimit = None,
    macs: MacLimit = None,
    parameters: ParameterLimit = None,
    precision: Annotated[
        Literal["float32", "int8"] | None,
        typer.Option(help="of the compiled network; its own or the device's if not given"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether a network fits a device: by how much not, and the nearest changes that fit. Exit code 1 if not.

    Example: depthwise check mobilenet_v2 --width 0.35 --resolution 96 --classes 10 --device nrf52840
    """
    from depthwise import check as weigh
    from depthwise.terminal import TerminalProgress, check_lines

    limits = {"ram": ram, "flash": flash, "latency": latency, "macs": macs, "parameters": parameters}
    with TerminalProgress() as progress:
        verdict = weigh(model, device, precision, progress, **network, **limits)
    print(verdict.model_dump_json(indent=1) if as_json else "\n".join(check_lines(verdict)))
    raise typer.Exit(0 if verdict.fits else 1)


@app.command()
def compile(
    model: Annotated[str, typer.Argument(help="a run folder or an .onnx file")],
    output: Annotated[Path, typer.Option("-o", "--output", help="folder for the C")],
    name: Annotated[str, typer.Option(help="prefix of every symbol and file")] = "network",
    input: Annotated[
        Literal["auto", "uint8", "float", "int8"],
        typer.Option(
            help="what the C takes; auto: camera bytes if the model carries its preprocessing, else floats; "
            "int8: the values that an 8-bit model quantizes its input to"
        ),
    ] = "auto",
    mean: Annotated[str | None, typer.Option(help="of pixels in 0..1, for a model without: 0.485,0.456,0.406")] = None,
    std: Annotated[str | None, typer.Option(help="of pixels in 0..1, for a model without: 0.229,0.224,0.225")] = None,
    device: Annotated[str, typer.Option(help="name, see `depthwise devices`, or the path of a .toml file")] = "host",
    target: Annotated[
        str | None, typer.Option(help="native, x86-64, x86-64-v3, aarch64, c ...; the device's if not given")
    ] = None,
    schedule: Annotated[Literal["auto", "layer", "stream"], typer.Option(help="whole maps, or row by row")] = "auto",
    optimize: Annotated[Literal["speed", "ram"], typer.Option(help="what `auto` chooses by")] = "speed",
    emit_only: Annotated[bool, typer.Option(help="write the C and build nothing")] = False,
    explain: Annotated[bool, typer.Option(help="print segments, kernels, buffers, bytes, and why")] = False,
    profile: Annotated[bool, typer.Option(help="with NAME_run_profiled, which takes the time of every layer")] = False,
    debug_outputs: Annotated[
        str | None, typer.Option(help="layers whose tensors become outputs, too: LAYER,LAYER or all")
    ] = None,
) -> None:
    """Compile a trained network to a folder of self-contained C.

    What is over the device's memory is told on standard error, and the C written all the same: `check` is the judge.

    Example: depthwise compile runs/photos -o build/ --name classifier
    """
    from depthwise.compiler import compile_folder
    from depthwise.design.source import load_model
    from depthwise.device import load_device
    from depthwise.graph import with_normalization, with_outputs
    from depthwise.planning import Choice
    from depthwise.units import parse_numbers

    network = load_model(model)
    if mean is not None or std is not None:
        network = with_normalization(network, parse_numbers("--mean", mean or ""), parse_numbers("--std", std or ""))
    if debug_outputs is not None:
        network = with_outputs(network, debug_outputs.split(","), input)
    board = load_device(device).for_target(target)
    result = compile_folder(
        network,
        output,
        name=name,
        input=input,
        device=board,
        choice=Choice(schedule, optimize),
        build=not emit_only,
        profile=profile,
    )
    if explain:
        from depthwise.planning.explain import explain as text_of

        print("\n\n".join(map(text_of, result.programs)))
    _tell(result, network, output, board)


def _tell(result: "Compiled", network: "Graph", output: Path, board: "Device") -> None:
    """Prints what was compiled, its memory and how C calls it; on standard error what is over the board's memory, and
    what the linter warns of."""
    from depthwise.analysis import excess_lines
    from depthwise.linter import Source, look
    from depthwise.terminal import memory_lines

    name = result.manifest.name
    files = [f"{name}.h", *result.manifest.sources, f"{name}_weights.c", "main.c", "kernels/"]
    print(f"wrote {output}/ ({', '.join(files)}) for {result.manifest.target}")
    print("\n".join(memory_lines(result.memory)))
    for line in (*excess_lines(result.memory, board), *look(Source(network), board, result.manifest.precision).brief()):
        print(f"warning: {line}", file=sys.stderr)
    print("call it with:\n" + "\n".join(f"    {line}" for line in result.usage))


@app.command()
def export(
    model: Annotated[str, typer.Argument(help="a run folder or an .onnx file")],
    to: Annotated[str, typer.Option(help="the format, e.g. litert")],
    output: Annotated[Path, typer.Option("-o", "--output", help="the file")],
    precision: Annotated[
        str | None, typer.Option(help="of the weights, where the format offers a choice: float16 or int8")
    ] = None,
) -> None:
    """Write a trained network for another runtime; what that computes from the file is compared first.

    Example: depthwise export runs/photos --to litert -o photos.tflite
    """
    from depthwise import export as write
    from depthwise.terminal import export_lines

    print("\n".join(export_lines(write(model, to, output, precision))))


@app.command()
def run(
    model: Annotated[str, typer.Argument(help="a run folder or an .onnx file")],
    images: Annotated[list[Path], typer.Argument(help="image files")],
    top: Annotated[int, typer.Option(min=1, help="classes to print for each image")] = 1,
    threads: Annotated[int, typer.Option(min=1, help="threads that share the work on an image")] = 1,
    as_json: Json = False,
) -> None:
    """Classify images with the compiled network: class, probability, time.

    Example: depthwise run runs/photos cat.jpg dog.jpg
    """
    from depthwise.classification import classify

    rows = classify(model, images, top, threads)
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
        if error.errno in NO_PLACE and error.filename:
            _fail(f"cannot read or write '{error.filename2 or error.filename}': {error.strerror}")
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
