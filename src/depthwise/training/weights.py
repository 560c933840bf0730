"""Networks and their weights in files: fresh ones by seed, trained ones from safetensors."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import safetensors
import safetensors.numpy
import safetensors.torch
import torch
from torch import Tensor

from depthwise.design.network import Network, build_network
from depthwise.errors import UserError
from depthwise.files import atomic_file
from depthwise.graph.layers import Layer

NAME = "weights.safetensors"
"""In the run folder."""


def new_network(layers: Sequence[Layer], seed: int, start: Mapping[str, np.ndarray] | None = None) -> Network:
    """A network with fresh weights, which are a function of layers and seed, but for those that `start` has."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = build_network(layers)
    network.take_weights(start or {})
    return network


def load_network(layers: Sequence[Layer], path: Path) -> Network:
    """The network with the weights of a file, in eval mode.

    Raises:
        UserError: a file that cannot be read, or that holds another network's weights.
    """
    network = build_network(layers)
    weights = {key: torch.from_numpy(value) for key, value in load_weights(path).items()}
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    if expected != {key: tuple(value.shape) for key, value in weights.items()}:
        raise UserError(f"{path} holds the weights of another network: remove it and run the same fit again")
    network.load_state_dict(weights)
    return network.eval()


def load_weights(path: Path) -> dict[str, np.ndarray]:
    """Arrays by state_dict key. Raises UserError for a file that cannot be read."""
    try:
        return dict(safetensors.numpy.load(path.read_bytes()))
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(f"{path} cannot be read as weights ({error}): remove it and run the same fit again") from None


def save_weights(path: Path, weights: Mapping[str, Tensor]) -> None:
    """Writes tensors by state_dict key, whole or not at all."""
    with atomic_file(path) as aside:
        aside.write_bytes(safetensors.torch.save(dict(weights)))
