"""One more of a kind costs one file: no name of a leaf stands elsewhere (the table in CONTRIBUTING.md)."""

import ast
from pathlib import Path

from depthwise import design, linter, ops
from depthwise.device import device_names
from depthwise.exporters import EXPORTERS
from depthwise.profiling.comparison import OURS
from depthwise.profiling.runtimes import RUNTIMES
from depthwise.target import target_names

PACKAGE = Path(__file__).parents[2] / "src" / "depthwise"


def words(path: Path) -> set[str]:
    """All that a module's code names: identifiers, imported modules and names, whole string literals; no docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in documentation:
                found.add(text)
            case ast.Name(id=name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.Import(names=names):
                found |= {part for alias in names for part in alias.name.split(".")}
            case ast.ImportFrom(module=module, names=names):
                found |= {alias.name for alias in names} | set((module or "").split("."))
    return found


WORDS = {path.relative_to(PACKAGE).as_posix(): words(path) for path in PACKAGE.rglob("*.py")}


def mentions(names: set[str], *, within: str = "", outside: tuple[str, ...] = ()) -> dict[str, set[str]]:
    """Modules below `within`, but not below `outside`, that name one of `names`."""
    return {
        module: found & names
        for module, found in WORDS.items()
        if found & names and module.startswith(within) and not module.startswith(outside)
    }


def stems(folder: str, suffix: str = "py") -> set[str]:
    return {path.stem for path in (PACKAGE / folder).glob(f"*.{suffix}") if not path.stem.startswith("_")}


def test_a_mention_would_be_seen() -> None:
    assert mentions({"LayerList"}, within="design/blocks/")


def test_families() -> None:
    names = set(design.MODELS) | stems("design/families")
    assert len(names) >= 2
    assert mentions(names, outside=("design/families/", "design/checkpoints/published/")) == {}


def test_block_kinds() -> None:
    """A block kind is named by the families that are built of it."""
    names = stems("design/blocks")
    assert len(names) >= 2
    assert mentions(names, outside=("design/blocks/", "design/families/")) == {}


def test_devices() -> None:
    """The host is the default, so it alone may be named."""
    assert mentions(set(device_names()) - {"host"}) == {}


def test_targets() -> None:
    """This machine is the default, and plain C an instruction set too."""
    assert mentions(set(target_names()) - {"native", "c"}) == {}


def test_operators() -> None:
    """What plans, emits, counts and runs asks the registry; it names no operator."""
    names = set(ops.REGISTRY)
    assert len(names) >= 10
    for room in ("planning/", "compiler/", "analysis/", "profiling/", "engine.py", "workflow.py", "verification.py"):
        assert mentions(names, within=room, outside=("profiling/runtimes/",)) == {}


def test_exporters() -> None:
    names = set(EXPORTERS)
    assert names == stems("exporters") - {"base"}
    assert mentions(names, outside=("exporters/", "profiling/runtimes/")) == {}


def test_runtimes() -> None:
    """This project's own name is everywhere; the second opinion of `verification.py` is one runtime of its own."""
    names = {name for name in RUNTIMES if not name.startswith(OURS)}
    assert len(names) >= 5
    second = ("profiling/onnxruntime.py", "profiling/__init__.py")
    assert mentions(names, within="profiling/", outside=("profiling/runtimes/", *second)) == {}
    for path in (PACKAGE.parents[1] / "benchmarks").glob("*.py"):
        assert words(path) & names == set(), path


def test_kernels() -> None:
    """A kernel is chosen from its operator's list; nothing else knows its name."""
    names = {kernel.name for operator in ops.REGISTRY.values() for kernel in operator.kernels}
    assert len(names) >= 10
    assert mentions(names, outside=("ops/",)) == {}


def test_passes() -> None:
    """A pass is called by the pipeline (a few by another pass or by a door of the graph room), by no other room."""
    names = {f"depthwise.graph.passes.{name}" for name in stems("graph/passes") - {"base"}}
    assert len(names) >= 3
    calls = [
        (path.relative_to(PACKAGE).as_posix(), node.module)
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module in names
    ]
    assert {user for user, _ in calls if not user.startswith("graph/")} == set()
    assert names - {name for _, name in calls} == set(), "no list names these"


def test_lint_rules() -> None:
    """A rule is known by the registry; nothing else names its code."""
    names = set(linter.RULES)
    assert len(names) >= 20
    assert mentions(names, outside=("linter/rules/",)) == {}
