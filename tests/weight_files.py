"""Files of weights as other libraries write them, for tests of what reads them."""

from pathlib import Path

import numpy as np
import safetensors.numpy
import torch

from depthwise import graph
from depthwise.design import Architecture
from depthwise.progress import Silent


def weights_of(network: Architecture, seed: int = 1) -> dict[str, np.ndarray]:
    """Freshly initialized weights by our state_dict keys."""
    return graph.initialize(network.layers(), seed)


def save(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    """Writes arrays in the form that the suffix says."""
    if path.suffix == ".safetensors":
        path.write_bytes(safetensors.numpy.save(arrays))
    else:
        torch.save({name: torch.from_numpy(array.copy()) for name, array in arrays.items()}, path)
    return path


class Notes(Silent):
    """Progress that remembers its notes."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def note(self, text: str) -> None:
        """Remembers it."""
        self.lines.append(text)
