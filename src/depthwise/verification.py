"""Does what ships compute what was trained? Agreement between runtimes, confusion, pictures of mistakes."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from depthwise.data import ImageData
from depthwise.errors import UserError
from depthwise.files import atomic_folder
from depthwise.results import Interval, Mistake, Verification

AGREEMENT = 1e-4
"""Largest `largest_difference` that is allowed between the compiled network and another runtime."""

PICTURES = 24
"""Most mistakes that are shown."""

BATCH = 256

Runtime = Callable[[np.ndarray], np.ndarray]
"""From uint8 pixels [N, H, W, C] to logits [N, classes]."""


def run_all(
    runtimes: Mapping[str, Runtime], pixels: np.ndarray, step: Callable[[int, int, str], None]
) -> dict[str, np.ndarray]:
    """Logits [N, classes] of every runtime on the same images [N, H, W, C], in batches."""
    total = len(runtimes) * len(pixels)
    logits = {}
    for i, (name, runtime) in enumerate(runtimes.items()):
        parts = []
        for begin, batch in _batches(pixels):
            step(i * len(pixels) + begin, total, name)
            parts.append(runtime(batch))
        logits[name] = np.concatenate(parts)
    return logits


def accuracies(logits: Mapping[str, np.ndarray], labels: np.ndarray) -> dict[str, Interval]:
    """Top-1 accuracy of every runtime, with its interval."""
    return {name: Interval.of(int((values.argmax(1) == labels).sum()), len(labels)) for name, values in logits.items()}


def compare(logits: Mapping[str, np.ndarray], images: ImageData, folder: Path) -> Verification:
    """Holds "compiled" against every other runtime and looks at what it got wrong.

    Args:
        logits: runtime -> [N, classes] on the test images; one of them is "compiled".
        images: the data.
        folder: of the run; pictures of mistakes are written to its folder mistakes/.

    Raises:
        UserError: if the compiled network differs by more than `AGREEMENT`.
    """
    compiled, labels = logits["compiled"], images.test.labels
    differences = {name: largest_difference(compiled, other) for name, other in logits.items() if name != "compiled"}
    for name, difference in differences.items():
        if not difference <= AGREEMENT:
            raise UserError(
                f"the compiled network differs from {name} by {difference:.1e} of an image's largest logit, more than "
                f"{AGREEMENT:.0e}: a defect of depthwise; please report it with {folder / 'model.onnx'}",
                exit_code=1,
            )
    return Verification(
        differences=differences,
        confusion=confusion_matrix(labels, compiled.argmax(1), len(images.classes)).tolist(),
        mistakes=write_mistakes(images, compiled, folder),
    )


def largest_difference(ours: np.ndarray, theirs: np.ndarray) -> float:
    """Largest max|a - b| / max(1, max|b|) over the logits of one image; both [N, classes].

    Of logits all below 1 the difference itself counts: a network that has learned little ends in small differences of
    large numbers.
    """
    scale = np.maximum(np.abs(theirs).max(axis=1), 1)
    return float((np.abs(ours - theirs).max(axis=1) / scale).max())


def confusion_matrix(truth: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts [classes, classes] by true and predicted class."""
    return np.bincount(truth * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities along the last axis, in float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def write_mistakes(images: ImageData, logits: np.ndarray, folder: Path) -> list[Mistake]:
    """The wrong answers that the network was surest of, as PNG files in `folder`/mistakes."""
    labels, predicted = images.test.labels, logits.argmax(1)
    probability = softmax(logits)[np.arange(len(logits)), predicted]
    wrong = np.flatnonzero(predicted != labels)
    worst = wrong[np.argsort(-probability[wrong], kind="stable")][:PICTURES]
    mistakes = []
    with atomic_folder(folder / "mistakes") as aside:
        for i in worst:
            name = f"{i}.png"
            pixels = np.asarray(images.test.pixels[i])
            Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels).save(aside / name)
            mistakes.append(
                Mistake(
                    picture=f"mistakes/{name}",
                    truth=images.classes[labels[i]],
                    predicted=images.classes[predicted[i]],
                    probability=float(probability[i]),
                )
            )
    return mistakes


def _batches(pixels: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    for begin in range(0, len(pixels), BATCH):
        yield begin, np.asarray(pixels[begin : begin + BATCH])
