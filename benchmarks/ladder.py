"""What every rung of the repair ladder does to a trained network, and to the same function with uneven channels.

    python -m benchmarks.ladder RUN [--spread 1,30,100] [--per-tensor] [--epochs 4]

Each rung is tried, with a scale for each output channel and with one for a layer's weights, however good it is already;
those that need torch with `--epochs`, for which the training in 8 bits lasts.
Uneven means: each channel between two layers is divided by a random number, and its weights behind are multiplied by
it, so that the float network stays the same and its ranges do not.
"""

import argparse

import numpy as np
import onnx_ir as ir

from depthwise.data import ImageData
from depthwise.design.source import load_model
from depthwise.graph import normalize
from depthwise.quantization.ladder import Goal, climb
from depthwise.quantization.noise import noise_of
from depthwise.quantization.pairs import REACHED, divide, pairs_of
from depthwise.quantization.rungs import calibrations
from depthwise.quantization.source import images_for
from depthwise.quantization.statistics import collect
from depthwise.quantization.task import evenly, prepare
from depthwise.results import drop
from depthwise.terminal import TerminalProgress

UNREACHABLE = -100.0
"""Points of accuracy that nobody loses: no rung is the last."""


def spread(model: ir.Model, images: ImageData, most: float) -> ir.Model:
    """The network with channels up to `most` times apart: the same function where no clip is reached."""
    uneven = normalize(model, "float")
    seen, random = collect(uneven, evenly(images.train, 256)), np.random.default_rng(0)
    for pair in pairs_of(uneven):
        highs = seen[pair.value].highs
        factors = most ** random.uniform(0, 1, len(highs))
        factors[highs >= pair.maximum * REACHED] = 1
        divide(uneven, pair, factors)
    return uneven


def rows(model: ir.Model, images: ImageData, per_tensor: bool, epochs: float, progress: TerminalProgress) -> list[str]:
    """A line for each rung."""
    start = prepare(model, images, 256, progress)
    goal = Goal(start.reference, UNREACHABLE)
    rungs = [*calibrations("auto", per_tensor), *start.repairs()]
    if epochs:
        from depthwise.training.rungs import trained_rungs

        rungs += trained_rungs(model, images.train, epochs=epochs, progress=progress)
    reached = climb(start.state, rungs, start.bench.judge, goal, progress)
    lines = [f"  float32 {100 * start.reference.value:.2f} %"]
    for row in reached.rungs:
        kept = "" if row.kept else " (not built on)"
        points = 0 - drop(start.reference, row.accuracy)
        lines.append(f"  {row.rung:<28} {100 * row.accuracy.value:6.2f} % {points:+7.2f}   {row.changed}{kept}")
    last = noise_of(reached.state, start.inputs)[-1]
    return [*lines, f"  signal to noise of {last.name}: {last.total:.1f} dB"]


def main() -> None:
    """Prints the ladders of a run folder's network."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", help="folder of a run")
    parser.add_argument("--spread", default="1,30,100", help="how far channels are apart, times; 1: as trained")
    parser.add_argument("--epochs", type=float, default=0, help="of training in 8 bits; 0: no rung that needs torch")
    parser.add_argument("--per-tensor", action="store_true", help="only with one scale for a layer's weights")
    chosen = parser.parse_args()
    model = load_model(chosen.run, precision="float32")
    with TerminalProgress() as progress:
        images = images_for(model, chosen.run, None, progress)
        for most in map(float, chosen.spread.split(",")):
            network = model if most == 1 else spread(model, images, most)
            for per_tensor in (True,) if chosen.per_tensor else (False, True):
                scales = "one scale for a layer's weights" if per_tensor else "a scale for each output channel"
                print(f"channels up to {most:g} times apart, {scales}" if most > 1 else f"as trained, {scales}")
                print("\n".join(rows(network, images, per_tensor, chosen.epochs, progress)), flush=True)


if __name__ == "__main__":
    main()
