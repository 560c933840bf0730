"""Whatever names a network -> its Graph: a model's name, a run folder, an .onnx file, a torch module, a Graph."""

from pathlib import Path
from typing import Any

from depthwise import graph
from depthwise.design import MODELS, Architecture, architecture
from depthwise.device import Precision
from depthwise.errors import UserError
from depthwise.graph import Graph
from depthwise.runs import MODELS_OF, Run


def load_model(source: Any, **options: Any) -> Graph:
    """The Graph of anything that names a network.

    Args and errors are those of `load_network`, whose Architecture is built with shapes only.
    """
    found = load_network(source, **options)
    return graph.build(found.layers(), name=found.name) if isinstance(found, Architecture) else found


def load_network(source: Any, precision: Precision | None = None, **options: Any) -> Architecture | Graph:
    """What stands behind anything that names a network: an Architecture, which can still be scaled, or a Graph.

    Args:
        source: a registered model's name, an Architecture, the path of a run folder or an .onnx file, a torch module
            or a Graph.
        precision: which network of a run folder is meant, if it has one in this precision; None: the one that ships.
        options: for a name: those of `design.architecture` (width, depth, resolution, ...); for a torch module
            that was not made by `create`: `shape`, its input's (channels, height, width).

    Raises:
        UserError: nothing of that name exists, or an option does not apply to it.
    """
    options = {name: value for name, value in options.items() if value is not None and value is not False}
    if isinstance(source, str | Path):
        path = Path(source)
        if path.is_dir() or path.suffix == ".onnx" or path.is_file():
            _no_options(str(source), options)
            return graph.load(_onnx_file(path, precision))
        if len(path.parts) > 1 and str(source) not in MODELS:
            raise UserError(
                f"'{source}' does not exist: give a model name ({', '.join(MODELS)}), a run folder or an .onnx"
            )
        return architecture(str(source), **options)
    if isinstance(source, Architecture):
        return source
    if hasattr(source, "layers") and hasattr(source, "state_dict"):
        _no_options(type(source).__name__, options)
        weights = {name: tensor.detach().cpu().numpy() for name, tensor in source.state_dict().items()}
        return graph.build(source.layers, weights, preprocessing=getattr(source, "preprocessing", None))
    return graph.load(source, **options)


def _onnx_file(path: Path, precision: Precision | None) -> Path:
    if not path.is_dir():
        return path
    if (path / MODELS_OF["float32"]).is_file():
        if precision is None:
            precision = Run.open(path).results.shipped if (path / "config.json").is_file() else None
        wanted = path / MODELS_OF[precision or "float32"]
        return wanted if wanted.is_file() else path / MODELS_OF["float32"]
    if (path / "config.json").is_file():
        raise UserError(f"the run in {path} has no model.onnx yet: finish it with the same `depthwise fit`")
    raise UserError(f"{path} is not a run folder (no config.json in it)")


def _no_options(name: str, options: dict[str, Any]) -> None:
    if options:
        flags = ", ".join(f"--{option}" for option in options)
        raise UserError(f"{flags} apply to model names, not to {name}, whose shapes are fixed")
