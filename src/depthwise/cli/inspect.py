"""`depthwise inspect`: the compiled network layer by layer beside its reference."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from depthwise.cli.common import Json, app


@app.command()
def inspect(
    model: Annotated[str, typer.Argument(help="a run folder or an .onnx file")],
    image: Annotated[Path | None, typer.Option(help="an image file; random input if not given")] = None,
    schedule: Annotated[Literal["auto", "layer", "stream"], typer.Option(help="whole maps, or row by row")] = "auto",
    optimize: Annotated[Literal["speed", "ram"], typer.Option(help="what `auto` chooses by")] = "speed",
    as_json: Json = False,
) -> None:
    """Find the first layer of a compiled network that differs from its reference. Exit code 1 if there is one.

    Example: depthwise inspect runs/photos --image cat.jpg
    """
    from depthwise import inspect as look
    from depthwise.terminal import inspection_lines

    found = look(model, image, schedule=schedule, optimize=optimize)
    print(found.model_dump_json(indent=1) if as_json else "\n".join(inspection_lines(found)))
    raise typer.Exit(0 if found.first is None and found.same_bits else 1)
