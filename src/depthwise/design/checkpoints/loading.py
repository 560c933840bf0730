"""From somebody's file of weights to ours, and back: names, shapes, what the weights were trained with."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from depthwise import graph
from depthwise.data.preprocessing import Preprocessing
from depthwise.design import MODELS
from depthwise.design.architecture import Architecture
from depthwise.design.checkpoints.base import Checkpoint
from depthwise.design.checkpoints.names import OURS, Naming
from depthwise.design.checkpoints.sources import HUB, SUFFIXES, fetch, hash_of, read
from depthwise.errors import UserError
from depthwise.progress import Progress, Silent
from depthwise.registry import Registry, choose
from depthwise.runs import MODELS_OF, Run
from depthwise.start import Start

CHECKPOINTS: Registry[Checkpoint] = Registry("weights", "depthwise.design.checkpoints.published", "CHECKPOINTS")

COUNTER = "num_batches_tracked"
"""A buffer of torch's BatchNorm that nothing needs."""

_LISTED = 4
"""Keys that an error names of each kind; of the others it tells the number."""

_IDENTITY = Naming(OURS, {})


@dataclass(frozen=True, eq=False)
class Loaded:
    """Weights for a network.

    Attributes:
        architecture: of the network, with padding and epsilon as the weights were trained with.
        weights: float32 arrays by our state_dict keys; without those of a classifier that is new.
        start: where they come from, for the record.
    """

    architecture: Architecture
    weights: Mapping[str, np.ndarray]
    start: Start

    @property
    def preprocessing(self) -> Preprocessing:
        """From an image file to the network's input, at the network's resolution."""
        mean, std = self.start.mean, self.start.std
        return Preprocessing(self.architecture.resolution, self.architecture.channels, mean=mean, std=std)


def load(source: str | Path, architecture: Architecture, progress: Progress | None = None) -> Loaded:
    """Weights of a file, a run folder, an address, "hf:USER/NAME" or a name in CHECKPOINTS, for a network.

    Args:
        source: as above. Of a file the published weights are known by its hash, the library by its names.
        architecture: of the network. Another number of classes than the weights' makes its classifier a new one.
        progress: told what is assumed or new.

    Raises:
        UserError: an unknown name; weights that cannot be read, or are those of another network, which lists the keys.
    """
    progress, source = progress or Silent(), str(source)
    name, known = (source, CHECKPOINTS[source]) if source in CHECKPOINTS else (None, None)
    if known is None and not _is_place(source):
        choose("weights", source, CHECKPOINTS)
    if known is not None and not known.source:
        raise UserError(f"the weights {source} have no address: give their file, it is known by its hash")
    path = fetch(known.source if known else source, known.sha256 if known else "", progress)
    digest, arrays = hash_of(path), read(path)
    if known is None:
        same = (item for item in CHECKPOINTS.items() if item[1].sha256 and digest.startswith(item[1].sha256))
        name, known = next(same, (None, None))
    if known is None:
        known = _of_run(path) or _alike(arrays, architecture, source, progress)
    if known.model != architecture.name:
        raise UserError(f"the weights {name or source} are those of {known.model}, not of {architecture.name}")
    naming = known.naming
    epsilon = architecture.epsilon if naming.epsilon is None else naming.epsilon
    architecture = replace(architecture, padding=naming.padding, epsilon=epsilon)
    weights, new = from_library(arrays, architecture, naming, source)
    if new:
        progress.note(new)
    start = Start(
        source=source,
        name=name,
        sha256=digest,
        library=naming.library,
        padding=architecture.padding,
        epsilon=architecture.epsilon,
        mean=known.normalization[0],
        std=known.normalization[1],
        top1=known.top1,
        recipe=known.recipe,
        new_classifier=bool(new),
    )
    return Loaded(architecture, weights, start)


def from_library(
    arrays: Mapping[str, np.ndarray], architecture: Architecture, naming: Naming, source: str
) -> tuple[dict[str, np.ndarray], str]:
    """Arrays under another library's names, under ours; and a line about a classifier that is new, else "".

    Args:
        arrays: by state_dict key of the library.
        architecture: of the network. naming: of the library.
        source: what to call the arrays in an error.

    Raises:
        UserError: keys that are missing or unexpected, arrays of another shape; the first few are listed.
    """
    keys, shapes = _keys(architecture, naming), _shapes(architecture)
    missing = [theirs for theirs in keys.values() if theirs not in arrays]
    expected = set(keys.values())
    unexpected = [name for name in arrays if name not in expected and not name.endswith(COUNTER)]
    classifier = architecture.layers()[-1].name
    weights: dict[str, np.ndarray] = {}
    misshapen, new = [], ""
    for ours, theirs in keys.items():
        if theirs not in arrays:
            continue
        array, shape = np.asarray(arrays[theirs], np.float32), shapes[ours]
        if _plain(array.shape) == _plain(shape):
            weights[ours] = array.reshape(shape)
        elif ours.startswith(f"{classifier}.") and array.shape[1:] == shape[1:]:
            new = f"the classifier is new: {source} has {array.shape[0]} classes, the network {shape[0]}"
        else:
            misshapen.append(f"{theirs} {list(array.shape)}, not {list(shape)}")
    faults = [
        f"{len(found)} {kind} ({_few(found)})"
        for kind, found in (("missing", missing), ("unexpected", unexpected), ("misshapen", misshapen))
        if found
    ]
    if faults:
        raise UserError(
            f"the weights {source} are not those of {architecture.name} at width {architecture.width:g} with "
            f"{architecture.channels} input channels: {'; '.join(faults)}"
        )
    return weights, new


