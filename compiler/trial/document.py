"""A document of tests: bytes to cases, with every mistake at its place."""

from collections.abc import Iterator
from types import MappingProxyType
from typing import cast, get_args

from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.read import shape, syntax
from mcphub_gitops.compiler.read.redaction import hide_secrets
from mcphub_gitops.compiler.read.syntax import ListNode, Node
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.resolve.nodes import child, entries, text, texts, value
from mcphub_gitops.compiler.trial.model import Case, Coming, Names, TestDocument
from mcphub_gitops.schemas import load_schema

MAX_BYTES = 1024 * 1024
SETS = ("servers", "tools", "secrets")


def read_tests(name: str, data: bytes) -> tuple[TestDocument, tuple[Diagnostic, ...]]:
    """Read the tests in `data`, known to the user as `name`, and what is wrong with them; never raises."""
    parsed = syntax.parse(name, data, max_bytes=MAX_BYTES)
    source = hide_secrets(parsed.source, parsed.root)
    if parsed.root is None:
        return TestDocument(source=source), parsed.diagnostics
    shaped = shape.check(parsed.root, load_schema("test.v1"))
    found = child(parsed.root, "cases")
    items = found.items if isinstance(found, ListNode) else ()
    cases = tuple(case for node in items if (case := _case(node)) is not None)
    return TestDocument(source=source, cases=cases), (*parsed.diagnostics, *shaped)


def _case(node: Node) -> Case | None:
    name = text(child(node, "name"))
    if name is None:
        return None
    expect = child(node, "expect")
    return Case(
        name=name.value,
        environment=_word(node, "env"),
        as_of=_word(node, "asOf"),
        errors=frozenset(each.value for each in texts(expect, "errors")),
        sets=MappingProxyType({key: _names(found) for key in SETS if (found := child(expect, key)) is not None}),
        profiles=tuple(
            (Text(value=entry.key, span=entry.key_span), _names(entry.value)) for entry in entries(expect, "profiles")
        ),
        policies=tuple(_policies(expect)),
        span=name.span,
    )


def _names(node: Node) -> Names:
    are = child(node, "are")
    return Names(
        are=tuple(texts(node, "are")) if are is not None else None,
        have=tuple(texts(node, "have")),
        lack=tuple(texts(node, "lack")),
        span=are.span if are is not None else node.span,
    )


def _policies(expect: Node | None) -> Iterator[tuple[Text, Coming]]:
    for entry in entries(expect, "policies"):
        coming = value(entry.value)
        if coming in get_args(Coming):
            yield Text(value=entry.key, span=entry.key_span), cast("Coming", coming)


def _word(node: Node, key: str) -> str:
    found = value(node, key)
    return found if isinstance(found, str) else ""
