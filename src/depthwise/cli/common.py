"""What the commands share: the application that they belong to, and the options that several of them take."""

from typing import Annotated

import typer

app = typer.Typer(
    help="Images and the budget of a small device in, the best depthwise separable network for it out, as C.",
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Source = Annotated[str, typer.Argument(help="a model name, a run folder or an .onnx file")]
Width = Annotated[float | None, typer.Option(help="width multiplier, e.g. 0.35")]
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
