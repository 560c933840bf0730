"""Does what ships compute what was trained? Agreement between runtimes, confusion, pictures of mistakes.

In float32 the compiled network is held against torch and ONNX Runtime, within rounding. In 8 bits its logits are those
of the integer specification's oracle to the bit; a QDQ file leaves rounding to its runtime, so ONNX Runtime's accuracy
stands beside and need only be near.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from depthwise import graph, profiling
from depthwise.data import ImageData
from depthwise.engine import Engine
from depthwise.errors import UserError
from depthwise.files import atomic_folder
from depthwise.ops import REGISTRY
from depthwise.progress import Progress
from depthwise.results import Interval, Mistake, Verification
from depthwise.runs import MODELS_OF, Run

AGREEMENT = 1e-4
"""Largest `largest_difference` that is allowed between the compiled network and another runtime."""

PICTURES = 24
"""Most mistakes that are shown."""

BATCH = 256

ORACLE_IMAGES = 1000
"""Most test images that the oracle computes, and ORACLE_WORK their most multiply-accumulates: some minutes."""

ORACLE_WORK = 2 * 10**10

FEWEST_ORACLE_IMAGES = 16

NEAR = 0.2
"""Points of accuracy between ONNX Runtime and the compiled network in 8 bits above which it is said."""

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
    """Holds "compiled" of float32 against every other runtime.

    Args:
        logits: runtime -> [N, classes] on the test images; one of them is "compiled".
        images: the data. folder: of the run.

    Raises:
        UserError: if the compiled network differs by more than `AGREEMENT`.
    """
    compiled, labels = logits["compiled"], images.test.labels
    differences = {name: largest_difference(compiled, other) for name, other in logits.items() if name != "compiled"}
    for name, difference in differences.items():
        if not difference <= AGREEMENT:
            raise UserError(
                f"the compiled network differs from {name} by {difference:.1e} of an image's largest logit, more than "
                f"{AGREEMENT:.0e}: a defect of depthwise; please report it with {folder / MODELS_OF['float32']}",
                exit_code=1,
            )
    confusion = confusion_matrix(labels, compiled.argmax(1), len(images.classes)).tolist()
    return Verification(differences=differences, confusion=confusion)


def verify_int8(
    run: Run, images: ImageData, float32: np.ndarray, progress: Progress
) -> tuple[dict[str, Interval], Verification]:
    """Accuracy of "compiled", "oracle" and "onnxruntime" in 8 bits on the test images, and how they agree.

    Args:
        run: with the network in 8 bits in its folder c/.
        images: the data; the oracle takes the first of the test images, as many as it can in some minutes.
        float32: logits [N, classes] of the compiled float32 network. progress: told how it goes.

    Raises:
        UserError: if the compiled network differs from the oracle by a bit.
    """
    path, pixels, labels = run.path / MODELS_OF["int8"], images.test.pixels, images.test.labels
    engine = Engine.load(run.path / "c")
    logits = run_all({"compiled": lambda batch: engine(engine.of_pixels(batch))}, pixels, progress.step)
    compiled = logits["compiled"]
    notes: list[str] = []
    if (session := second_opinion(path, None, notes.append)) is not None:
        logits |= run_all(
            {"onnxruntime": lambda batch: session(images.preprocessing.normalize(batch))}, pixels, progress.step
        )
    accuracy = accuracies(logits, labels)
    oracle = oracle_logits(path, engine, pixels, progress)
    count = len(oracle)
    accuracy["oracle"] = accuracies({"oracle": oracle}, labels[:count])["oracle"]
    off = int((oracle != compiled[:count]).any(axis=1).sum())
    if off:
        raise UserError(
            f"the compiled network differs from the integer specification on {off} of {count} images: a defect of "
            f"depthwise; please report it with {path}",
            exit_code=1,
        )
    logits["oracle"], predicted = oracle, compiled.argmax(1)
    differences = {
        name: largest_difference(compiled[: len(other)], other) for name, other in logits.items() if name != "compiled"
    }
    other = accuracy.get("onnxruntime", accuracy["compiled"]).value
    if abs(gap := 100 * (other - accuracy["compiled"].value)) > NEAR:
        notes.append(f"ONNX Runtime, which rounds in other places, is {gap:+.2f} points off")
    for note in notes:
        progress.note(note)
    alike = np.bincount(labels[predicted == float32.argmax(1)], minlength=len(images.classes)).tolist()
    confusion = confusion_matrix(labels, predicted, len(images.classes)).tolist()
    found = Verification(differences=differences, confusion=confusion, alike=alike, notes=notes)
    return accuracy, with_mistakes(found, compiled, images, run.path)


def second_opinion(
    path: Path, image: np.ndarray | None, say: Callable[[str], None]
) -> Callable[..., np.ndarray] | None:
    """ONNX Runtime on an .onnx file: a call on images [N, C, H, W], or on one `image` with one thread, for timing.

    None, and why is said, if it cannot run the file: it is a second opinion, and no run ends for it.
    """
    try:
        session = profiling.onnxruntime_session(path, threads=None if image is None else 1)
        if image is not None:
            profiling.run_session(session, image)
    except UserError:
        raise
    except Exception as error:  # its own exceptions share no base class
        say(f"ONNX Runtime cannot run {path.name}: {str(error).splitlines()[0][:200]}")
        return None
    if image is not None:
        return lambda: profiling.run_session(session, image)
    return lambda images: profiling.run_session(session, images)


def oracle_logits(path: Path, engine: Engine, pixels: np.ndarray, progress: Progress) -> np.ndarray:
    """Logits [n, classes] of the first n images by the NumPy oracle of the integer specification.

    Args:
        path: of the network in 8 bits. engine: the compiled one, whose input it takes. pixels: uint8 [N, H, W, C].
        progress: told how it goes.
    """
    network = graph.normalize(graph.load(path), engine.input)
    macs = sum(REGISTRY[node.op_type].macs(node) for node in network.graph)
    count = min(len(pixels), ORACLE_IMAGES, max(FEWEST_ORACLE_IMAGES, ORACLE_WORK // max(1, macs)))
    rows = []
    for i in range(count):
        progress.step(i, count, "oracle")
        image = engine.of_pixels(np.asarray(pixels[i : i + 1])).transpose(0, 3, 1, 2)
        rows.append(graph.evaluate(network, np.ascontiguousarray(image))[0].reshape(-1))
    return np.stack(rows)


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


def with_mistakes(found: Verification, logits: np.ndarray, images: ImageData, folder: Path) -> Verification:
    """With pictures of mistakes of the network that ships, written to the folder mistakes/ of the run."""
    return found.model_copy(update={"mistakes": write_mistakes(images, logits, folder)})


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
