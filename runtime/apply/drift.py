"""How the world differs from what was applied, told apart by kind, so that a reader knows what to do about each."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from types import MappingProxyType

from mcphub_gitops.compiler.lock.comparison import compare_names, compare_tools
from mcphub_gitops.compiler.lock.questions import ImageAnswer, ImageQuestion
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer
from mcphub_gitops.compiler.plan.deviation import foreign_files_of
from mcphub_gitops.compiler.plan.file import plan_digest
from mcphub_gitops.compiler.plan.observed import Observed
from mcphub_gitops.compiler.plan.plan import OpType
from mcphub_gitops.compiler.plan.reconcile import LOST, Options, reconcile
from mcphub_gitops.compiler.resolve.location import locations_in
from mcphub_gitops.runtime.apply.offers import compare_offers
from mcphub_gitops.runtime.apply.preflight import with_secrets
from mcphub_gitops.runtime.apply.presence import Presence
from mcphub_gitops.runtime.apply.question import ask_server, run_together, tell
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.apply.state import Applied
from mcphub_gitops.runtime.failure import RuntimeFailure, join_failures
from mcphub_gitops.runtime.ports import Probe, Reporter

NO_ERAS: Mapping[str, str] = MappingProxyType({})


class Kind(Enum):
    """Where something moved; the value is the word in reports."""

    HUB = "hub"
    """The hub or its lock is not what was applied."""
    GENERATION = "generation"
    """The file that the gateway serves from was changed."""
    ENVIRONMENT = "environment"
    """A package environment is gone or was changed."""
    FILE = "file"
    """A file that a command runs was changed."""
    CONTAINER = "container"
    """A container is gone, stopped, changed or replaced, or one is there that should not be."""
    IMAGE = "image"
    """A tag leads to another image than the one that was locked, or the engine has lost one that calls run."""
    GATEWAY = "gateway"
    """The running gateway serves something else, or elsewhere."""
    TOOLS = "tools"
    """A server offers other tools, prompts or resources than the lock says, or does not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One difference: its kind, the object's address, and what is different, in words."""

    kind: Kind
    address: str
    detail: str


def find_drift(
    applied: Applied, observed: Observed, current: Desired | None, gateway: Presence | None
) -> tuple[Drift, ...]:
    """Compare what was applied with what was `observed`, with the `current` hub and with the running `gateway`.

    `current` is None where the hub has errors or does not fit its lock, `gateway` where none runs: that is no drift.
    """
    desired = applied.plan.desired
    return (
        *_hub_drift(desired, current),
        *_object_drift(desired, observed),
        *_file_drift(desired.servers, observed),
        *_gateway_drift(applied, gateway),
    )


async def find_tag_drift(applied: Desired, site: Site, reporter: Reporter) -> tuple[Drift, ...]:
    """Ask the registries where the tags of the applied images lead now; raises RuntimeFailure when one is silent."""
    tags = {
        container.tagged: (server.name, container.image)
        for server in applied.servers
        for container in server.containers
        if container.tagged
    }

    async def ask(tag: str) -> ImageAnswer:
        work = asyncio.to_thread(site.registries.resolve, ImageQuestion(reference=tag))
        return await tell(reporter, "asking for", tag, "", work)

    outcomes = await run_together(tags, ask)
    failures = [outcome for outcome in outcomes if isinstance(outcome, RuntimeFailure)]
    if failures:
        raise join_failures(failures)
    return tuple(
        drift
        for (tag, (server, image)), outcome in zip(tags.items(), outcomes, strict=True)
        if isinstance(outcome, ImageAnswer)
        for drift in _tag_drift(tag, server, image.partition("@")[2], outcome)
    )


def _tag_drift(tag: str, server: str, locked: str, found: ImageAnswer) -> Iterator[Drift]:
    if found.problem:
        yield Drift(kind=Kind.IMAGE, address=f"server.{server}", detail=f"{tag}: {found.problem}")
    elif found.digest != locked:
        detail = f"{tag} leads to {found.digest} now, and is locked to {locked}"
        yield Drift(kind=Kind.IMAGE, address=f"server.{server}", detail=detail)


async def find_tool_drift(
    applied: Desired, observed: Observed, site: Site, reporter: Reporter, eras: Mapping[str, str] = NO_ERAS
) -> tuple[Drift, ...]:
    """Ask each applied server that can be started for its tools, and compare them with the lock.

    `eras` are the protocol eras that servers were locked in, of those that are known.

    Servers whose environment or files have moved are left out: they have drifted already, and what is not as it was
    locked is not started. So are tools that are containers by themselves, which say nothing of themselves.
    """
    foreign = foreign_files_of(applied.servers, observed)
    asked = (each for each in applied.servers if each.calls is None)
    startable = [each for each in asked if each.name not in foreign and _is_intact(each, observed)]
    # A secret that cannot be read is told where its server is asked.
    site, _ = await asyncio.to_thread(with_secrets, startable, site)

    async def ask(server: DesiredServer) -> Probe:
        return await tell(reporter, "probing", f"server.{server.name}", "", ask_server(server, applied.hub, site))

    outcomes = await run_together(startable, ask)
    return tuple(
        drift
        for server, outcome in zip(startable, outcomes, strict=True)
        for drift in _tool_drift(server, outcome, eras.get(server.name, ""))
    )


