"""`depthwise fit`: the main job, images and a budget in, everything out."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from depthwise.cli.common import (
    Channels,
    Deployable,
    Flash,
    LatencyLimit,
    MacLimit,
    ParameterLimit,
    Quiet,
    Ram,
    Resolution,
    app,
)
from depthwise.errors import UserError

if TYPE_CHECKING:
    from depthwise.config import Config

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
Weights = Annotated[
    str | None,
    typer.Option(help="start from these: a published name (`depthwise models --weights`), a file or an address"),
]
ModelWidth = Annotated[float | None, typer.Option(help="width multiplier of --model, e.g. 0.35")]
Families = Annotated[
    str | None, typer.Option(help="models that the search tries, NAME,NAME or patterns; see docs/search.md")
]
ModelDepth = Annotated[float | None, typer.Option(help="depth multiplier of --model, e.g. 0.5")]
BatchSize = Annotated[int, typer.Option(min=2, help="images a step")]
LearningRate = Annotated[float | None, typer.Option(help="peak learning rate; the recipe's if not given")]
DataDir = Annotated[str | None, typer.Option(help="folder of a named data set's own files")]
Precision = Annotated[
    Literal["auto", "float32", "int8"],
    typer.Option(help="of what ships; auto: int8 if it costs at most --max-drop and no time on the device"),
]
MaxDrop = Annotated[
    float | None, typer.Option(help="points of accuracy that int8 may cost, 1 if not given", show_default=False)
]
InputType = Annotated[Literal["uint8", "float"], typer.Option(help="what the C takes: camera bytes or floats")]
RunFolder = Annotated[
    Path | None, typer.Option("-o", "--output", help="run folder; runs/DATA-DEVICE-N or DATA-MODEL-N if not given")
]
Replay = Annotated[
    Path | None, typer.Option(help="do the run of this folder again, by its plan; no DATA and no other choice")
]
Seed = Annotated[int, typer.Option(help="of the split, the initial weights and the data order")]


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
    weights: Weights = None,
    width: ModelWidth = None,
    depth: ModelDepth = None,
    deployable: Deployable = None,
    families: Families = None,
    resolution: Resolution = None,
    channels: Channels = None,
    batch_size: BatchSize = 64,
    learning_rate: LearningRate = None,
    seed: Seed = 0,
    data_dir: DataDir = None,
    precision: Precision = "auto",
    max_drop: MaxDrop = None,
    input: InputType = "uint8",
    output: RunFolder = None,
    replay: Replay = None,
    quiet: Quiet = False,
) -> None:
    """Find the most accurate network that fits a device, train it on images, compile it to C, verify it and report.

    The same command on a killed run resumes it, on a finished one prints its result. Exit code 1 if nothing fits
    or --precision int8 costs more than --max-drop.

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
    raise typer.Exit(1 if run.results.missed else 0)


def _config_of(options: Mapping[str, Any]) -> "Config":
    """What the options of `fit` ask for. Raises UserError that names the first which cannot be used."""
    from depthwise.config import Config
    from depthwise.device import RESOURCES, Budget
    from depthwise.units import parse_time

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
