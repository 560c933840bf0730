"""What rules mend by themselves: a network is rewritten, compared with what it was, and only then written."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_ir as ir

from depthwise import graph
from depthwise.design import Architecture
from depthwise.errors import UserError
from depthwise.graph import Graph
from depthwise.linter.base import Rule
from depthwise.linter.source import Source

TOLERANCE = 1e-4
"""Largest difference of an output beside its largest magnitude, from rounding in another order."""


def mend(source: Source, rules: Mapping[str, Rule], path: Path) -> Source:
    """Writes a network with every fix of some rules to an .onnx file, whole or not at all.

    Args:
        source: a network from a file. rules: by code. path: of the file.

    Returns:
        The mended network.

    Raises:
        UserError: it is no network with weights; nothing can be mended; what came out computes something else.
    """
    if isinstance(source.network, Architecture):
        raise UserError(
            f"--fix needs weights, and '{source.network.name}' is a name: give an .onnx file or a run folder"
        )
    before = graph.understand(source.network)
    after = before.clone()
    done = [code for code, rule in sorted(rules.items()) if rule.fix is not None and rule.fix(after)]
    if not done:
        raise UserError("there is nothing that --fix can mend: findings with a fix of this kind say so")
    difference = _difference(before, after)
    if not difference <= TOLERANCE:
        raise UserError(
            f"{', '.join(done)} would change what the network computes by {difference:.1g}, so nothing is written: "
            "this is a defect of ours, please report it"
        )
    graph.save(after, path)
    return replace(source, network=after)


def _difference(before: Graph, after: Graph) -> float:
    """Largest difference of an output on random input, as a share of its largest magnitude."""
    random = np.random.default_rng(0)
    feeds = {str(value.name): _random(value, random) for value in before.graph.inputs if value.const_value is None}
    worst = 0.0
    for old, new in zip(_outputs(before, feeds), _outputs(after, feeds), strict=True):
        scale = max(float(np.abs(old).max(initial=0)), 1e-30)
        worst = max(worst, float(np.abs(old - new).max(initial=0)) / scale)
    return worst


def _random(value: ir.Value, random: np.random.Generator) -> np.ndarray:
    assert value.shape is not None and value.dtype is not None
    shape = [size if isinstance(size, int) else 1 for size in value.shape]
    return random.normal(0, 1, shape).astype(value.dtype.numpy())


def _outputs(model: Graph, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """What ONNX's own reference computes."""
    from onnx.reference import ReferenceEvaluator

    outputs: list[np.ndarray] = ReferenceEvaluator(ir.to_proto(model)).run(None, dict(feeds))
    return outputs
