"""`depthwise profile`: where a network's time goes on this machine, and what else it could be."""

from typing import Annotated, Literal

import typer

from depthwise.cli.common import Json, NetworkOptions, Quiet, Source, app, takes_network

Against = Annotated[
    str | None, typer.Option(help="other runtimes on the same network: all that are installed, or NAME,NAME")
]
Time = Annotated[str | None, typer.Option(help="how long each network is timed, e.g. 5s; 2s if not given")]


@app.command()
@takes_network
def profile(
    model: Source,
    *,
    network: NetworkOptions,
    input: Annotated[
        Literal["auto", "uint8", "float", "int8"],
        typer.Option(
            help="what the C takes; auto: camera bytes if the model can; int8: what it quantizes its input to"
        ),
    ] = "auto",
    precision: Annotated[
        Literal["float32", "int8"] | None,
        typer.Option(
            help="int8: a float network in 8 bits, its time but not its answers; of a run either, else its own"
        ),
    ] = None,
    schedule: Annotated[Literal["auto", "layer", "stream"], typer.Option(help="whole maps, or row by row")] = "auto",
    optimize: Annotated[Literal["speed", "ram"], typer.Option(help="what `auto` chooses by")] = "speed",
    against: Against = None,
    threads: Annotated[int, typer.Option(min=1, help="of the runtimes in --against; layers are timed on one")] = 1,
    against_standard: Annotated[
        bool,
        typer.Option("--against-standard", help="each separable layer beside what it replaces: a standard one"),
    ] = False,
    against_unfused: Annotated[
        bool, typer.Option("--against-unfused", help="the network with BatchNorm and activations as separate passes")
    ] = False,
    time: Time = None,
    quick: Annotated[bool, typer.Option("--quick", help="hardly any time: to see it work, not to quote")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a network on this machine: time, MACs a cycle, bytes and the roofline's bound of each layer.

    A model's name gets random weights. This machine is measured first, if it has not been.

    Example: depthwise profile mobilenet_v2 --width 0.35 --resolution 96 --against all
    """
    from depthwise import profile as measure
    from depthwise.profiling.lines import profile_lines
    from depthwise.terminal import TerminalProgress

    ways = {
        "input": input,
        "precision": precision,
        "schedule": schedule,
        "optimize": optimize,
        "time": time,
        "quick": quick,
    }
    beside = {"against": against, "threads": threads, "standard": against_standard, "unfused": against_unfused}
    with TerminalProgress(quiet) as progress:
        found = measure(model, progress, **network, **ways, **beside)
    print(found.model_dump_json(indent=1) if as_json else "\n".join(profile_lines(found)))
