"""`depthwise scale`: how depth, width and resolution should grow together, on one's own images and device."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from depthwise.cli.common import (
    Channels,
    Deployable,
    Depth,
    Flash,
    Json,
    LatencyLimit,
    MacLimit,
    ParameterLimit,
    Quiet,
    Ram,
    Resolution,
    Width,
    app,
)

if TYPE_CHECKING:
    from depthwise.selection.coefficients import Scaling, Triple


@app.command()
def scale(
    context: typer.Context,
    data: Annotated[str, typer.Argument(help="images with classes, as for `fit`")],
    model: Annotated[str, typer.Option(help="name of the base, see `depthwise models`")],
    device: Annotated[str, typer.Option(help="the target, see `depthwise devices`, or a .toml file")] = "host",
    ram: Ram = None,
    flash: Flash = None,
    latency: LatencyLimit = None,
    macs: MacLimit = None,
    parameters: ParameterLimit = None,
    width: Width = None,
    depth: Depth = None,
    resolution: Resolution = None,
    channels: Channels = None,
    deployable: Deployable = None,
    train_time: Annotated[
        str | None, typer.Option(help="for all trainings together, e.g. 3min; 10min if not given")
    ] = None,
    epochs: Annotated[int | None, typer.Option(min=1, help="of each training instead", show_default=False)] = None,
    batch_size: Annotated[int, typer.Option(min=2, help="images a step")] = 64,
    learning_rate: Annotated[float | None, typer.Option(help="peak learning rate")] = None,
    seed: Annotated[int, typer.Option(help="of the split, the initial weights and the data order")] = 0,
    data_dir: Annotated[str | None, typer.Option(help="folder of a named data set's own files")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="a .json file: the same command takes it up if it was stopped")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Find how much of depth, width and resolution should grow together: EfficientNet's alpha, beta and gamma.

    A few triples that about double the MACs are weighed against the device's limits and trained alike for a short time.

    Example: depthwise scale PHOTOS/ --model mobilenet_v2 --width 0.25 --device nrf52840 --train-time 5min
    """
    from depthwise import scale as find
    from depthwise.terminal import TerminalProgress

    options = {name: value for name, value in context.params.items() if name not in ("as_json", "quiet")}
    with TerminalProgress(quiet) as progress:
        found = find(progress=progress, **options)
    print(found.model_dump_json(indent=1) if as_json else "\n".join(scale_lines(found, data)))


def scale_lines(found: "Scaling", data: str) -> list[str]:
    """The base and the triples with what they take, the best of them, and what to do with it."""
    from depthwise.terminal import table

    titles = ("alpha", "beta", "gamma", "depth", "width", "px", "MACs", "times", "RAM", "flash", "latency", "accuracy")
    rows = [titles, *map(_row, found.triples)]
    best, one = found.choice, found.choice.candidate
    assert best.accuracy
    rivals = (
        f", in whose interval {found.rivals} of the {len(found.ranking) - 1} others lie" if found.ranking[1:] else ""
    )
    return [
        f"{one.model} on {found.device}, {found.precision}: {found.epochs:g} passes each, "
        f"accuracy on {found.images:,} validation images",
        *table([*rows, ("",) * len(titles)], left=0)[:-2],
        f"best: alpha {best.alpha:g}, beta {best.beta:g}, gamma {best.gamma:g}{rivals}",
        f"next: depthwise fit {data} --model {one.model} --width {one.width:g} --depth {one.depth:g} "
        f"--resolution {one.resolution}",
    ]


def _row(one: "Triple") -> tuple[str, ...]:
    from depthwise.units import format_bytes, format_count, format_time

    network = one.candidate
    growths = (f"{each:g}" for each in (one.alpha, one.beta, one.gamma, network.depth, network.width))
    latency = "" if network.latency is None else format_time(network.latency)
    right, accuracy = one.accuracy, "not trained"
    if right is not None:
        accuracy = f"{right.value:.1%} ({right.low:.1%} to {right.high:.1%})"
    return (
        *growths,
        str(network.resolution),
        format_count(network.macs),
        f"{one.times:.2f}",
        format_bytes(network.ram),
        format_bytes(network.flash),
        latency,
        one.missed or accuracy,
    )
