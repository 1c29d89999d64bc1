"""No text of a user is ever a program, a template or a query: what could make it one is not in the product at all."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from mcphub_gitops.compiler.resolve.template import Scope, expand

ROOT = Path(__file__).parents[1]
CODE = sorted(path for room in ("compiler", "runtime") for path in (ROOT / room).rglob("*.py"))
ENGINES = {"chevron", "jinja2", "mako", "minijinja", "pystache", "tornado.template"}
QUERIES = {"duckdb", "jmespath", "jsonpath_ng", "sqlalchemy", "sqlite3"}
CODE_MAKERS = {"pickle", "marshal", "shelve", "code", "codeop", "runpy"}
BUILT_IN = {"eval", "exec", "compile", "__import__"}
OURS = {"runtime/engines/launcher.py", "runtime/engines/sandbox.py"}
"""They hand each other an order as marshalled data, over a file that no one else has."""

METHODS = {"format", "format_map", "from_string", "safe_substitute", "substitute"}
"""`str.format` reaches into attributes of what it is given."""


def breaches(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        place = f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [each.name for each in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{each.name}" for each in node.names)]
        yield from (
            f"{place}: {name}"
            for name in names
            if name in ENGINES | QUERIES | CODE_MAKERS | {"string.Template", "string.Formatter"}
        )
        if isinstance(node, ast.Call):
            yield from (f"{place}: {found}" for found in _called(node.func))
            if any(each.arg == "shell" for each in node.keywords):
                yield f"{place}: shell="


def _called(function: ast.expr) -> Iterator[str]:
    if isinstance(function, ast.Name) and function.id in BUILT_IN:
        yield f"{function.id}()"
    # A method of a constant is the author's text, not a user's; the library's function lays JSON out.
    elif isinstance(function, ast.Attribute) and function.attr in METHODS:
        is_ours = isinstance(function.value, ast.Constant) or ast.unparse(function) == "msgspec.json.format"
        yield from () if is_ours else (f".{function.attr}()",)


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import jinja2", "jinja2"),
        ("from string import Template", "string.Template"),
        ("import sqlite3", "sqlite3"),
        ("eval(text)", "eval()"),
        ("text.format(value)", ".format()"),
        ("environment.from_string(text)", ".from_string()"),
        ("subprocess.run(text, shell=True)", "shell="),
        ("'{}'.format(value)", ""),
        ("re.compile(text)", ""),
    ],
)
def test_the_guard_sees(code: str, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "module.py").write_text(code, "utf-8")
    assert [each.partition(": ")[2] for each in breaches(tmp_path / "module.py")] == ([found] if found else [])


def test_no_text_can_become_a_program_a_template_or_a_query() -> None:
    assert len(CODE) > 100
    found = [each for path in CODE for each in breaches(path)]
    assert [each for each in found if not (each.endswith(": marshal") and each.partition(":")[0] in OURS)] == []


def test_what_fills_a_template_is_not_read_again() -> None:
    scope = Scope(values={"s": {"a": "{{s.b}} ${KEY} $KEY", "b": "secret"}}, declared=frozenset({"s.a", "s.b"}))
    assert expand("x {{s.a}}", scope).value == "x {{s.b}} ${KEY} $KEY"
