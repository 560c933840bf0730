"""What the innermost loops of compiled code do, from objdump's text: whether sums stay in registers."""

import re
import subprocess
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_FUNCTION = re.compile(r"^[0-9a-f]+ <(.+)>:$")
_INSTRUCTION = re.compile(r"^\s*([0-9a-f]+):\t(\S+)\s*(.*)$")
_TARGET = re.compile(r"\b([0-9a-f]+) <")
_JUMP = re.compile(r"j[a-z]+|b|b\.[a-z]+|cbn?z|tbn?z")
_ENDS = re.compile(r"jmp|b|ret|br")
_FUSED = re.compile(r"vfn?m(add|sub)|fml[as]|vpdpbusd|v?pmaddwd|sdot|smlal")
"""Multiply-adds: of floats, and of bytes or pairs of 16 bits."""

_STACK = re.compile(r"\(%[er]?sp\b|\[sp\b")
_FRAME = re.compile(r"\(%rbp\b|\[x29\b")


@dataclass(frozen=True)
class Instruction:
    """One line: address, mnemonic, operands."""

    address: int
    name: str
    operands: str

    def __str__(self) -> str:
        return f"{self.address:x}: {self.name} {self.operands}"

    @property
    def vector(self) -> bool:
        """Whether it works on vector registers."""
        return self.name.startswith("v") or re.match(r"\{?[qdsv][0-9]", self.operands) is not None

    @property
    def target(self) -> int | None:
        """Where a jump goes."""
        found = _TARGET.search(self.operands) if _JUMP.fullmatch(self.name) else None
        return int(found[1], 16) if found else None


@dataclass(frozen=True)
class Loop:
    """An innermost loop with fused multiply-adds.

    Attributes:
        function: whose it is. fused: how many multiply-adds. stack: its instructions that touch the stack, as text.
        spills: those of them that work on vectors: sums or weights that found no register.
    """

    function: str
    fused: int
    stack: tuple[str, ...]
    spills: tuple[str, ...]


def loops(objdump: str, file: Path) -> list[Loop]:
    """The innermost loops with multiply-adds of an object file; `objdump` is the disassembler of the file's machine."""
    done = subprocess.run([objdump, "-d", "--no-show-raw-insn", str(file)], capture_output=True, text=True, check=True)
    return [loop for name, body in _functions(done.stdout) for loop in _loops(name, body)]


def _functions(text: str) -> Iterator[tuple[str, list[Instruction]]]:
    name, body = "", list[Instruction]()
    for line in text.splitlines():
        if found := _FUNCTION.match(line):
            yield name, body
            name, body = found[1], []
        elif found := _INSTRUCTION.match(line):
            body.append(Instruction(int(found[1], 16), found[2], found[3]))
    yield name, body


def _loops(function: str, body: Sequence[Instruction]) -> Iterator[Loop]:
    framed = any(re.fullmatch(r"%rsp,%rbp|x29, ?sp", one.operands) for one in body)
    edges, reached = _edges(body), list[int]()
    _visit([0], edges, reached, set())  # what fills up lines between blocks is never reached
    for inside in _innermost(reached if body else [], edges):
        found = [body[index] for index in sorted(inside)]
        fused = sum(bool(_FUSED.match(one.name)) for one in found)
        if fused:
            stack = [one for one in found if _STACK.search(one.operands) or (framed and _FRAME.search(one.operands))]
            yield Loop(function, fused, tuple(map(str, stack)), tuple(str(one) for one in stack if one.vector))


def _edges(body: Sequence[Instruction]) -> dict[int, list[int]]:
    """Which instructions may follow each, by index."""
    where = {one.address: index for index, one in enumerate(body)}
    edges = defaultdict(list)
    for index, one in enumerate(body):
        if not _ENDS.fullmatch(one.name) and index + 1 < len(body):
            edges[index].append(index + 1)
        if one.target in where:
            edges[index].append(where[one.target])
    return edges


def _innermost(nodes: Collection[int], edges: Mapping[int, Sequence[int]]) -> Iterator[set[int]]:
    """The cycles that hold no other: of every cycle, what is left of it without the ways into its first instruction."""
    for cycle in _cycles(nodes, edges):
        entered = {to for one in set(nodes) - cycle for to in edges.get(one, ()) if to in cycle} or {min(cycle)}
        within = {one: [to for to in edges.get(one, ()) if to in cycle and to not in entered] for one in cycle}
        smaller = list(_innermost(cycle, within))
        yield from smaller or [cycle]


def _cycles(nodes: Collection[int], edges: Mapping[int, Sequence[int]]) -> Iterator[set[int]]:
    """The strongly connected parts that have an edge inside (Kosaraju's algorithm)."""
    back = defaultdict(list)
    for one in nodes:
        for to in edges.get(one, ()):
            back[to].append(one)
    order: list[int] = []
    _visit(nodes, edges, order, set())
    seen: set[int] = set()
    for root in reversed(order):
        part: list[int] = []
        _visit([root], back, part, seen)
        if len(part) > 1 or (part and root in edges.get(root, ())):
            yield set(part)


def _visit(roots: Collection[int], edges: Mapping[int, Sequence[int]], order: list[int], seen: set[int]) -> None:
    """Appends what can be reached from the roots and was not seen, each after all that it leads to."""
    for root in roots:
        waiting = [] if root in seen else [(root, iter(edges.get(root, ())))]
        seen.add(root)
        while waiting:
            one, following = waiting[-1]
            fresh = next((to for to in following if to not in seen), None)
            if fresh is None:
                order.append(one)
                waiting.pop()
            else:
                seen.add(fresh)
                waiting.append((fresh, iter(edges.get(fresh, ()))))
