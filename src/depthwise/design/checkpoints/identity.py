"""Which network weights are of, by their name, their hash, what lies beside the file, or the keys in it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from depthwise import graph
from depthwise.config import Config
from depthwise.design import MODELS
from depthwise.design.architecture import Architecture
from depthwise.design.checkpoints.base import IMAGENET, Checkpoint
from depthwise.design.checkpoints.names import OURS, Naming
from depthwise.design.checkpoints.sources import HUB, SUFFIXES, description, fetch, hash_of
from depthwise.design.naming import resolve
from depthwise.errors import UserError
from depthwise.progress import Progress
from depthwise.registry import Registry, choose
from depthwise.runs import MODELS_OF, Run

CHECKPOINTS: Registry[Checkpoint] = Registry("weights", "depthwise.design.checkpoints.published", "CHECKPOINTS")

_LISTED = 4
"""Keys that an error names of each kind; of the others it tells the number."""

_IDENTITY = Naming(OURS, {})


@dataclass(frozen=True)
class Found:
    """A file of weights, fetched.

    Attributes:
        path, sha256: of the file.
        name: of the published weights that it holds; None: others.
        known: what they are of and were trained with; None: nothing says it.
    """

    path: Path
    sha256: str
    name: str | None
    known: Checkpoint | None

    def told(self, source: str) -> Checkpoint:
        """What is known; UserError if it is nothing."""
        if self.known is None:
            raise UserError(f"the weights {source} do not say which network they are of: name it, e.g. with --model")
        return self.known


def find(source: str, progress: Progress) -> Found:
    """The file of weights behind a source, as `loading.load` takes them, and what is known of it.

    Raises:
        UserError: an unknown name; weights that cannot be reached or are only known as a file.
    """
    name, known = (source, CHECKPOINTS[source]) if source in CHECKPOINTS else (None, None)
    if known is None and not _is_place(source):
        choose("weights", source, CHECKPOINTS)
    if known is not None and not known.source:
        raise UserError(f"the weights {source} have no address: give their file, it is known by its hash")
    path = fetch(known.source if known else source, known.sha256 if known else "", progress)
    digest = hash_of(path)
    if known is None:
        same = (item for item in CHECKPOINTS.items() if item[1].sha256 and digest.startswith(item[1].sha256))
        name, known = next(same, (None, None))
    return Found(path, digest, name, known or _of_run(path) or _described(description(source, path), source))


def identify(source: str, progress: Progress) -> Checkpoint:
    """What weights are of, by themselves: their model, width and depth.

    Raises:
        UserError: as `find`; weights that do not say it.
    """
    if source in CHECKPOINTS:
        return CHECKPOINTS[source]
    return find(source, progress).told(source)


def with_network(config: Config, folder: Path | None, progress: Progress) -> Config:
    """The config with the model, width and depth of the weights that it starts from, where it names no model itself.

    Args:
        config: what is asked for. folder: of the run; if that has begun with these weights, they need not be there.
        progress: told of a download.

    Raises:
        UserError: as `identify`.
    """
    if config.weights is None or config.model is not None:
        return config
    began = Run.open(folder).config if folder is not None and (folder / "config.json").is_file() else config
    said = began.weights == config.weights and began.model is not None
    found = began if said else identify(config.weights, progress)
    same = {name: getattr(found, name) for name in ("model", "width", "depth")}
    return config.model_copy(update={**same, "deployable": config.deployable or found.deployable})


def alike(keys: Mapping[str, Any], architecture: Architecture, source: str, progress: Progress) -> Checkpoint:
    """The published weights that unknown ones are likeliest trained like: those whose names they have.

    Args:
        keys: of the weights, in their library's names.
        architecture: of the network that they shall be of.
        source: what to call them. progress: told what is assumed.

    Raises:
        UserError: no key is known.
    """
    models = {name: one for name, one in CHECKPOINTS.items() if one.model == architecture.name}
    known = {"": Checkpoint(architecture.name, _IDENTITY, source), **models}
    common = {one: len(set(one.keys(architecture).values()) & set(keys)) for one in {i.naming for i in known.values()}}
    best = max(known, key=lambda name: (common[known[name].naming], ("tf_" in name) == ("tf_" in source)))
    form = known[best]
    if not common[form.naming]:
        libraries = ", ".join(dict.fromkeys(one.naming.library for one in known.values()))
        raise UserError(
            f"the weights {source} are not those of {architecture.name}: no key of theirs is known "
            f"({few(list(keys))}); names of {libraries} are"
        )
    mean, std = ([round(value, 3) for value in values] for values in form.normalization)
    progress.note(
        f"{source} does not say how its network was trained: padding '{form.naming.padding}', mean {mean} and "
        f"deviation {std} are assumed, {f'as for {best}' if best else 'for want of a record beside the file'}"
    )
    return replace(form, top1=None, recipe="")


def namings_of(model: str) -> list[Naming]:
    """Those under which weights of a model are published."""
    return list(dict.fromkeys(one.naming for one in CHECKPOINTS.values() if one.model == model))


def few(names: list[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def _of_run(path: Path) -> Checkpoint | None:
    """What the run knows of its weights, if the file lies in the folder of one."""
    model = path.with_name(MODELS_OF["float32"])
    if not (path.with_name("config.json").is_file() and model.is_file()):
        return None
    run, form = Run.open(path.parent), graph.preprocessing_of(graph.load(model))
    asked, found = run.config, run.results.search
    chosen = found.chosen if found else None
    name = chosen.model if chosen else asked.model
    if form is None or name is None:
        return None
    begun = run.results.start
    naming = Naming(OURS, {}, padding=begun.padding, epsilon=begun.epsilon) if begun else _IDENTITY
    name, named = resolve(name, MODELS)
    width, depth = (chosen.width, chosen.depth) if chosen else (asked.width, asked.depth)
    size, normalization = form.size, (form.mean, form.std)
    known = Checkpoint(name, naming, str(path), "", size, normalization, width=width * named, depth=depth)
    return replace(known, deployable=asked.deployable)


def _described(config: Mapping[str, Any], source: str) -> Checkpoint | None:
    """What timm's description of weights says; None without one, or if no model here is meant."""
    architecture = config.get("architecture")
    if not isinstance(architecture, str):
        return None
    model, width = resolve(architecture, MODELS)
    padding = "same" if architecture.startswith("tf_") else "symmetric"
    namings = [one for one in namings_of(model) if (one.library, one.padding) == ("timm", padding)]
    if not namings:
        return None
    trained = config.get("pretrained_cfg", config)
    try:
        mean, std = (tuple(map(float, trained.get(*one))) for one in zip(("mean", "std"), IMAGENET, strict=True))
        resolution = int(trained.get("input_size", (MODELS[model].resolution,))[-1])
    except (AttributeError, TypeError, ValueError, IndexError):
        raise UserError(
            f"the config.json beside the weights {source} has no mean, std or input_size that can be read"
        ) from None
    address = f"https://huggingface.co/{source.removeprefix(HUB)}" if source.startswith(HUB) else ""
    return Checkpoint(model, namings[0], source, "", resolution, (mean, std), recipe=address, width=width)


def _is_place(source: str) -> bool:
    """Whether it names a file, a folder, an address or the hub, not published weights."""
    return source.startswith((HUB, "http://", "https://")) or Path(source).suffix in SUFFIXES or Path(source).exists()
