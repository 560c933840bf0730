"""The sources keep the size and the habits that keep them readable; each rule names the line that breaks it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "src").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")])
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}

MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60
MOST_PARAMETERS = 8

C_TEXT = re.compile(r";[ \t]*\n|#include\b|#define \w|\bstatic (inline|const|void|int)\b|\bvoid \*")
FORBIDDEN_CALLS = {"eval", "exec", "globals", "locals"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(tree: ast.Module) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def place(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def documentation(tree: ast.Module) -> set[int]:
    """Ids of the strings that stand alone as statements: docstrings of modules, functions and names."""
    return {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}


def test_there_are_sources() -> None:
    assert len(SOURCES) > 20


def test_every_module_opens_with_a_docstring() -> None:
    assert [place(path, 1) for path, tree in TREES.items() if not ast.get_docstring(tree)] == []


def test_files_are_short() -> None:
    lines = {place(path, 1): len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_A_FILE} == {}


def test_functions_are_short() -> None:
    lines = {
        f"{place(path, node.lineno)} {node.name}": (node.end_lineno or node.lineno) - node.lineno + 1
        for path, tree in TREES.items()
        for node in functions(tree)
    }
    assert {name: count for name, count in lines.items() if count > MOST_LINES_OF_A_FUNCTION} == {}


def test_functions_have_few_parameters() -> None:
    """Functions that are commands are let off: their parameters are the options of the command line."""
    counts = {}
    for path, tree in TREES.items():
        for node in functions(tree):
            if "cli" in path.parts and any("command" in ast.unparse(mark) for mark in node.decorator_list):
                continue
            arguments = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            own = [argument for argument in arguments if argument.arg not in ("self", "cls")]
            counts[f"{place(path, node.lineno)} {node.name}"] = len(own)
    assert {name: count for name, count in counts.items() if count > MOST_PARAMETERS} == {}


def c_strings(tree: ast.Module) -> list[int]:
    """Lines of the string literals that look like C."""
    spared = documentation(tree)
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in spared
        and C_TEXT.search(node.value)
    ]


def test_c_stands_in_c_files_only() -> None:
    """C lives in kernels/ and in the compiler's templates, where editors, compilers and readers see it."""
    assert [place(path, line) for path, tree in TREES.items() for line in c_strings(tree)] == []


@pytest.mark.parametrize("text", ["x = 1;\ny = 2;\n", '#include "simd.h"', "static inline void relu(void)"])
def test_c_in_a_string_would_be_seen(text: str) -> None:
    assert c_strings(ast.parse(f"'''about C: static inline'''\nx = {text!r}")) == [2]


def test_nothing_is_global_evaluated_or_left_to_do() -> None:
    found = []
    for path, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Global):
                found.append(f"{place(path, node.lineno)} global")
            if isinstance(node, ast.ExceptHandler) and node.type is None:
                found.append(f"{place(path, node.lineno)} bare except")
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in FORBIDDEN_CALLS:
                found.append(f"{place(path, node.lineno)} {node.func.id}")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if re.search(r"\b(TODO|FIXME|XXX)\b", line):
                found.append(f"{place(path, number)} to do")
    assert found == []


def test_every_kernel_header_serves_an_operator() -> None:
    """A header that no operator and no template names, directly or through another header's #include, is dead."""
    from depthwise import ops

    headers = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "src/depthwise/kernels").glob("*.h")}
    kernels = [kernel for operator in ops.REGISTRY.values() for kernel in operator.kernels]
    used = {f"{kernel.name}.h" for kernel in kernels} | {
        Path(name).with_suffix(".h").name for kernel in kernels for name in kernel.includes
    }
    for template in (ROOT / "src/depthwise/compiler/templates").iterdir():
        used |= set(re.findall(r'"kernels/(\w+\.h)"', template.read_text(encoding="utf-8")))
    assert {f"{kernel.name}.h" for kernel in kernels} <= set(headers)
    while (
        included := {
            name
            for header in used & set(headers)
            for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', headers[header], re.MULTILINE)
        }
        - used
    ):
        used |= included
    assert set(headers) - used == set()
