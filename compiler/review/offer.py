"""What changed of what servers offer beside their tools: prompts, resources and resource templates."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mcphub_gitops.compiler.lock.offers import KEYS
from mcphub_gitops.compiler.plan.offer import Offer
from mcphub_gitops.compiler.resolve.offer import KINDS, WORDS, Kind
from mcphub_gitops.compiler.review.cues import Neighbours, find_introduced
from mcphub_gitops.compiler.review.definition import is_deep
from mcphub_gitops.compiler.review.finding import MISSING, Finding, Json, ToolClass, below, quoted, ranked
from mcphub_gitops.compiler.review.side import Side
from mcphub_gitops.compiler.review.wording import compare_plain

Mark = Literal["+", "~", "-"]

_ARGUMENTS = "arguments"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedOffer:
    """A prompt, resource or template that is new (``+``), another (``~``) or gone (``-``), the worst finding first.

    `own` is the server's name or URI of it, `name` what clients call it, or called it.
    """

    server: str
    mark: Mark
    kind: Kind
    own: str
    name: str
    findings: tuple[Finding, ...]
    description: str = ""

    @property
    def worst(self) -> ToolClass:
        """The worst class among the findings."""
        return self.findings[0].cls


_Key = tuple[Kind, str]


def compare_offers(before: Side, after: Side, renames: Mapping[str, str]) -> tuple[ReviewedOffer, ...]:
    """Return what changed, by server, kind and name; `renames` has the old names of servers by their new ones."""
    names = {server: frozenset(tools) for server, tools in after.offered.items()}
    return tuple(
        each
        for server in sorted({*after.offers, *(before.offers.keys() - {*renames.values()})})
        for each in _of_server(
            server,
            _by_key(before.offers.get(renames.get(server, server), ())),
            _by_key(after.offers.get(server, ())),
            (names.get(server, frozenset()), Neighbours({name: own for name, own in names.items() if name != server})),
        )
    )


def _by_key(offers: tuple[Offer, ...]) -> dict[_Key, Offer]:
    return {(each.kind, each.upstream): each for each in offers}


def _of_server(
    server: str,
    before: Mapping[_Key, Offer],
    after: Mapping[_Key, Offer],
    tools: tuple[frozenset[str], Neighbours],
) -> Iterator[ReviewedOffer]:
    for key in sorted({*before, *after}, key=lambda each: (KINDS.index(each[0]), each[1])):
        old, new = before.get(key), after.get(key)
        findings = ranked(_findings(key[0], old, new, tools))
        shown = new or old
        if findings and shown is not None:
            words = new.definition.get("description") if new is not None and old is None else None
            yield ReviewedOffer(
                server=server,
                mark="+" if old is None else "-" if new is None else "~",
                kind=key[0],
                own=key[1],
                name=shown.name,
                findings=findings,
                description=words if isinstance(words, str) else "",
            )


def _findings(
    kind: Kind, before: Offer | None, after: Offer | None, tools: tuple[frozenset[str], Neighbours]
) -> Iterator[Finding]:
    if after is None:
        yield Finding(cls=ToolClass.BREAKING, where="", said=f"The {WORDS[kind]} is gone.")
        return
    if before is None:
        yield Finding(cls=ToolClass.WIDENING, where="", said=f"The {WORDS[kind]} is new.")
    elif before.name != after.name:
        said = f"Clients see it as {quoted(after.name)}, not {quoted(before.name)}."
        yield Finding(cls=ToolClass.BREAKING, where="", said=said)
    if before is not None and before.hash != after.hash:
        yield from _changed(kind, before.definition, after.definition)
    if before is None or before.hash != after.hash:
        yield from find_introduced(_words(before), _words(after), *tools)


def _words(offer: Offer | None) -> dict[str, Any]:
    """Return what of a definition speaks to anyone: that a URI is an address is no news."""
    found = dict(offer.definition) if offer is not None else {}
    return {key: value for key, value in found.items() if key not in {"uri", "uriTemplate"}}


def _changed(kind: Kind, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what differs between definitions whose fingerprints do."""
    if before.keys() == after.keys() == {KEYS[kind]} or is_deep(before) or is_deep(after):
        said = "Its definition changed, and what changed in it is not at hand."
        yield Finding(cls=ToolClass.BREAKING, where="", said=said)
        return
    for key in sorted({*before, *after}):
        old, new = before.get(key, MISSING), after.get(key, MISSING)
        if key == _ARGUMENTS and kind == "prompts":
            yield from _arguments(old, new)
        else:
            yield from compare_plain(below("", key), old, new)


def _arguments(before: Json, after: Json) -> Iterator[Finding]:
    """Yield what changed in what a prompt is given (MCP 2026-07-28, `PromptArgument`)."""
    old, new = _named(before), _named(after)
    if old is None or new is None:
        yield from compare_plain(_ARGUMENTS, before, after)
        return
    for name in sorted({*old, *new}):
        yield from _argument(below(_ARGUMENTS, name), old.get(name), new.get(name))
    if list(old) != list(new) and old.keys() == new.keys():
        yield Finding(cls=ToolClass.WORDING, where=_ARGUMENTS, said="Their order alone differs.")


def _argument(where: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> Iterator[Finding]:
    needed, needs = (each is not None and each.get("required") is True for each in (before, after))
    if after is None:
        yield Finding(cls=ToolClass.BREAKING, where=where, said="The argument is gone.")
    elif before is None:
        said = "It is a new argument, and required." if needs else "It is a new argument."
        yield Finding(cls=ToolClass.BREAKING if needs else ToolClass.WIDENING, where=where, said=said)
    else:
        if needed != needs:
            said = "It is required now." if needs else "It is required no longer."
            yield Finding(cls=ToolClass.BREAKING if needs else ToolClass.WIDENING, where=where, said=said)
        yield from compare_plain(where, _rest(before), _rest(after))


def _rest(argument: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in argument.items() if key != "required" or not isinstance(value, bool)}


def _named(arguments: Json) -> dict[str, Mapping[str, Any]] | None:
    """Return the arguments by name; None where they are not what the protocol has there."""
    if arguments is MISSING:
        return {}
    if not isinstance(arguments, list) or not all(isinstance(each, dict) for each in arguments):
        return None
    found = {str(each.get("name")): each for each in arguments}
    return found if len(found) == len(arguments) else None
