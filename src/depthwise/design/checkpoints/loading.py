"""From somebody's file of weights to ours, and back: names, shapes, what the weights were trained with."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from depthwise.data.preprocessing import Preprocessing
from depthwise.design import MODELS
from depthwise.design import architecture as named
from depthwise.design.architecture import Architecture
from depthwise.design.checkpoints.base import Checkpoint
from depthwise.design.checkpoints.identity import alike, few, find, namings_of
from depthwise.design.checkpoints.names import Naming
from depthwise.design.checkpoints.sources import read
from depthwise.errors import UserError
from depthwise.progress import Progress, Silent
from depthwise.start import Start

COUNTER = "num_batches_tracked"
"""A buffer of torch's BatchNorm that nothing needs."""


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
        return self.architecture.preprocessing(self.start.mean, self.start.std)


def load(source: str | Path, architecture: Architecture | None = None, progress: Progress | None = None) -> Loaded:
    """Weights of a file, a run folder, an address, "hf:USER/NAME" or a name in CHECKPOINTS, for a network.

    Args:
        source: as above. Of a file the published weights are known by its hash, the library by its names.
        architecture: of the network; None: the one that the weights say they are of, with their classes. Another number
            of classes than the weights' makes its classifier a new one.
        progress: told what is assumed or new.

    Raises:
        UserError: an unknown name; weights that cannot be read, or are those of another network, which lists the keys;
            weights that do not say their network, if none is given.
    """
    progress, source = progress or Silent(), str(source)
    found = find(source, progress)
    arrays = read(found.path)
    if architecture is None:
        architecture = _network_of(found.told(source), arrays)
    known = found.known or alike(arrays, architecture, source, progress)
    what = f"the weights {found.name or source} are those of {known.model}"
    if known.model != architecture.name:
        raise UserError(f"{what}, not of {architecture.name}")
    for multiplier in ("width", "depth") if found.known else ():
        theirs, ours = (getattr(one, multiplier) for one in (known, architecture))
        if not math.isclose(theirs, ours, rel_tol=1e-6):
            raise UserError(f"{what} at {multiplier} {theirs:g}, not {ours:g}")
    naming = known.naming
    epsilon = architecture.epsilon if naming.epsilon is None else naming.epsilon
    architecture = replace(architecture, padding=naming.padding, epsilon=epsilon)
    weights, new = from_library(arrays, architecture, naming, source)
    if new:
        progress.note(new)
    start = Start(
        source=source,
        name=found.name,
        sha256=found.sha256,
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


def _network_of(known: Checkpoint, arrays: Mapping[str, np.ndarray]) -> Architecture:
    """The network that weights are of, with as many classes and input channels as they have."""
    network = named(known.model, known.width, known.resolution, depth=known.depth, deployable=known.deployable)
    keys, shapes = known.naming.keys(network), _shapes(network)
    first, last = (next(key for key in keys if key.endswith(".weight")), f"{network.layers()[-1].name}.weight")
    (_, channels, *_), (classes, *_) = (
        arrays[keys[key]].shape if keys[key] in arrays else shapes[key] for key in (first, last)
    )
    return replace(network, channels=channels, classes=classes)


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
    keys, shapes = naming.keys(architecture), _shapes(architecture)
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
        if _same_numbers(array.shape, shape):
            weights[ours] = array.reshape(shape)
        elif ours.startswith(f"{classifier}.") and array.shape[1:] == shape[1:]:
            new = f"the classifier is new: {source} has {array.shape[0]} classes, the network {shape[0]}"
        else:
            misshapen.append(f"{theirs} {list(array.shape)}, not {list(shape)}")
    faults = [
        f"{len(found)} {kind} ({few(found)})"
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
    namings = [one for one in namings_of(architecture.name) if one.library == library]
    if not namings:
        known = sorted({one.library for one in namings_of(architecture.name)})
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
    for ours, theirs in naming.keys(architecture).items():
        array = np.asarray(weights[ours])
        layer, _, parameter = ours.rpartition(".")
        if parameter == "running_var" and epsilon != architecture.epsilon:
            array = array + np.float32(architecture.epsilon - epsilon)
        if array.ndim == 2 and layer in naming.maps:
            array = array[:, :, None, None]
        if array.ndim == 4 and layer in naming.matrices:
            array = array.reshape(len(array), -1)
        found[theirs] = array
    counters = (key for key in weights if key.endswith(COUNTER))
    return found | {
        f"{modules[key.removesuffix(f'.{COUNTER}')]}.{COUNTER}": np.asarray(weights[key]) for key in counters
    }


def _shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    layers = architecture.layers()
    return {f"{layer.name}.{parameter}": shape for layer in layers for parameter, shape in layer.parameters.items()}


def _same_numbers(theirs: Iterable[int], ours: Iterable[int]) -> bool:
    """Whether shapes are alike, a matrix counting as a convolution of one pixel or of a whole map."""
    one, other = tuple(theirs), tuple(ours)
    if 2 not in (len(one), len(other)):
        return one == other
    return (one[0], math.prod(one[1:])) == (other[0], math.prod(other[1:]))
