"""What rules mend by themselves: a network is rewritten, compared with what it was, and only then written."""

from collections.abc import Mapping, Sequence
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

BATCHES = (1, 3)
"""Images at once that a network of any batch is compared on."""

SIDE = 64
"""Pixels of a side that may have any number of them."""


def mend(source: Source, rules: Mapping[str, Rule], path: Path) -> tuple[Source, list[str]]:
    """Writes a network with every fix of some rules to an .onnx file, whole or not at all.

    It keeps its names, batch, metadata and operator set.

    Args:
        source: a network from a file. rules: by code. path: of the file.

    Returns:
        The mended network, and the codes of the rules that mended it.

    Raises:
        UserError: it is no network with weights; nothing can be mended; it cannot be run to compare what came out, or
            that computes something else.
    """
    before = source.network
    if isinstance(before, Architecture):
        raise UserError(f"--fix needs weights, and '{before.name}' is a name: give an .onnx file or a run folder")
    fixes = {code: rule.fix for code, rule in sorted(rules.items()) if rule.fix is not None}
    after, done = graph.rewritten(before, fixes)
    if not done:
        raise UserError("there is nothing that --fix can mend: findings with a fix of this kind say so")
    try:
        difference = _difference(before, after)
    except Exception as error:  # the runtimes raise anything
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise UserError(f"the network cannot be run, so what --fix did cannot be compared: {reason}") from None
    if not difference <= TOLERANCE:
        raise UserError(
            f"{', '.join(done)} would change what the network computes by {difference:.1g}, so nothing is written: "
            "this is a defect of ours, please report it"
        )
    graph.save(after, path)
    return replace(source, network=after), done


def _difference(before: Graph, after: Graph) -> float:
    """Largest difference of an output on random input, as a share of its largest magnitude."""
    random = np.random.default_rng(0)
    free = any(not isinstance(size, int) for value in before.graph.inputs for size in value.shape or ())
    worst = 0.0
    for batch in BATCHES if free else BATCHES[:1]:
        inputs = [value for value in before.graph.inputs if value.const_value is None]  # old files list constants
        feeds = {str(value.name): _random(value, batch, random) for value in inputs}
        for old, new in zip(_outputs(before, feeds), _outputs(after, feeds), strict=True):
            worst = max(worst, _apart(np.asarray(old, np.float64), np.asarray(new, np.float64)))
    return worst


def _apart(old: np.ndarray, new: np.ndarray) -> float:
    if not np.isfinite(old).all():
        raise ArithmeticError("its outputs are not finite")
    if not np.isfinite(new).all():
        return float("inf")
    return float(np.abs(old - new).max(initial=0)) / max(float(np.abs(old).max(initial=0)), 1e-30)


def _random(value: ir.Value, batch: int, random: np.random.Generator) -> np.ndarray:
    shape = [
        size if isinstance(size, int) else (SIDE if axis else batch) for axis, size in enumerate(value.shape or ())
    ]
    return random.normal(0, 1, shape).astype((value.dtype or ir.DataType.FLOAT).numpy())


def _outputs(model: Graph, feeds: Mapping[str, np.ndarray]) -> Sequence[np.ndarray]:
    """What ONNX Runtime computes without rewriting anything; where it is not installed, ONNX's own reference."""
    proto = ir.to_proto(model)
    try:
        import onnxruntime
    except ModuleNotFoundError:
        from onnx.reference import ReferenceEvaluator

        session = ReferenceEvaluator(proto)
    else:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        model_bytes, here = proto.SerializeToString(), ["CPUExecutionProvider"]
        session = onnxruntime.InferenceSession(model_bytes, options, providers=here)
    outputs: list[np.ndarray] = session.run(None, dict(feeds))
    return outputs
