"""On a Mac: predictions of a Core ML package beside those of the ONNX file that it was exported from.

    python check_coreml.py network.onnx network.mlpackage [IMAGE ...]

Without images it takes random ones. Needs coremltools, onnxruntime, numpy and pillow. Exit status: 0 if all agree,
1 if not, 2 if it cannot be told.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

RANDOM_IMAGES = 10


@dataclass(frozen=True)
class Difference:
    """How far two runtimes are apart on one image.

    Attributes:
        image: its name. classes: the likeliest class of ONNX Runtime and of Core ML.
        largest: largest difference of a probability. margin: between ONNX Runtime's two likeliest classes.
    """

    image: str
    classes: tuple[str, str]
    largest: float
    margin: float

    def agrees(self, tolerance: float) -> bool:
        """The same class, or one as likely within the tolerance, and no probability further off than that."""
        one_class = self.classes[0] == self.classes[1] or self.margin <= 2 * tolerance
        return one_class and self.largest <= tolerance


def compare(image: str, expected: Mapping[str, float], found: Mapping[str, float]) -> Difference:
    """Two probabilities by class, of one image.

    Raises:
        ValueError: they are of other classes.
    """
    if set(expected) != set(found):
        strange = sorted(set(expected) ^ set(found))
        raise ValueError(f"{len(strange)} classes are in one of the two only, e.g. '{strange[0]}'")
    ordered = sorted(expected.values(), reverse=True)
    margin = ordered[0] - ordered[1] if len(ordered) > 1 else 1.0
    largest = max(abs(expected[name] - found[name]) for name in expected)
    best = (max(expected, key=expected.__getitem__), max(found, key=found.__getitem__))
    return Difference(image, best, float(np.nan_to_num(largest, nan=np.inf)), margin)


def probabilities(logits: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    """Softmax, unless it is done already, by class."""
    values = logits.reshape(-1).astype(np.float64)
    if values.min() < 0 or abs(values.sum() - 1) > 1e-3:
        values = np.exp(values - values.max())
        values /= values.sum()
    return dict(zip(classes, values.tolist(), strict=True))


def prepared(image: Image.Image, form: Mapping[str, Any]) -> Image.Image:
    """An image as the network's preprocessing resizes it."""
    size, mode = int(form["size"]), "RGB" if form["channels"] == 3 else "L"
    image = image.convert(mode)
    if form["resize"] == "squash":
        return image.resize((size, size), Image.Resampling.BILINEAR)
    width, height = image.size
    if form["resize"] == "crop":
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        return image.resize((size, size), Image.Resampling.BILINEAR, (left, top, left + side, top + side))
    scale = size / max(width, height)
    small = image.resize((max(1, round(width * scale)), max(1, round(height * scale))), Image.Resampling.BILINEAR)
    framed = Image.new(mode, (size, size))
    framed.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
    return framed


def normalized(image: Image.Image, form: Mapping[str, Any]) -> np.ndarray:
    """An image as the input of the ONNX network, float32 [1, C, H, W]."""
    pixels = np.asarray(image, np.float32).reshape(image.height, image.width, -1) / np.float32(255)
    scaled = (pixels - np.asarray(form["mean"], np.float32)) / np.asarray(form["std"], np.float32)
    return np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])


def images_of(paths: Sequence[Path], form: Mapping[str, Any]) -> dict[str, Image.Image]:
    """The images given, or random ones, as the network takes them."""
    if paths:
        return {str(path): prepared(Image.open(path), form) for path in paths}
    random, size = np.random.default_rng(0), int(form["size"])
    shape = (size, size, 3) if form["channels"] == 3 else (size, size)
    return {
        f"random {index}": Image.fromarray(random.integers(0, 256, shape, np.uint8)) for index in range(RANDOM_IMAGES)
    }


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("onnx", type=Path, help="the network as ONNX")
    parser.add_argument("package", type=Path, help="its .mlpackage")
    parser.add_argument("images", type=Path, nargs="*", help="images; none: random ones")
    parser.add_argument("--tolerance", type=float, default=0.02, help="largest difference of a probability")
    parser.add_argument("--units", choices=("ALL", "CPU_ONLY", "CPU_AND_GPU", "CPU_AND_NE"), default="ALL")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Compares, prints a line for each image and one in the end."""
    options = arguments(given)
    if sys.platform != "darwin":
        print("error: Core ML predicts on a Mac only", file=sys.stderr)
        return 2
    import coremltools
    import onnxruntime

    session = onnxruntime.InferenceSession(str(options.onnx), providers=["CPUExecutionProvider"])
    metadata = session.get_modelmeta().custom_metadata_map
    if "depthwise.preprocessing" not in metadata or "depthwise.classes" not in metadata:
        print(f"error: {options.onnx} names no preprocessing and classes", file=sys.stderr)
        return 2
    form, classes = json.loads(metadata["depthwise.preprocessing"]), json.loads(metadata["depthwise.classes"])
    package = coremltools.models.MLModel(
        str(options.package), compute_units=getattr(coremltools.ComputeUnit, options.units)
    )
    source, wrong = session.get_inputs()[0].name, 0
    images = images_of(options.images, form)
    for name, image in images.items():
        (logits,) = session.run(None, {source: normalized(image, form)})
        found = package.predict({"image": image})["classLabel_probs"]
        difference = compare(name, probabilities(logits, classes), found)
        right = difference.agrees(options.tolerance)
        wrong += not right
        print(f"{'same ' if right else 'OTHER'} {name}: {' / '.join(difference.classes)}, {difference.largest:.4f}")
    print(f"{len(images) - wrong} of {len(images)} images agree within {options.tolerance:g}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
