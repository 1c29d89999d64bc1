"""A policy document: bytes to rules, tags, waivers and cases, with every mistake at its place."""

from collections.abc import Iterator
from typing import Any, cast, get_args

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.policy.condition import Condition, compile_condition
from mcphub_gitops.compiler.policy.model import (
    Case,
    Expected,
    Given,
    GivenServer,
    Level,
    PolicyFile,
    Rule,
    Tag,
    Waiver,
)
from mcphub_gitops.compiler.policy.vocabulary import KINDS, Kind, completed, facts_of
from mcphub_gitops.compiler.read import shape, syntax
from mcphub_gitops.compiler.read.redaction import hide_secrets
from mcphub_gitops.compiler.read.syntax import ListNode, MapNode, Node
from mcphub_gitops.compiler.resolve.model import Text
from mcphub_gitops.compiler.resolve.nodes import child, entries, text, value
from mcphub_gitops.compiler.source import Source
from mcphub_gitops.schemas import load_schema

MAX_BYTES = 1024 * 1024
LONGEST_CONDITION = 2000


def read_policy(name: str, data: bytes) -> tuple[PolicyFile, tuple[Diagnostic, ...]]:
    """Read the policy document `data`, known to the user as `name`, and what is wrong with it; never raises.

    What is wrong is left out of the result, so that the rest is still of use.
    """
    parsed = syntax.parse(name, data, max_bytes=MAX_BYTES)
    source = hide_secrets(parsed.source, parsed.root)
    if parsed.root is None:
        return PolicyFile(source=source), parsed.diagnostics
    shaped = shape.check(parsed.root, load_schema("policy.v1"))
    reader = _Reader(source)
    read = reader.policy(parsed.root)
    return read, (*parsed.diagnostics, *shaped, *reader.problems)


class _Reader:
    """Carries the problems up. What the schema's check has told of is skipped."""

    def __init__(self, source: Source) -> None:
        self.problems: list[Diagnostic] = []
        self._source = source

    def policy(self, root: Node) -> PolicyFile:
        return PolicyFile(
            source=self._source,
            rules=tuple(rule for node in _items(root, "rules") if (rule := self._rule(node)) is not None),
            tags=tuple(tag for node in _items(root, "tags") if (tag := self._tag(node)) is not None),
            waivers=tuple(waiver for node in _items(root, "waivers") if (waiver := _waiver(node)) is not None),
            cases=tuple(case for node in _items(root, "tests") if (case := self._case(node)) is not None),
        )

    def _rule(self, node: Node) -> Rule | None:
        name, level = text(child(node, "name")), _text(node, "level")
        kind = _kind(_text(node, "match", "kind"))
        if kind is None:
            return None
        when, deny = self._condition(node, kind, "match", "when"), self._condition(node, kind, "deny")
        is_whole = when is not None or child(node, "match", "when") is None
        if name is None or level not in get_args(Level) or deny is None or not is_whole:
            return None
        return Rule(
            name=name.value,
            level=cast("Level", level),
            kind=kind,
            when=when,
            deny=deny,
            message=_text(node, "message"),
            help=_text(node, "help"),
            span=name.span,
        )

    def _tag(self, node: Node) -> Tag | None:
        tag, kind = _text(node, "tag"), _kind(_text(node, "kind"))
        if kind not in {"server", "tool"}:
            return None
        when = self._condition(node, kind, "when", derived=False)
        return Tag(tag=tag, kind=kind, when=when) if tag and when is not None else None

    def _condition(self, node: Node, kind: Kind, *keys: str, derived: bool = True) -> Condition | None:
        found = text(child(node, *keys))
        if found is None or not 0 < len(found.value) <= LONGEST_CONDITION:
            return None
        condition, problems = compile_condition(found, self._source, kind, derived=derived)
        self.problems.extend(problems)
        return condition

    def _case(self, node: Node) -> Case | None:
        name = text(child(node, "name"))
        servers = tuple(
            GivenServer(
                facts=self._facts("server", child(each, "server")),
                tools=tuple(self._facts("tool", tool) for tool in _items(each, "tools")),
            )
            for each in _items(node, "given")
        )
        if name is None:
            return None
        expect = tuple(
            (Text(value=entry.key, span=entry.key_span), cast("Expected", value(entry.value)))
            for entry in entries(node, "expect")
            if value(entry.value) in get_args(Expected)
        )
        given = Given(hub=self._facts("hub", child(node, "hub")), servers=servers)
        return Case(name=name.value, given=given, expect=expect, span=name.span)

    def _facts(self, thing: str, node: Node | None) -> dict[str, Any]:
        derived = {fact.name for fact in facts_of(thing) if fact.derived}
        for entry in entries(node):
            if entry.key in derived:
                detail = f"`{entry.key}` is worked out from the servers and tools that are given."
                self.problems.append(Diagnostic(code=codes.BAD_VALUE, detail=detail, span=entry.key_span))
        given = syntax.plain(node) if isinstance(node, MapNode) else {}
        try:
            return completed(thing, cast("dict[str, Any]", given))
        except (AttributeError, TypeError):
            # A list where the schema wants a mapping, or the other way round, which its check has told of.
            return completed(thing, {})


def _waiver(node: Node) -> Waiver | None:
    rule = text(child(node, "rule"))
    words = {key: _text(node, key) for key in ("subject", "owner", "reason", "expires")}
    return Waiver(rule=rule, span=rule.span, **words) if rule is not None and all(words.values()) else None


def _items(node: Node | None, key: str) -> Iterator[Node]:
    found = child(node, key)
    yield from found.items if isinstance(found, ListNode) else ()


def _text(node: Node, *keys: str) -> str:
    found = value(node, *keys)
    return found if isinstance(found, str) else ""


def _kind(word: str) -> Kind | None:
    return cast("Kind", word) if word in KINDS else None