def to_library(weights: Mapping[str, np.ndarray], architecture: Architecture, library: str) -> dict[str, np.ndarray]:
    """Our weights as a state_dict of another library; the inverse of `from_library`.

    Args:
        weights: arrays by our state_dict keys.
        architecture: of the network.
        library: "torchvision", "timm" ...

    Returns:
        Arrays by the library's keys; torch takes them with `strict=True`. Where its batch normalization adds another
        epsilon to the variance, the variance makes up for it, so the outputs are the same.

    Raises:
        UserError: a library that does not have the model, or keeps it with another padding.
    """
    namings = [one for one in _namings(architecture.name) if one.library == library]
    if not namings:
        known = sorted({one.library for one in _namings(architecture.name)})
        raise UserError(f"'{library}' has no {architecture.name} that is known here: {', '.join(known) or 'none has'}")
    alike = [one for one in namings if one.padding == architecture.padding]
    if not alike:
        raise UserError(
            f"{library} pads {architecture.name} by '{namings[0].padding}', and this network was trained with "
            f"'{architecture.padding}': its weights would be wrong there"
        )
    naming = alike[0]
    modules, epsilon = naming.modules(architecture), naming.epsilon or MODELS[architecture.name].epsilon
    found = {}
    for ours, theirs in _keys(architecture, naming).items():
        array = np.asarray(weights[ours])
        layer, _, parameter = ours.rpartition(".")
        if parameter == "running_var" and epsilon != architecture.epsilon:
            array = array + np.float32(architecture.epsilon - epsilon)
        found[theirs] = array[:, :, None, None] if array.ndim == 2 and layer in naming.maps else array
    counters = (key for key in weights if key.endswith(COUNTER))
    return found | {
        f"{modules[key.removesuffix(f'.{COUNTER}')]}.{COUNTER}": np.asarray(weights[key]) for key in counters
    }


def _keys(architecture: Architecture, naming: Naming) -> dict[str, str]:
    """Our state_dict key -> theirs."""
    modules = None if naming.library == OURS else naming.modules(architecture)
    return {
        f"{layer.name}.{parameter}": f"{modules[layer.name] if modules else layer.name}.{parameter}"
        for layer in architecture.layers()
        for parameter in layer.parameters
    }


def _shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    layers = architecture.layers()
    return {f"{layer.name}.{parameter}": shape for layer in layers for parameter, shape in layer.parameters.items()}


def _namings(model: str) -> list[Naming]:
    """Those under which weights of the model are published."""
    return list(dict.fromkeys(one.naming for one in CHECKPOINTS.values() if one.model == model))


def _of_run(path: Path) -> Checkpoint | None:
    """What the run knows of its weights, if the file lies in the folder of one."""
    model = path.with_name(MODELS_OF["float32"])
    if not (path.with_name("config.json").is_file() and model.is_file()):
        return None
    run, form = Run.open(path.parent), graph.preprocessing_of(graph.load(model))
    if form is None or run.config.model is None:
        return None
    begun = run.results.start
    naming = Naming(OURS, {}, padding=begun.padding, epsilon=begun.epsilon) if begun else _IDENTITY
    return Checkpoint(run.config.model, naming, str(path), normalization=(form.mean, form.std))


def _alike(arrays: Mapping[str, np.ndarray], architecture: Architecture, source: str, progress: Progress) -> Checkpoint:
    """The published weights that unknown ones are likeliest trained like: those whose names they have."""
    ours = Checkpoint(architecture.name, _IDENTITY, source)
    models = {name: one for name, one in CHECKPOINTS.items() if one.model == architecture.name}
    found = {"": ours, **models}

    def likeness(name: str) -> tuple[int, bool]:
        keys = set(_keys(architecture, found[name].naming).values())
        return len(keys & set(arrays)), ("tf_" in name) == ("tf_" in source)

    best = max(found, key=likeness)
    if not likeness(best)[0]:
        libraries = ", ".join(dict.fromkeys(one.naming.library for one in found.values()))
        raise UserError(
            f"the weights {source} are not those of {architecture.name}: no key of theirs is known "
            f"({_few(list(arrays))}); names of {libraries} are"
        )
    form, like = found[best], f"as for {best}" if best else "for want of a record beside the file"
    mean, std = ([round(value, 3) for value in values] for values in form.normalization)
    progress.note(
        f"{source} does not say how its network was trained: padding '{form.naming.padding}', mean {mean} and "
        f"deviation {std} are assumed, {like}"
    )
    return replace(form, top1=None, recipe="")


def _is_place(source: str) -> bool:
    """Whether it names a file, a folder, an address or the hub, not published weights."""
    return source.startswith((HUB, "http://", "https://")) or Path(source).suffix in SUFFIXES or Path(source).exists()


def _plain(shape: Iterable[int]) -> tuple[int, ...]:
    """A shape without the 1 x 1 of a pointwise convolution: a matrix is one, too."""
    shape = tuple(shape)
    return shape[:2] if len(shape) == 4 and shape[2:] == (1, 1) else shape


def _few(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")
