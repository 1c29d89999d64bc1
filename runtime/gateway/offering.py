"""What a server offers beside its tools: listed, and held against the lock."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any, Final, Literal

from mcphub_gitops.compiler.lock.offers import KEYS, MOST, OffersAnswer, fingerprints_of
from mcphub_gitops.compiler.resolve.offer import KINDS, WORDS, Kind
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.gateway import definitions, listing, wire
from mcphub_gitops.runtime.gateway.generation import Server
from mcphub_gitops.runtime.gateway.handshake import Hello
from mcphub_gitops.runtime.gateway.link import Link
from mcphub_gitops.runtime.gateway.listing import Listing, RefusedError
from mcphub_gitops.runtime.gateway.wire import Message, Raw
from mcphub_gitops.runtime.gateway.words import printable

log = logging.getLogger("mcphub.gateway")

Live = Mapping[Kind, Mapping[str, str | None]]
"""The fingerprint of each that a server offers now, of the kinds that it was asked for."""

_LISTINGS: Final[Mapping[Kind, Listing]] = {
    "prompts": Listing(method="prompts/list", page=listing.Prompts, word=WORDS["prompts"], most=MOST["prompts"]),
    "resources": Listing(
        method="resources/list", page=listing.Resources, word=WORDS["resources"], most=MOST["resources"]
    ),
    "templates": Listing(
        method="resources/templates/list", page=listing.Templates, word=WORDS["templates"], most=MOST["templates"]
    ),
}
_MOST_TOLD: Final = 400

Withheld = Mapping[tuple[Kind | Literal["tools"], str], str]
"""Why offers must not be asked for, by kind and the server's own name of each."""


async def list_offers(
    link: Link, hello: Hello, *, client: bytes, seconds: float, kinds: Collection[Kind] = KINDS
) -> OffersAnswer:
    """Return what the child lists of each of `kinds` that it has the capability for.

    A list that cannot be used takes nothing else with it. Raises Fault when the child does not answer in `seconds`.
    """
    deadline = asyncio.get_running_loop().time() + seconds
    listed: dict[Kind, tuple[Mapping[str, Any], ...]] = {}
    problems: dict[Kind, str] = {}
    for kind in KINDS:
        if kind not in kinds or not (hello.has_prompts if kind == "prompts" else hello.has_resources):
            continue
        try:
            found = await listing.read_list(link, _LISTINGS[kind], hello.envelope(client), deadline=deadline)
        except RefusedError as refused:
            # Some have the capability, and then nothing to list.
            if refused.code != wire.METHOD_NOT_FOUND:
                problems[kind] = f"refuses to list its {WORDS[kind]}s ({str(refused)[:_MOST_TOLD]})"
            continue
        except RuntimeFailure as failure:
            problems[kind] = f"has a list of {WORDS[kind]}s that cannot be used ({failure.brief}: {failure.detail})"
            continue
        listed[kind], unreadable = _read_all(kind, found)
        if unreadable:
            problems[kind] = f"lists {unreadable} {WORDS[kind]}s that cannot be read"
    return OffersAnswer(listed=listed, problems=problems)


def _read_all(kind: Kind, found: Collection[Raw]) -> tuple[tuple[Mapping[str, Any], ...], int]:
    readable = []
    for raw in found:
        try:
            readable.append(definitions.read_keyed(raw, KEYS[kind], f"a {WORDS[kind]}'s definition"))
        except RuntimeFailure:
            continue
    return tuple(readable), len(found) - len(readable)


async def look(link: Link, hello: Hello, server: Server, *, client: bytes, seconds: float) -> Live:
    """Return what the child offers of the kinds that `server` has locked; raises Fault as `list_offers` does."""
    kinds = {each.kind for each in server.offers}
    if not kinds:
        return {}
    answer = await list_offers(link, hello, client=client, seconds=seconds, kinds=kinds)
    for problem in answer.problems.values():
        log.warning("server %s %s", server.name, printable(problem))
    return {**{kind: {} for kind in kinds}, **fingerprints_of(answer)}


def withheld(server: Server, live: Live, before: Withheld) -> Withheld:
    """Return why each locked offer of `server` must not be asked for; what was not so `before` is logged.

    As quarantined tools do, it stays in the list that clients see.
    """
    verdict = _verdict(server, live)
    for (kind, name), reason in verdict.items():
        if before.get((kind, name)) != reason:
            log.warning("server %s, %s %s is quarantined: %s", server.name, word(kind), printable(name), reason)
    return verdict


def _verdict(server: Server, live: Live) -> Withheld:
    verdict: dict[tuple[Kind | Literal["tools"], str], str] = {}
    for each in server.offers:
        if each.kind not in live:
            verdict[each.kind, each.upstream] = "the server was not asked for it yet"
        elif each.upstream not in live[each.kind]:
            verdict[each.kind, each.upstream] = "the server no longer offers it"
        elif live[each.kind][each.upstream] is None:
            verdict[each.kind, each.upstream] = "the server offers it several times with definitions that differ"
        elif live[each.kind][each.upstream] != each.hash:
            verdict[each.kind, each.upstream] = "its definition differs from the locked one"
    return verdict


NO_VALUES: Final = Message(b"0", None, {}, Raw(b'{"completion":{"values":[]}}'))
"""What a server that completes nothing is taken to answer: of the servers of a hub, some do."""


def unasked(server: Server, live: Live) -> set[Kind]:
    """Return the kinds that `server` has locked and was not asked for."""
    return {each.kind for each in server.offers} - live.keys()


def named(refused: Withheld) -> dict[str, str]:
    """Return why offers are refused, by words that no tool is called by."""
    return {f"{word(kind)} {name}": reason for (kind, name), reason in refused.items()}


def word(kind: str) -> str:
    """Return what one of a kind is called."""
    return next((WORDS[each] for each in KINDS if each == kind), "tool")
