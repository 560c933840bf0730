"""Classifying image files with a compiled network."""

import time
from pathlib import Path
from typing import Any

from depthwise import data, verification
from depthwise.engine import Engine
from depthwise.errors import UserError


def classify(model: str, files: list[Path], top: int = 1, threads: int = 1) -> list[dict[str, Any]]:
    """Classifies image files with the compiled network.

    Args:
        model: a run folder, or an .onnx file that carries its preprocessing.
        files: images.
        top: how many classes to return for each, most probable first. threads: that share the work on an image.

    Returns:
        For each file {"image", "classes": [{"class", "probability"}], "ms"}; ms is one image through the C.
    """
    folder = Path(model)
    if folder.is_dir() and (folder / "c" / "manifest.json").is_file():
        engine = Engine.load(folder / "c")
    else:
        from depthwise.design.source import load_model

        engine = Engine.build(load_model(model), input="auto")
    form = engine.preprocessing
    if form is None:
        raise UserError(f"{model} does not say how its images are prepared: compile it with --mean and --std instead")
    rows = []
    for file in files:
        pixels = data.decode(file, form)[None]
        call = engine.prepared(engine.of_pixels(pixels), threads)
        call()
        begin = time.perf_counter()
        logits = call()
        ms = 1e3 * (time.perf_counter() - begin)
        if isinstance(logits, dict):  # of several outputs the first is the one with the classes
            logits = next(iter(logits.values()))
        probability = verification.softmax(logits.reshape(-1))
        best = probability.argsort()[::-1][:top]
        names = engine.classes or tuple(map(str, range(len(probability))))
        guesses = [{"class": names[i], "probability": float(probability[i])} for i in best]
        rows.append({"image": str(file), "classes": guesses, "ms": ms})
    return rows
