"""Affine arithmetic by channel that no filter of the normal form takes in: for rules about what does not fold."""

from collections.abc import Iterator
from dataclasses import dataclass

import onnx_ir as ir

from depthwise.linter.subject import Subject

AFFINE = ("BatchNormalization", "Add", "Sub", "Mul", "Div")
"""ONNX operators that are a factor and a summand for each channel, if their other inputs are constants."""


@dataclass(frozen=True)
class Leftover:
    """A BatchNorm, or arithmetic with constants, that is a layer of its own.

    Attributes:
        norm: as it is written, in ONNX. form: the filter of 1 x 1 that it is in the normal form.
        on_image: whether it works on the network's input, or on nothing but such arithmetic on it.
    """

    norm: ir.Node
    form: ir.Node
    on_image: bool


def leftovers(subject: Subject) -> Iterator[Leftover]:
    """Those of a network that has a normal form, in order."""
    norms = {str(node.name): node for node in subject.nodes(*AFFINE)}
    affine: set[ir.Value | None] = set(subject.normal.graph.inputs) if subject.normal else set()
    for form in subject.filters:
        norm = norms.get(str(form.name))
        if norm is not None:
            on_image = form.inputs[0] in affine
            if on_image:
                affine.add(form.outputs[0])
            yield Leftover(norm, form, on_image)
