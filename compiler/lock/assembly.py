"""A lock in the making: what to ask about each server, and the lock that the answers amount to."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.freshness import is_code, is_locked_image
from mcphub_gitops.compiler.lock.model import Definitions, Lock, LockedImage, LockedServer, launch_fingerprint
from mcphub_gitops.compiler.lock.offers import OfferDefinitions, lock_offers
from mcphub_gitops.compiler.lock.questions import (
    ImageAnswer,
    ImageQuestion,
    PackageAnswer,
    PackageQuestion,
    TargetQuestion,
    ToolsAnswer,
)
from mcphub_gitops.compiler.resolve.confinement import is_user
from mcphub_gitops.compiler.resolve.exposure import left_by_filters
from mcphub_gitops.compiler.resolve.model import Hub, Image, Package, Server, ToolContainers

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A lock, the readable definitions behind it by server and tool, and what is wrong with what was found.

    `offers` are the definitions of what servers offer beside their tools, of those that do.
    """

    lock: Lock
    definitions: Mapping[str, Mapping[str, Mapping[str, Any]]]
    diagnostics: tuple[Diagnostic, ...]
    offers: Mapping[str, OfferDefinitions] = field(default_factory=lambda: MappingProxyType({}))


def ask_packages(hub: Hub, lock: Lock) -> dict[str, PackageQuestion]:
    """Return the question about each enabled package by server; what is locked now is preferred.

    A server that was renamed is locked under its old name, until it is under its own.
    """
    return {
        server.name: PackageQuestion(requirement=server.origin.requirement, preferred=_preferred(hub, server, lock))
        for server in hub.servers
        if server.enabled and isinstance(server.origin, Package)
    }


def ask_images(hub: Hub, lock: Lock) -> dict[str, ImageQuestion]:
    """Return the question about each enabled image by `image_key`; the digest that is locked now is asked for again."""
    return {
        image_key(server, tool): ImageQuestion(reference=_wanted(image, tool, _before(hub, server, lock)))
        for server in hub.servers
        if server.enabled
        for tool, image in server.images.items()
    }


def image_key(server: Server, tool: str) -> str:
    """Return by what an image of `server` is known in questions and answers: of a `tool`, or its only one."""
    return f"{server.name}/{tool}" if tool else server.name


def ask_targets(hub: Hub, images: Mapping[str, ImageAnswer]) -> dict[str, TargetQuestion]:
    """Return the question about the interpreter of each image that was found and that a package runs in, by server."""
    return {
        server.name: TargetQuestion(
            image=server.origin.base.reference.by_digest(images[server.name].digest), ecosystem=server.origin.ecosystem
        )
        for server in hub.servers
        if server.enabled
        and isinstance(server.origin, Package)
        and server.origin.base is not None
        and not images[server.name].problem
    }


def pin(
    hub: Hub,
    packages: Mapping[str, PackageAnswer],
    images: Mapping[str, ImageAnswer],
    targets: Mapping[str, str],
    files: Mapping[str, str],
) -> tuple[Lock, list[Diagnostic]]:
    """Return a lock without tools, enough to start each server; `files` are digests of the files commands name.

    A package or an image that there is no answer for is told at its place and left out.
    """
    servers: dict[str, LockedServer] = {}
    problems: list[Diagnostic] = []
    for server in hub.servers:
        if not server.enabled:
            continue
        answer = packages.get(server.name, PackageAnswer())
        image = images.get(server.name, ImageAnswer())
        missing = [*_without_image(server, images)]
        if isinstance(server.origin, Package) and answer.problem:
            problems.append(Diagnostic(code=codes.NO_PACKAGE, detail=answer.problem, span=server.origin.span))
            continue
        if missing:
            problems.extend(missing)
            continue
        servers[server.name] = LockedServer(
            launch=launch_fingerprint(server),
            era="",
            package=answer.package,
            requirements=answer.requirements,
            image=f"{server.image.reference.tagged}@{image.digest}" if server.image is not None else "",
            platforms=image.platforms,
            user=image.user if is_user(image.user) else "",
            target=targets.get(server.name, ""),
            definitions=_definitions(server),
            containers=MappingProxyType(_containers(server, images)),
            files=MappingProxyType({path: files[path] for path in sorted(files) if is_code(server, path)}),
        )
    return Lock(servers=MappingProxyType(servers)), problems


