"""What the commands share: the application that they belong to, and the options that several of them take."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

import typer

app = typer.Typer(
    help="Images and the budget of a small device in, the best depthwise separable network for it out, as C.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Source = Annotated[str, typer.Argument(help="a model name, a run folder or an .onnx file")]
Width = Annotated[float | None, typer.Option(help="width multiplier, e.g. 0.35")]
Depth = Annotated[float | None, typer.Option(help="depth multiplier of the stages' repeats, e.g. 0.5")]
Deployable = Annotated[
    bool | None,
    typer.Option("--deployable", help="without squeeze-excite, hard-swish and SiLU; stem and head unscaled"),
]
Resolution = Annotated[
    int | None, typer.Option(help="input height in pixels; the width too, or of spectrograms its share: 49 of 49 x 10")
]
Classes = Annotated[int | None, typer.Option(help="outputs of the classifier")]
Channels = Annotated[int | None, typer.Option(help="channels of the input: 3 colour, 1 grey")]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="print the result only")]
Ram = Annotated[str | None, typer.Option(help="limit of the network's RAM, e.g. 128K")]
Flash = Annotated[str | None, typer.Option(help="limit of the whole firmware's flash, e.g. 512K")]
LatencyLimit = Annotated[str | None, typer.Option(help="limit of one image's time, e.g. 50ms")]
MacLimit = Annotated[str | None, typer.Option(help="limit of multiply-accumulates, e.g. 5M")]
ParameterLimit = Annotated[str | None, typer.Option(help="limit of trainable parameters, e.g. 300k")]

NetworkOptions = dict[str, Any]
"""What a model's name is to be: options of `design.architecture`, those that are given."""

_NETWORK: dict[str, Any] = {
    "width": Width,
    "depth": Depth,
    "resolution": Resolution,
    "classes": Classes,
    "channels": Channels,
    "deployable": Deployable,
}


def takes_network(command: Callable[..., None]) -> Callable[..., None]:
    """Puts options in the place of the command's parameter `network`, and gives it those that the user gave.

    Args:
        command: has a parameter `network: NetworkOptions`.
    """

    @wraps(command)
    def with_options(**values: Any) -> None:
        given = {name: value for name in _NETWORK if (value := values.pop(name)) is not None}
        command(**values, network=given)

    parameters: list[inspect.Parameter] = []
    for each in inspect.signature(command).parameters.values():
        options = _NETWORK if each.name == "network" else {}
        parameters += [each.replace(name=name, annotation=option, default=None) for name, option in options.items()]
        parameters += [] if options else [each]
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {each.name: each.annotation for each in parameters}
    return with_options
