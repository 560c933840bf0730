"""What rules look at: one network, as it was written and in normal form, and what it is meant for."""

import copy
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any, Literal, TypeVar

import onnx_ir as ir

from depthwise import analysis, graph, planning
from depthwise.counts import Cost
from depthwise.design import Architecture
from depthwise.device import Device, Precision
from depthwise.errors import UserError
from depthwise.graph import Graph
from depthwise.graph.metadata import has_weights
from depthwise.linter.bottlenecks import Bottleneck, bottlenecks, macs_of
from depthwise.linter.source import Source

T = TypeVar("T")


class Subject:
    """A network under the linter.

    Args:
        source: the network.
        device: that it is meant for; None: none in particular.
        precision: in which it will run; None: its own if it is in 8 bits, else the device's, else float32.

    Attributes:
        name: of the network.
        given: the network as a Graph. architecture: None if it is not known.
        onnx: in ONNX operators, with shapes as far as they are known.
        normal: in normal form, of floats if it is a float network; None: it has none, for the `refusal`.

    Raises:
        UserError: it is no network: it has no nodes, a loop, or an edge without an end.
    """

    def __init__(
        self,
        source: Source,
        device: Device | None = None,
        precision: Precision | None = None,
    ) -> None:
        network = source.network
        self.source, self.device = source, device
        self.architecture = network if isinstance(network, Architecture) else source.architecture
        if isinstance(network, Architecture):
            self.given = graph.build(network.layers(), name=network.name)
        else:
            self.given = network
        graph.check_wires(self.given)
        self.name = self.architecture.name if self.architecture else self.given.graph.name or "network"
        self.normal: Graph | None = None
        self.refusal = ""
        try:
            self.onnx = graph.understand(self.given)
        except UserError as error:
            self.onnx, self.refusal = self.given, str(error)
        try:
            self.normal = None if self.refusal else graph.normalize(self.given)
        except UserError as error:
            self.refusal = str(error)
        self.precision = self._precision(device, precision)
        self._known: dict[tuple[object, ...], Any] = {}  # shared by the same network on other devices

    def on(self, device: Device | None, precision: Precision | None = None) -> "Subject":
        """The same network for another device, without doing again what does not depend on it."""
        other = copy.copy(self)
        other.device, other.precision = device, self._precision(device, precision)
        return other

    def _precision(self, device: Device | None, wanted: Precision | None) -> Precision:
        own = "float32" if self.normal is None else graph.precision_of(self.normal)
        return wanted or (own if own == "int8" or not device else device.precision)

    @property
    def weights(self) -> bool:
        """Whether it carries real weights."""
        return has_weights(self.given)

    @cached_property
    def written(self) -> Graph:
        """In ONNX operators with nothing computed or fixed but shapes, for batch 1: what `--fix` rewrites."""
        return graph.as_written(self.given)

    @property
    def form(self) -> Graph:
        """The normal form in the precision that it will run in. Only where there is a normal form."""
        return self._once(lambda: graph.in_precision(self.given, self.precision), "form", self.precision)

    @property
    def cost(self) -> Cost:
        """Counts, with bytes in that precision. Only where there is a normal form."""
        return self._once(lambda: analysis.cost_of(self.form), "cost", self.precision)

    def program(self, optimize: Literal["speed", "ram"] = "speed") -> planning.Program:
        """The plan for the device, in that precision. Only where there is a normal form."""
        isa = (self.device.isa if self.device else ()) or ("c",)
        choice = planning.Choice(optimize=optimize)
        return self._once(lambda: planning.plan(self.form, isa, choice), optimize, self.precision, isa)

    def _once(self, make: Callable[[], T], *key: object) -> T:
        if key not in self._known:
            self._known[key] = make()
        known: T = self._known[key]
        return known

    @cached_property
    def filters(self) -> list[ir.Node]:
        """The nodes of the normal form that multiply, in order."""
        assert self.normal is not None
        return [node for node in self.normal.graph if macs_of(node)]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the whole network; 1 of one without any, to divide by."""
        return sum(map(macs_of, self.filters)) or 1

    @cached_property
    def bottlenecks(self) -> list[Bottleneck]:
        """The separable blocks of the normal form, in order."""
        assert self.normal is not None
        return list(bottlenecks(self.normal))

    def nodes(self, *operators: str) -> Iterator[ir.Node]:
        """The ONNX nodes of these operators, in order."""
        return (node for node in self.onnx.graph if node.op_type in operators and not node.domain)
