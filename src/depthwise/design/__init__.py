"""Design: networks as data. `architecture("mobilenet_v2", width=0.5).layers()` needs neither torch nor weights."""

import fnmatch
from collections.abc import Iterable
from dataclasses import replace

from depthwise.design.architecture import Architecture
from depthwise.design.naming import resolve
from depthwise.design.scaling import make_deployable, scale_depth, scale_width, set_resolution
from depthwise.errors import UserError
from depthwise.registry import Registry, choose

MODELS: Registry[Architecture] = Registry("model", "depthwise.design.families", "MODELS")


def searched_models(patterns: Iterable[str] | None = None) -> tuple[str, ...]:
    """The models that searches and suggestions try, in the order of their names.

    Args:
        patterns: names, or patterns as of files, e.g. "mobilenet_v*"; None: those that are tried unasked.

    Raises:
        UserError: a pattern that fits no model (it names the nearest), or a model whose images are not square.
    """
    if patterns is None:
        return tuple(name for name, model in MODELS.items() if model.searched)
    square = {name for name, model in MODELS.items() if model.aspect == 1}
    wanted = {name for each in patterns for name in square & {*list_models(each)} or {choose("model", each, MODELS)}}
    if odd := wanted - square:
        raise UserError(f"{min(odd)} reads images of a shape of its own: train it alone, as the model")
    return tuple(name for name in MODELS if name in wanted)


def list_models(pattern: str = "*") -> list[str]:
    """Names of the registered models that a pattern fits, as of files, e.g. "mobilenet_v3*"; sorted."""
    return fnmatch.filter(sorted(MODELS), pattern)


def architecture(
    name: str,
    width: float = 1.0,
    resolution: int | None = None,
    classes: int | None = None,
    channels: int | None = None,
    depth: float = 1.0,
    deployable: bool = False,
) -> Architecture:
    """A registered architecture, scaled.

    Args:
        name: of the model, e.g. "mobilenet_v2", or one that other libraries give it ("mobilenetv2_050").
        width: width multiplier, above 0; on top of that of the name.
        resolution: height of the input in pixels, to which the width keeps its proportion; None: the paper's.
        classes: outputs of the classifier, at least 1; None: the paper's.
        channels: of the input image, at least 1; None: the paper's.
        depth: depth multiplier of the repeats of its stages, above 0.
        deployable: without squeeze-excite, hard-swish and SiLU, its stem and head unscaled (`make_deployable`).

    Raises:
        UserError: an unknown name (lists the known and the nearest), or a value out of range.
    """
    if classes is not None and classes < 1:
        raise UserError(f"classes {classes} is out of range: give at least 1")
    if channels is not None and channels < 1:
        raise UserError(f"channels {channels} is out of range: give at least 1, usually 3 (colour) or 1 (grey)")
    known, named = resolve(name, MODELS)
    base = make_deployable(MODELS[known]) if deployable else MODELS[known]
    base = scale_depth(scale_width(base, width * named), depth)
    base = set_resolution(base, resolution if resolution is not None else base.resolution)
    return replace(base, classes=classes or base.classes, channels=channels or base.channels)


def image_size(model: str | None, resolution: int | None) -> int | tuple[int, int] | None:
    """The size in pixels that images are wanted in, (height, width) where these differ; None: what suits the images.

    Args:
        model: a registered one, or None where a search is to find one. One whose input is not square wants the paper's
            size, for which its spectrograms are made.
        resolution: the height that the user gave.

    Raises:
        UserError: an unknown name, a resolution that is out of range.
    """
    if model is not None and (network := architecture(model, resolution=resolution)).aspect != 1:
        return network.sides
    return resolution


__all__ = ["MODELS", "Architecture", "architecture", "image_size", "list_models", "searched_models"]