def assemble(hub: Hub, pinned: Lock, answers: Mapping[str, ToolsAnswer]) -> Locked:
    """Return the lock of `pinned` with the tools of `answers`, which holds one for each of its servers that is asked.

    A server whose definitions come from its catalog is not asked, and has those; neither are tools that are containers.
    """
    servers: dict[str, LockedServer] = {}
    definitions: dict[str, dict[str, Mapping[str, Any]]] = {}
    offers: dict[str, OfferDefinitions] = {}
    problems: list[Diagnostic] = []
    for server in hub.servers:
        if server.name not in pinned.servers:
            continue
        pins, answer = pinned.servers[server.name], _answer(server, answers)
        problems.extend(_tool_problems(server, answer))
        tools = {str(tool["name"]): tool for tool in answer.tools}
        definitions[server.name] = tools
        hashes = MappingProxyType({name: fingerprint(tool) for name, tool in sorted(tools.items())})
        hidden = frozenset(hashes.keys() - left_by_filters(server, hashes))
        others = lock_offers(server, answer.offers)
        problems.extend(others.diagnostics)
        if others.hashes:
            offers[server.name] = others.definitions
        servers[server.name] = replace(pins, era=answer.era, tools=hashes, hidden=hidden, offers=others.hashes)
    lock = Lock(servers=MappingProxyType(servers))
    return Locked(lock=lock, definitions=definitions, diagnostics=tuple(problems), offers=offers)


def _without_image(server: Server, images: Mapping[str, ImageAnswer]) -> Iterator[Diagnostic]:
    for tool, image in server.images.items():
        problem = images.get(image_key(server, tool), ImageAnswer()).problem
        if problem:
            yield Diagnostic(code=codes.NO_IMAGE, detail=problem, span=image.span)


def _containers(server: Server, images: Mapping[str, ImageAnswer]) -> dict[str, LockedImage]:
    if not isinstance(server.origin, ToolContainers):
        return {}
    found = {tool: images[image_key(server, tool)] for tool in sorted(server.origin.tools)}
    return {
        tool: LockedImage(
            image=f"{server.origin.tools[tool].image.reference.tagged}@{answer.digest}",
            platforms=answer.platforms,
            user=answer.user if is_user(answer.user) else "",
        )
        for tool, answer in found.items()
    }


def _definitions(server: Server) -> Definitions:
    if isinstance(server.origin, ToolContainers):
        return "complete"
    return "catalog" if server.definitions is not None else "live"


def _before(hub: Hub, server: Server, lock: Lock) -> LockedServer | None:
    """Return the pins that `server` has, or had under the name that it was renamed from."""
    return lock.servers.get(server.name) or lock.servers.get(hub.moves.get(server.name, ""))


def _preferred(hub: Hub, server: Server, lock: Lock) -> tuple[str, ...]:
    locked = _before(hub, server, lock)
    return locked.requirements if locked is not None else ()


def _wanted(image: Image, tool: str, locked: LockedServer | None) -> str:
    pinned = locked.image_of(tool) if locked is not None else ""
    return pinned if is_locked_image(image, pinned) else str(image.reference)


def _answer(server: Server, answers: Mapping[str, ToolsAnswer]) -> ToolsAnswer:
    if isinstance(server.origin, ToolContainers):
        return ToolsAnswer(era="", tools=tuple(tool.definition for tool in server.origin.tools.values()))
    if server.definitions is None:
        return answers[server.name]
    return ToolsAnswer(era="", tools=tuple(server.definitions.tools.values()))


def _tool_problems(server: Server, answer: ToolsAnswer) -> Iterator[Diagnostic]:
    if not answer.tools and not server.no_tools:
        detail = f"`{server.name}` was started and asked, and offers no tool."
        help_ = "if that is right, say `tools: {none: REASON}`"
        yield Diagnostic(code=codes.NO_TOOLS, detail=detail, span=server.span, help=help_)
    if answer.tools and server.no_tools:
        names = ", ".join(f"`{tool['name']}`" for tool in answer.tools[:_MOST_NAMED])
        more = f" and {len(answer.tools) - _MOST_NAMED} more" if len(answer.tools) > _MOST_NAMED else ""
        detail = f"`{server.name}` offers {names}{more}."
        yield Diagnostic(code=codes.HAS_TOOLS, detail=detail, span=server.span, help="take `none` out of its `tools`")
    for name, number in Counter(str(tool["name"]) for tool in answer.tools).items():
        if number > 1:
            detail = f"`{server.name}` offers `{name}` {number} times."
            yield Diagnostic(code=codes.TOOL_TWICE, detail=detail, span=server.span)
