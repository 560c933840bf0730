"""`depthwise devices`: what there is, this machine measured, and what a device allows at best."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from depthwise.cli.common import Json, NetworkOptions, Quiet, app, takes_network
from depthwise.errors import UserError

if TYPE_CHECKING:
    from depthwise.device import Device

devices_app = typer.Typer()
app.add_typer(devices_app, name="devices")


@devices_app.callback(invoke_without_command=True)
def devices(context: typer.Context, as_json: Json = False) -> None:
    """List the devices, with their RAM, flash and clock; `depthwise devices measure` measures this machine."""
    if context.invoked_subcommand:
        return
    from dataclasses import asdict

    from depthwise.device import device_names, load_device

    found = [load_device(name) for name in device_names()]
    if as_json:
        print(json.dumps([asdict(device) for device in found], indent=1))
        return
    from depthwise.terminal import device_lines

    print("\n".join(device_lines(found)))


@devices_app.command()
def measure(
    device: Annotated[str, typer.Argument(help="only this machine can be measured: host")] = "host",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure this machine: clock, peak, caches, bandwidth, cycles per MAC. `check` predicts latency with them."""
    from dataclasses import asdict

    from depthwise.compiler import native_isa
    from depthwise.device import HOST, load_device
    from depthwise.machine import host_file
    from depthwise.profiling import measure_host
    from depthwise.terminal import TerminalProgress, measured_lines

    if (name := load_device(device).name) != HOST:
        raise UserError(f"only this machine (host) can be measured here: write the figures of {name} to a .toml file")
    with TerminalProgress(quiet) as progress:
        found = measure_host(progress).with_isa(native_isa())
    lines = [*measured_lines(found), f"kept in {host_file()}"]
    print(json.dumps(asdict(found), indent=1) if as_json else "\n".join(lines))


@devices_app.command()
@takes_network
def roofline(
    device: Annotated[str, typer.Argument(help="its name, or the path of a .toml file")] = "host",
    model: Annotated[
        str | None, typer.Option(help="a model name, a run folder or an .onnx file, whose layers are shown too")
    ] = None,
    *,
    network: NetworkOptions,
    precision: Annotated[
        Literal["float32", "int8"] | None, typer.Option(help="of the arithmetic; the network's own if not given")
    ] = None,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="a picture too: an .svg file")] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Say what one thread of a device reaches at best, by its MACs for each byte; with a model's layers.

    Example: depthwise devices roofline host --model mobilenet_v2 -o roof.svg
    """
    from depthwise.analysis.roofline import bounds_of_layers, roofline_of
    from depthwise.design.source import load_network
    from depthwise.terminal import roofline_lines

    if model is None and network:
        raise UserError(f"{', '.join(f'--{name}' for name in network)}: of which network? Name a --model")
    if output and output.suffix != ".svg":
        raise UserError(f"'{output}' is not an .svg file: write --output roof.svg")
    shown = load_network(model, precision, **network) if model else None
    target = _with_bandwidth(device, quiet)
    found = bounds_of_layers(shown, target, precision) if shown else []
    roof = roofline_of(target, found[0].precision if found else precision or "float32")
    if output:
        from depthwise.files import write_text
        from depthwise.report.roofline import picture

        write_text(output, picture(roof, found))
    if as_json:
        print(json.dumps({**roof.model_dump(), "layers": [each.model_dump() for each in found]}, indent=1))
        return
    print("\n".join([*roofline_lines(roof, found), *([f"wrote {output}"] if output else [])]))


def _with_bandwidth(name: str, quiet: bool) -> "Device":
    from depthwise.compiler import native_isa
    from depthwise.device import HOST, load_device
    from depthwise.profiling import measured_host
    from depthwise.terminal import TerminalProgress

    device = load_device(name)
    if device.name == HOST:
        with TerminalProgress(quiet) as progress:
            device = measured_host(progress)
    return device if device.isa else device.with_isa(native_isa())
