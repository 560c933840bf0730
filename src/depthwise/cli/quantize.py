"""`depthwise quantize`: a trained network in 8 bits, by the repair ladder."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from depthwise.cli.common import Json, Quiet, app


@app.command()
def quantize(
    model: Annotated[str, typer.Argument(help="a run folder or an .onnx file")],
    data: Annotated[
        str | None, typer.Option(help="images with classes, as for `fit`; a run's own if not given")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="the file; model.int8.onnx beside the model if not given")
    ] = None,
    max_drop: Annotated[float, typer.Option(help="points of accuracy that 8 bits may cost")] = 1.0,
    method: Annotated[
        Literal["auto", "minmax", "percentile", "mse"], typer.Option(help="how ranges become scales; auto: the best")
    ] = "auto",
    per_tensor: Annotated[bool, typer.Option("--per-tensor", help="one scale for all weights of a layer")] = False,
    keep_float: Annotated[
        Literal["auto", "none"], typer.Option(help="auto: noisy layers may stay in float if nothing else helps")
    ] = "auto",
    images: Annotated[int, typer.Option(help="training images for calibration")] = 256,
    train_time: Annotated[str, typer.Option(help="most time for training in 8 bits, if all else fails")] = "10min",
    mean: Annotated[str | None, typer.Option(help="of pixels in 0..1, for a model without: 0.485,0.456,0.406")] = None,
    std: Annotated[str | None, typer.Option(help="of pixels in 0..1, for a model without: 0.229,0.224,0.225")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a trained network in 8 bits (QDQ ONNX), repaired until it costs little. Exit code 1 if it costs more.

    Each rung of the ladder is measured on the validation images; the best is written.
    Example: depthwise quantize runs/photos --max-drop 0.5
    """
    from depthwise import quantize as climb
    from depthwise.design.source import load_model
    from depthwise.graph import with_normalization
    from depthwise.quantization.lines import ladder_lines
    from depthwise.quantization.source import file_beside
    from depthwise.terminal import TerminalProgress
    from depthwise.units import parse_numbers, parse_time

    network = load_model(model, precision="float32")
    if mean is not None or std is not None:
        network = with_normalization(network, parse_numbers("--mean", mean or ""), parse_numbers("--std", std or ""))
    path, seconds = output or file_beside(Path(model)), parse_time("--train-time", train_time)
    with TerminalProgress(quiet) as progress:
        found = climb(
            network,
            data,
            path,
            source=model,
            train_time=seconds,
            progress=progress,
            max_drop=max_drop,
            method=method,
            per_tensor=per_tensor,
            keep_float=keep_float,
            images=images,
        )
    lines = [*ladder_lines(found.ladder), f"wrote {path}"]
    print(found.ladder.model_dump_json(indent=1) if as_json else "\n".join(lines))
    if not found.ladder.within:
        cost = f"8 bits cost {found.ladder.drop:.2f} points, more than --max-drop {max_drop:g}; the file holds the best"
        print(f"warning: {cost}", file=sys.stderr)
        raise typer.Exit(1)
