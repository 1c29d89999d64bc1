"""The budgets of the code: how long, deep and branched it may be. A share that is used up is mended, not raised."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
OWN = (*FUNCTIONS, ast.ClassDef, ast.Lambda)
"""What is inside of another and counted by itself."""

BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
BRANCHES = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.IfExp, ast.ExceptHandler, ast.Assert, ast.match_case)
LONG = 50
DEEP = 3
COMPLEX = 10


@dataclass(frozen=True)
class Budget:
    """The longest module and function, the lines that nine in ten have at most, and shares in percent."""

    module: int
    most_modules: int
    function: int
    most_functions: int
    long: float
    deep: float
    complex: float
    mutable: float
    broad: int


BUDGETS = {
    "compiler": Budget(450, 250, 60, 25, 1, 1, 1, 0, 0),
    # The two that catch whatever comes are the doors for bugs of ours: of a command, and of a request.
    "runtime": Budget(550, 300, 80, 30, 3, 2, 2, 10, 2),
}


@cache
def trees(room: str) -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text("utf-8")) for path in sorted((ROOT / room).rglob("*.py"))}


def functions(room: str) -> dict[str, Function]:
    return {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": node
        for path, tree in trees(room).items()
        for node in ast.walk(tree)
        if isinstance(node, FUNCTIONS)
    }


def length(function: Function) -> int:
    """Return the lines from `def` to the end, without the docstring."""
    first = function.body[0]
    is_said = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    said = lines_of(first) if is_said else 0
    return lines_of(function) - said


def lines_of(node: ast.stmt) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def inside(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, OWN):
            yield child
            yield from inside(child)


def complexity(function: Function) -> int:
    """Return McCabe's number: 1 and a branch each, of conditions and comprehensions as well."""
    return 1 + sum(map(branches, inside(function)))


def branches(node: ast.AST) -> int:
    if isinstance(node, ast.BoolOp):
        return len(node.values) - 1
    if isinstance(node, ast.comprehension):
        return 1 + len(node.ifs)
    return int(isinstance(node, BRANCHES))


def depth(node: ast.AST) -> int:
    """Return how many blocks stand within one another; an `elif` does not stand within its `if`."""
    return max((depth_of(child, node) for child in ast.iter_child_nodes(node) if not isinstance(child, OWN)), default=0)


def depth_of(child: ast.AST, parent: ast.AST) -> int:
    is_elif = isinstance(parent, ast.If) and isinstance(child, ast.If) and parent.orelse == [child]
    return depth(child) + int(isinstance(child, BLOCKS) and not is_elif)


def is_within(found: dict[str, int], most: int, share: float) -> bool:
    return 100 * len([each for each in found.values() if each > most]) <= share * len(found)


def over(found: dict[str, int], most: int) -> str:
    return "\n".join(f"{number} {name}" for name, number in sorted(found.items()) if number > most)


@pytest.mark.parametrize("room", BUDGETS)
def test_modules_are_short(room: str) -> None:
    lines = {str(path): len(path.read_text("utf-8").splitlines()) for path, tree in trees(room).items() if tree.body}
    assert max(lines.values()) <= BUDGETS[room].module, over(lines, BUDGETS[room].module)
    assert is_within(lines, BUDGETS[room].most_modules, 10), over(lines, BUDGETS[room].most_modules)


@pytest.mark.parametrize("room", BUDGETS)
def test_functions_are_short(room: str) -> None:
    lines = {name: length(node) for name, node in functions(room).items()}
    assert max(lines.values()) <= BUDGETS[room].function, over(lines, BUDGETS[room].function)
    assert is_within(lines, BUDGETS[room].most_functions, 10), over(lines, BUDGETS[room].most_functions)
    assert is_within(lines, LONG, BUDGETS[room].long), over(lines, LONG)


@pytest.mark.parametrize("room", BUDGETS)
def test_functions_are_flat(room: str) -> None:
    depths = {name: depth(node) for name, node in functions(room).items()}
    assert is_within(depths, DEEP, BUDGETS[room].deep), over(depths, DEEP)


@pytest.mark.parametrize("room", BUDGETS)
def test_functions_branch_little(room: str) -> None:
    found = {name: complexity(node) for name, node in functions(room).items()}
    assert is_within(found, COMPLEX, BUDGETS[room].complex), over(found, COMPLEX)


@pytest.mark.parametrize("room", BUDGETS)
def test_records_are_frozen(room: str) -> None:
    found = {
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}": int(not any("frozen=True" in each for each in made))
        for path, tree in trees(room).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and (made := [text for each in node.decorator_list if (text := ast.unparse(each)).startswith("dataclass")])
    }
    assert is_within(found, 0, BUDGETS[room].mutable), over(found, 0)


@pytest.mark.parametrize("room", BUDGETS)
def test_few_places_catch_whatever_comes(room: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path, tree in trees(room).items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler) and is_broad(node)
    ]
    assert len(found) <= BUDGETS[room].broad, found


def is_broad(handler: ast.ExceptHandler) -> bool:
    """Tell whether `handler` keeps what it catches, and that is anything."""
    named = handler.type is None or ast.unparse(handler.type) in {"BaseException", "Exception"}
    last = handler.body[-1]
    return named and not (isinstance(last, ast.Raise) and last.exc is None)


def test_what_is_counted() -> None:
    tree = ast.parse(
        '''
def counted(values):
    """Said."""
    for value in values:
        if value and not value.real or value.imag:
            return [each for each in value if each]
        elif value is None:
            with value:
                lambda: 1 if value else 2
    def inner():
        if values:
            pass
'''
    )
    (function,) = tree.body
    assert isinstance(function, ast.FunctionDef)
    assert (length(function), complexity(function), depth(function)) == (10, 8, 3)
