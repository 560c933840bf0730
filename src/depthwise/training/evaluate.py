"""Running a network without gradients: logits of pixels or of prepared inputs, and one call for timing."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from depthwise.data.preprocessing import Preprocessing

BATCH = 256
"""Images in a batch without gradients."""


def to_unit(pixels: Any, device: torch.device) -> Tensor:
    """uint8 pixels [N, H, W, C] to float32 [N, C, H, W] in 0..1, in channels_last order."""
    images = torch.from_numpy(np.array(pixels)).to(device)
    return images.permute(0, 3, 1, 2).float().div_(255)


def normalize(images: Tensor, preprocessing: Preprocessing) -> Tensor:
    """Images in 0..1 [N, C, H, W] to the network's input, as `Preprocessing.normalize` does, in channels_last order."""
    mean, std = (
        torch.tensor(values, device=images.device).view(1, -1, 1, 1)
        for values in (preprocessing.mean, preprocessing.std)
    )
    return ((images - mean) / std).contiguous(memory_format=torch.channels_last)


def predict(network: nn.Module, pixels: Any, preprocessing: Preprocessing) -> np.ndarray:
    """Logits float32 [N, classes] of uint8 pixels [N, H, W, C] (an array or a memory map), in eval mode."""
    device = next(network.parameters()).device
    batches = (
        normalize(to_unit(pixels[start : start + BATCH], device), preprocessing)
        for start in range(0, len(pixels), BATCH)
    )
    return _outputs(network, batches)


def logits(network: nn.Module, inputs: np.ndarray) -> np.ndarray:
    """Logits float32 [N, classes] of prepared inputs, float32 [N, C, H, W], in eval mode."""
    device = next(network.parameters()).device
    batches = (torch.from_numpy(inputs[i : i + BATCH]).to(device) for i in range(0, len(inputs), BATCH))
    return _outputs(network, batches)


def prepared(network: nn.Module, inputs: np.ndarray) -> Callable[[], Any]:
    """A function that runs the network in eval mode on prepared inputs (float32 [N, C, H, W]), for timing."""
    fast = network.eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batch = torch.from_numpy(inputs).contiguous(memory_format=torch.channels_last)
    return torch.inference_mode()(lambda: fast(batch))


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch computes with one processor thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _outputs(network: nn.Module, batches: Iterator[Tensor]) -> np.ndarray:
    """Runs the batches; the network's mode afterwards is the one before."""
    was_training = network.training
    network.eval()
    try:
        with torch.inference_mode():
            return np.concatenate([network(batch).float().cpu().numpy() for batch in batches])
    finally:
        network.train(was_training)
