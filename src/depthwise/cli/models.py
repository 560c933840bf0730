"""`depthwise models`: what can be trained, and the published weights that it can start from."""

import json
from collections.abc import Iterator
from typing import Annotated, Any

import typer

from depthwise.cli.common import Json, app


@app.command()
def models(
    weights: Annotated[bool, typer.Option("--weights", help="published weights instead, for `fit --weights`")] = False,
    as_json: Json = False,
) -> None:
    """List the models, with their size at width 1 and the paper's resolution, or their published weights."""
    rows = list(_weights() if weights else _models())
    print(json.dumps([row for row, _ in rows], indent=1) if as_json else "\n".join(line for _, line in rows))


def _models() -> Iterator[tuple[dict[str, Any], str]]:
    """Each model for a program, and as a line."""
    from depthwise.design import MODELS

    for name, model in MODELS.items():
        layers = model.layers()
        parameters, macs = sum(layer.trained for layer in layers), sum(layer.macs for layer in layers)
        height, width = model.sides
        size = f"{height} px" if height == width else f"{height} x {width} px"
        line = (
            f"{name:<26} {size:<10} {parameters / 1e6:6.2f} M parameters   "
            f"{macs / 1e6:8.1f} M MACs at width 1, {model.classes} classes"
        )
        yield {"name": name, "resolution": model.resolution, "parameters": parameters, "macs": macs}, line


def _weights() -> Iterator[tuple[dict[str, Any], str]]:
    """Each set of weights for a program, and as a line; those of a model together."""
    from depthwise.design.checkpoints import CHECKPOINTS

    for name, one in sorted(CHECKPOINTS.items(), key=lambda item: (item[1].model, item[0])):
        row = {
            **{"name": name, "model": one.model, "width": one.width, "library": one.naming.library},
            **{"resolution": one.resolution, "normalization": one.normalization, "padding": one.naming.padding},
            **{"top1": one.top1, "source": one.source, "sha256": one.sha256, "recipe": one.recipe},
        }
        top1 = "" if one.top1 is None else f"   {one.top1:5.2f} % on ImageNet-1k"
        yield (
            row,
            f"{name:<42} {one.model:<26} width {one.width:<4g}   {one.resolution} px   {one.naming.library:<20}{top1}",
        )
