"""The ladder as text, for a terminal."""

from depthwise.quantization.noise import worst_first
from depthwise.results import Ladder, drop
from depthwise.units import format_bytes

SHOWN = 5
"""Noisy layers that are listed."""


def ladder_lines(ladder: Ladder) -> list[str]:
    """Rungs with accuracy and loss, the noisiest layers, layers in float with what they cost, and the result."""
    rows = [("float32", f"{100 * ladder.reference.value:.2f} %", "", "", "")]
    for rung in ladder.rungs:
        points = 0 - drop(ladder.reference, rung.accuracy)
        changed = rung.changed if rung.kept else f"{rung.changed}; not kept"
        rows.append(
            (rung.rung, f"{100 * rung.accuracy.value:.2f} %", f"{points:+.2f}", f"{rung.seconds:.1f} s", changed)
        )
    wide = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = [
        f"{name:<{wide[0]}}  {accuracy:>{wide[1]}}  {points:>{wide[2]}}  {seconds:>{wide[3]}}  {changed}".rstrip()
        for name, accuracy, points, seconds, changed in rows
    ]
    lines += _noise_lines(ladder)
    if ladder.floats:
        extra = format_bytes(sum(layer.extra_bytes for layer in ladder.floats))
        lines.append(
            f"in float: {', '.join(layer.name for layer in ladder.floats)}: {100 * ladder.float_share:.1f} % of the "
            f"MACs, {extra} more weights"
        )
    cost = "cost" if ladder.drop >= 0 else "win"
    lines.append(
        f"8 bits {cost} {abs(ladder.drop):.2f} points on {ladder.reference.total:,} validation images; ranges from "
        f"{ladder.calibration} training images"
    )
    return lines


def _noise_lines(ladder: Ladder) -> list[str]:
    """The layers that add most noise, with the signal to noise of each by itself and of all up to it."""
    worst = worst_first(ladder.noise)[:SHOWN]
    wide = max((len(row.name) for row in worst), default=0)
    return [
        "signal to quantization noise, the worst layers: by itself, with all before it",
        *(f"  {row.name:<{wide}}  {row.alone:5.1f} dB  {row.total:5.1f} dB" for row in worst),
    ]