def within_reach(applied: Desired) -> Desired:
    """Return `applied` with the servers alone that can be asked without a network.

    Those that others run cannot, nor those with a secret that is kept in a store.
    """
    return replace(applied, servers=tuple(each for each in applied.servers if _is_within_reach(each)))


def _is_within_reach(server: DesiredServer) -> bool:
    files = server.container.secret_files.values() if server.container is not None else ()
    schemes = {each.scheme for reference in (*server.secrets.values(), *files) for each in locations_in(reference)}
    return server.endpoint is None and not schemes & _STORES


_STORES = {"store", "vault"}


def _hub_drift(applied: Desired, current: Desired | None) -> Iterator[Drift]:
    if current is None:
        yield Drift(
            kind=Kind.HUB, address="hub", detail="it has errors or does not fit its lock; `mcphub plan` says how"
        )
    elif current.state_digest() != applied.state_digest():
        yield Drift(kind=Kind.HUB, address="hub", detail="it is not what was applied; `mcphub plan` shows what changed")


def _object_drift(applied: Desired, observed: Observed) -> Iterator[Drift]:
    servers = {name: server for server, name in applied.container_names().items()}
    plan = reconcile(applied, observed, Options(prune=False))
    users = {each.environment.digest: each.name for each in reversed(applied.servers) if each.environment is not None}
    for operation in plan.operations:
        if operation.type is OpType.INSTALL:
            detail = f"the installed files of {operation.cause.split()[0]} are gone or were changed"
            yield Drift(kind=Kind.ENVIRONMENT, address=f"server.{users[operation.target]}", detail=detail)
        elif operation.type is OpType.PULL:
            detail = f"the engine does not have its image {operation.target}"
            for name in _calling(applied, operation.target):
                yield Drift(kind=Kind.IMAGE, address=f"server.{name}", detail=detail)
        elif operation.type is OpType.MAKE:
            yield Drift(kind=Kind.CONTAINER, address=f"server.{servers[operation.target]}", detail=operation.cause)
        elif operation.type is OpType.REMOVE and operation.target in observed.containers:
            detail = "it has the hub's labels, and is none of its containers"
            yield Drift(kind=Kind.CONTAINER, address=operation.address, detail=detail)
        elif operation.type is OpType.SWITCH and operation.cause == LOST:
            yield Drift(kind=Kind.GENERATION, address=operation.address, detail=operation.cause)


def _calling(applied: Desired, image: str) -> Iterator[str]:
    """Yield the servers with tools whose calls are made from `image`; that of a container is gone with that."""
    for server in applied.servers:
        if server.calls is not None and any(each.image == image for each in server.containers):
            yield server.name


def _file_drift(servers: tuple[DesiredServer, ...], observed: Observed) -> Iterator[Drift]:
    foreign = foreign_files_of(servers, observed)
    for server in servers:
        for path, digest in server.files.items():
            if observed.files.get(path) != digest:
                state = "was changed" if path in observed.files else "is gone"
                yield Drift(kind=Kind.FILE, address=f"server.{server.name}", detail=f"{path} {state}")
        for path in foreign.get(server.name, ()):
            yield Drift(kind=Kind.FILE, address=f"server.{server.name}", detail=f"{path} is new")


def _gateway_drift(applied: Applied, gateway: Presence | None) -> Iterator[Drift]:
    if gateway is None:
        return
    if gateway.plan != plan_digest(applied.plan):
        yield Drift(kind=Kind.GATEWAY, address="gateway", detail="it does not serve what is applied")
    if gateway.listen and gateway.listen != applied.plan.desired.listen:
        detail = f"it listens on {gateway.listen}, the hub says {applied.plan.desired.listen}"
        yield Drift(kind=Kind.GATEWAY, address="gateway", detail=detail)


def _tool_drift(server: DesiredServer, outcome: Probe | RuntimeFailure, era: str) -> Iterator[Drift]:
    address = f"server.{server.name}"
    if isinstance(outcome, RuntimeFailure):
        yield Drift(kind=Kind.TOOLS, address=address, detail=f"it does not answer: {outcome.brief}")
        return
    if era and outcome.era != era:
        detail = f"it answers in the {outcome.era} protocol era, and was locked in the {era} one"
        yield Drift(kind=Kind.TOOLS, address=address, detail=detail)
    for sentence in compare_offers(server, outcome):
        yield Drift(kind=Kind.TOOLS, address=address, detail=sentence)
    if not server.by_name:
        for sentence in compare_tools(server.offered(), outcome.tools).sentences():
            yield Drift(kind=Kind.TOOLS, address=address, detail=sentence)
        return
    for sentence in compare_names(server.offered(), outcome.tools).sentences():
        yield Drift(kind=Kind.TOOLS, address=address, detail=f"{sentence} (compared by its name alone)")


def _is_intact(server: DesiredServer, observed: Observed) -> bool:
    environment = server.environment
    installed = environment is None or environment.digest in observed.environments
    if server.container is not None:
        return installed and server.container.image in observed.images
    unchanged = all(observed.files.get(path) == digest for path, digest in server.files.items())
    return installed and unchanged
