"""The networks that are measured: any registered model with random weights, by a name."""

from pathlib import Path

from depthwise import design
from depthwise.design import Architecture
from depthwise.errors import UserError
from depthwise.profiling.network import Network, with_random_weights

NETWORKS = (
    "mobilenet_v1_1.0_224",
    "mobilenet_v2_1.0_224",
    "mobilenet_v3_large_1.0_224",
    "efficientnet_lite0_1.0_224",
    "mobilenet_v1_0.25_128",
    "mobilenet_v2_0.35_96",
)
"""What is measured if nothing is said: families at the papers' full size, and the smallest of two grids."""

QUICK_NETWORKS = ("mobilenet_v1_0.25_128", "mobilenet_v2_0.35_96")
"""What `--quick` measures."""


def architecture_of(name: str) -> Architecture:
    """What a name stands for: MODEL_WIDTH_RESOLUTION, e.g. "mobilenet_v2_0.35_96"; a bare MODEL is the paper's size.

    Raises:
        UserError: an unknown model, or a size that is out of range.
    """
    model, width, resolution = _parsed(name)
    return design.architecture(model, width=width, resolution=resolution)


def write(name: str, folder: Path) -> Network:
    """The network of a name, with random weights (time does not depend on their values), in a folder.

    Raises:
        UserError: as `architecture_of`.
    """
    return Network.write(name, with_random_weights(architecture_of(name).layers()), folder)


def _parsed(name: str) -> tuple[str, float, int | None]:
    """Model, width and resolution of a network's name."""
    if name in design.MODELS:
        return name, 1.0, None
    *model, width, resolution = name.rsplit("_", 2)
    try:
        found = float(width), int(resolution)
    except ValueError:
        raise UserError(f"'{name}' is no network: write MODEL_WIDTH_RESOLUTION, e.g. {NETWORKS[0]}") from None
    return "_".join(model), *found
