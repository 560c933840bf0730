"""What is given to the linter: a network, and what is known of it besides."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depthwise.design import Architecture, architecture
from depthwise.design.source import load_network
from depthwise.device import Precision
from depthwise.graph import Graph
from depthwise.results import Search
from depthwise.runs import Run


@dataclass(frozen=True)
class Source:
    """A network.

    Attributes:
        network: an Architecture or any Graph.
        architecture: from which it was made, if that is known.
        search: that found it, if one did: its trials say what thinning costs on the user's images.
        file: whether it is an .onnx file, which runs as it is written; else a compiler still comes.
    """

    network: Architecture | Graph
    architecture: Architecture | None = None
    search: Search | None = None
    file: bool = False


def open_source(model: Any, precision: Precision | None = None, **options: Any) -> Source:
    """Whatever names a network, with what its place tells of it.

    Args:
        model: a name, run folder, .onnx file, torch module or Graph. precision, options: as for `load_network`.

    Raises:
        UserError: as `load_network`.
    """
    network = load_network(model, precision, **options)
    if isinstance(network, Architecture):
        return Source(network, network)
    if not isinstance(model, str | Path):
        return Source(network)
    if not Path(model).is_dir() or not (Path(model) / "config.json").is_file():
        return Source(network, file=True)
    run = Run.open(Path(model))
    return Source(network, architecture_of(run), run.results.search)


def architecture_of(run: Run) -> Architecture | None:
    """The Architecture that a run trained; None before that is known."""
    config, search, data, cost = run.config, run.results.search, run.results.data, run.results.cost
    if data is None or cost is None:
        return None
    channels, side = cost.input_shape[0], cost.input_shape[1]
    size = (len(data.classes), channels)
    if config.model is not None:
        return architecture(config.model, config.width, side, *size, config.depth, config.deployable)
    if search is None or (one := search.chosen) is None:
        return None
    return architecture(one.model, one.width, one.resolution, *size, one.depth, config.deployable)
