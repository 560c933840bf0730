"""Design: networks as data. `architecture("mobilenet_v2", width=0.5).layers()` needs neither torch nor weights."""

import fnmatch
from dataclasses import replace

from depthwise.design.architecture import Architecture
from depthwise.design.naming import resolve
from depthwise.design.scaling import make_deployable, scale_depth, scale_width, set_resolution
from depthwise.errors import UserError
from depthwise.registry import Registry

MODELS: Registry[Architecture] = Registry("model", "depthwise.design.families", "MODELS")


def searched_models() -> tuple[str, ...]:
    """The models that searches and suggestions try unasked, in the order of their names."""
    return tuple(name for name, model in MODELS.items() if model.searched)


def list_models(pattern: str = "*") -> list[str]:
    """Names of the registered models that a pattern fits, as of files, e.g. "mobilenet_v3*"; sorted."""
    return fnmatch.filter(sorted(MODELS), pattern)


def architecture(
    name: str,
    width: float = 1.0,
    resolution: int | None = None,
    classes: int = 1000,
    channels: int = 3,
    depth: float = 1.0,
    deployable: bool = False,
) -> Architecture:
    """A registered architecture, scaled.

    Args:
        name: of the model, e.g. "mobilenet_v2", or one that other libraries give it ("mobilenetv2_050").
        width: width multiplier, above 0; on top of that of the name.
        resolution: height and width of the input in pixels; None: the paper's.
        classes: outputs of the classifier, at least 1.
        channels: of the input image, at least 1.
        depth: depth multiplier of the repeats of its stages, above 0.
        deployable: without squeeze-excite, hard-swish and SiLU, its stem and head unscaled (`make_deployable`).

    Raises:
        UserError: an unknown name (lists the known and the nearest), or a value out of range.
    """
    if classes < 1:
        raise UserError(f"classes {classes} is out of range: give at least 1")
    if channels < 1:
        raise UserError(f"channels {channels} is out of range: give at least 1, usually 3 (colour) or 1 (grey)")
    known, named = resolve(name, MODELS)
    base = make_deployable(MODELS[known]) if deployable else MODELS[known]
    base = scale_depth(scale_width(base, width * named), depth)
    base = set_resolution(base, resolution if resolution is not None else base.resolution)
    return replace(base, classes=classes, channels=channels)


__all__ = ["MODELS", "Architecture", "architecture", "list_models", "searched_models"]
