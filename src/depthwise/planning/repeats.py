"""The map that a gate scales, made twice instead of stored, where memory decides.

The gate of squeeze-excite is known only after the last row of the map that it scales, so no stream holds both, and that
map, mostly the widest of its block, is stored whole. Its calls may run twice instead:

    x -> expansion -> depthwise -> pool -> ... -> gate                     each row is pooled as it passes
    x -> expansion -> depthwise -> product with the gate -> projection     the same rows once more

In both passes the map is a window of rows; what is stored is x. The arithmetic is the same, so are the bits. The calls
are repeated in the graph, so that all that follows sees nodes like any others.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

import onnx_ir as ir

from depthwise.planning.growth import Network
from depthwise.planning.memory import align
from depthwise.planning.segmentation import Choice, choose_cuts
from depthwise.planning.stages import Stage, Stages
from depthwise.planning.storage import Cut, Storage, assign_storages

AGAIN = ".again"
"""Ends the name of a call that runs for the second time."""

LONGEST = 4
"""Calls that are repeated for one gate, at most."""

Chains = Mapping[str, Sequence[str]]
"""Name of a call that reads a gate -> names of the calls that run again before it, in order."""


@dataclass(frozen=True)
class Plan:
    """A graph, perhaps with repeated calls, and its segments."""

    graph: ir.Model
    network: Network
    cuts: Sequence[Cut]

    @cached_property
    def storages(self) -> Mapping[ir.Value, Storage]:
        """Where each value is kept."""
        return assign_storages(self.network.stages, self.cuts, self.network.element)

    @cached_property
    def live(self) -> Sequence[int]:
        """Bytes that live in the arena at each call."""
        stages = self.network.stages
        callers = {id(self.storages[value]) for value in (*stages.sources, *stages.results)}
        live = [0] * len(stages.calls)
        for cut in self.cuts:
            scratch = align(max(self.network.workspaces[cut.start : cut.stop]))
            live[cut.start : cut.stop] = [scratch] * (cut.stop - cut.start)
        for storage in {id(storage): storage for storage in self.storages.values()}.values():
            for time in range(storage.first, min(storage.last + 1, len(live))) if id(storage) not in callers else ():
                live[time] += align(storage.bytes)
        return live


def choose_plan(graph: ir.Model, network_of: Callable[[ir.Model], Network], choice: Choice) -> Plan:
    """The segments of a network, and which of its calls run twice: those without which the arena would be larger.

    As long as the most live bytes are those of maps that a gate scales, these are made twice, if that lowers them.

    Args:
        graph: in normal form; it stays as it is.
        network_of: what planning knows of a graph.
        choice: calls are repeated only to optimize RAM, and only where streams are allowed.
    """

    def plan(graph: ir.Model) -> Plan:
        network = network_of(graph)
        return Plan(graph, network, choose_cuts(network, choice))

    best, chains = plan(graph), dict[str, Sequence[str]]()
    while choice.optimize == "ram" and choice.schedule != "layer":
        more = _chains(best, chains)
        if not more:
            break
        tried = plan(repeated(graph, chains | more))
        if max(tried.live) >= max(best.live):
            break
        best, chains = tried, chains | more
    return best


def repeated(graph: ir.Model, chains: Chains) -> ir.Model:
    """A copy of a graph in normal form in which some nodes run once more, right before the node that needs them."""
    copy = graph.clone()
    nodes = {node.name: node for node in copy.graph}
    for gate, names in chains.items():
        link: ir.Value | None = None
        again = []
        for name in names:
            first = nodes[name]
            (old,) = first.outputs
            new = ir.Value(name=f"{old.name}{AGAIN}", shape=old.shape, type=old.type)
            inputs = [link or first.inputs[0], *first.inputs[1:]]
            attributes = list(first.attributes.values())
            again.append(ir.Node(first.domain, first.op_type, inputs, attributes, outputs=[new], name=f"{name}{AGAIN}"))
            link = new
        copy.graph.insert_before(nodes[gate], again)
        nodes[gate].replace_input_with(0, link)
    return copy


def _chains(plan: Plan, known: Chains) -> dict[str, Sequence[str]]:
    """What could be repeated where the most bytes live, beside what is already."""
    most = max(plan.live)
    peaks = [time for time, live in enumerate(plan.live) if live == most]
    taken = {name for names in known.values() for name in names}
    found: dict[str, Sequence[str]] = {}
    for call in plan.network.stages.calls:
        storage = plan.storages[call.reads[0].value]
        whole = not storage.rows and any(storage.first <= time <= storage.last for time in peaks)
        if whole and call.name not in known and waits(call):
            names = _chain(plan.network, call)
            if names and not taken.intersection(names):
                found[call.name] = names
                taken.update(names)
    return found


def waits(call: Stage) -> bool:
    """Whether a call reads one map row by row and another value as a whole: it waits for a gate."""
    return call.reads[0].rows is not None and any(read.rows is None for read in call.reads)


def _chain(network: Network, gate: Stage) -> Sequence[str]:
    """The calls that make a gate's map from the smallest value before it; none if nothing smaller is near."""
    sizes = {**network.sizes, **dict.fromkeys(network.stages.sources, 0)}  # the caller's input is there anyway
    possible = [([], gate.reads[0].value), *islice(possible_chains(network.stages, gate), LONGEST)]
    return min(possible, key=lambda one: sizes[one[1]])[0]


def possible_chains(stages: Stages, gate: Stage) -> Iterator[tuple[list[str], ir.Value]]:
    """Calls in a row that end with the maker of a gate's map, each row longer by one; and what the first one reads."""
    chain: list[str] = []
    reader, value = gate, gate.reads[0].value
    while stages.makers[value] >= 0 and reader.node.inputs[0] is value:
        reader = stages.calls[stages.makers[value]]
        if not reader.streams or reader.reduces or len(reader.reads) != 1:
            return
        chain, value = [reader.name, *chain], reader.reads[0].value
        yield chain, value
