"""What conditions may speak of: the facts of each kind by name and type, as the schema of policies has them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args

from mcphub_gitops.schemas import load_schema

Kind = Literal["hub", "server", "tool", "image", "secret", "mount", "host"]
FactType = Literal["string", "integer", "number", "boolean", "strings", "records"]

_SEEN: Mapping[str, tuple[str, ...]] = {"hub": ("hub",), "server": ("hub", "server")}
"""The facts that a rule of a kind sees; all other kinds belong to a server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A fact of a thing: `derived` where it is worked out from others, `record` names what its records are.

    `fields` are those of a nested mapping, whose `type` is None.
    """

    name: str
    type: FactType | None
    default: Any = None
    derived: bool = False
    record: str = ""
    fields: tuple["Fact", ...] = ()


@cache
def facts_of(definition: str) -> tuple[Fact, ...]:
    """Return the facts of what the schema calls `definition`."""
    return tuple(_fact(name, schema) for name, schema in _definitions()[definition]["properties"].items())


@cache
def _definitions() -> Mapping[str, Any]:
    definitions: Mapping[str, Any] = load_schema("policy.v1")["$defs"]
    return definitions


def seen_by(kind: Kind) -> tuple[str, ...]:
    """Return the names of the things whose facts a condition of a rule of `kind` sees."""
    return _SEEN.get(kind, ("hub", "server", kind))


@cache
def variables_of(kind: Kind, *, derived: bool) -> Mapping[str, Fact]:
    """Return the facts that a condition sees, by their whole names such as ``server.image.tag``.

    Without `derived`, those that are worked out from others, and tags, are left out.
    """
    return {
        name: fact
        for thing in seen_by(kind)
        for name, fact in _flat(thing, facts_of(thing))
        if derived or not (fact.derived or fact.name == "tags")
    }


def flatten(thing: str, facts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the `facts` of `thing` by their whole names; what is not given has its default."""
    for fact in facts_of(thing):
        yield from _flat_values(thing, fact, facts)


def completed(definition: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return `facts` with the default of each that is not given, nested ones too."""
    return {fact.name: _complete(fact, facts.get(fact.name)) for fact in facts_of(definition)}


def _complete(fact: Fact, given: Any) -> Any:  # noqa: ANN401  (any fact)
    if fact.fields:
        found = given or {}
        return {each.name: _complete(each, found.get(each.name)) for each in fact.fields}
    if given is None:
        return fact.default
    if fact.type == "number":
        return float(given)
    return [completed(fact.record, each) for each in given] if fact.record else given


def _flat_values(prefix: str, fact: Fact, facts: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    name = f"{prefix}.{fact.name}"
    if fact.fields:
        for each in fact.fields:
            yield from _flat_values(name, each, facts.get(fact.name) or {})
    else:
        yield name, facts.get(fact.name, fact.default)


def _flat(prefix: str, facts: tuple[Fact, ...]) -> Iterator[tuple[str, Fact]]:
    for fact in facts:
        if fact.fields:
            yield from _flat(f"{prefix}.{fact.name}", fact.fields)
        else:
            yield f"{prefix}.{fact.name}", fact


def _fact(name: str, schema: Mapping[str, Any]) -> Fact:
    reference = schema.get("$ref", "").rpartition("/")[2]
    if reference:
        return Fact(name=name, type=None, fields=facts_of(reference))
    derived, default = schema.get("readOnly", False), schema["default"]
    if schema["type"] != "array":
        return Fact(name=name, type=schema["type"], default=default, derived=derived)
    record = schema["items"].get("$ref", "").rpartition("/")[2]
    kind: FactType = "records" if record else "strings"
    return Fact(name=name, type=kind, default=default, derived=derived, record=record)


KINDS: tuple[str, ...] = get_args(Kind)
