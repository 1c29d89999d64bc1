"""A lock in the making: what to ask about each server, and the lock that the answers amount to."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.canonical import fingerprint
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.freshness import is_code
from mcphub_gitops.compiler.lock.model import Lock, LockedServer, launch_fingerprint
from mcphub_gitops.compiler.lock.questions import PackageAnswer, PackageQuestion, ToolsAnswer
from mcphub_gitops.compiler.resolve.model import Hub, Package, Server


@dataclass(frozen=True, slots=True, kw_only=True)
class Locked:
    """A lock, the readable definitions behind it by server and tool, and what is wrong with what was found."""

    lock: Lock
    definitions: Mapping[str, Mapping[str, Mapping[str, Any]]]
    diagnostics: tuple[Diagnostic, ...]


def ask_packages(hub: Hub, lock: Lock) -> dict[str, PackageQuestion]:
    """Return the question about each enabled package by server; what is locked now is preferred."""
    return {
        server.name: PackageQuestion(requirement=server.origin.requirement, preferred=_preferred(server, lock))
        for server in hub.servers
        if server.enabled and isinstance(server.origin, Package)
    }


def pin(hub: Hub, packages: Mapping[str, PackageAnswer], files: Mapping[str, str]) -> tuple[Lock, list[Diagnostic]]:
    """Return a lock without tools, enough to start each server; `files` are digests of the files commands name.

    A package that there is no answer for is told at its place and left out.
    """
    servers: dict[str, LockedServer] = {}
    problems: list[Diagnostic] = []
    for server in hub.servers:
        if not server.enabled:
            continue
        answer = packages.get(server.name, PackageAnswer())
        if isinstance(server.origin, Package) and answer.problem:
            problems.append(Diagnostic(code=codes.NO_PACKAGE, detail=answer.problem, span=server.origin.span))
            continue
        servers[server.name] = LockedServer(
            launch=launch_fingerprint(server),
            era="",
            package=answer.package,
            requirements=answer.requirements,
            files=MappingProxyType({path: files[path] for path in sorted(files) if is_code(server, path)}),
        )
    return Lock(servers=MappingProxyType(servers)), problems


def assemble(hub: Hub, pinned: Lock, answers: Mapping[str, ToolsAnswer]) -> Locked:
    """Return the lock of `pinned` with the tools of `answers`, which holds one of them for each of its servers."""
    servers: dict[str, LockedServer] = {}
    definitions: dict[str, dict[str, Mapping[str, Any]]] = {}
    problems: list[Diagnostic] = []
    for server in hub.servers:
        if server.name not in pinned.servers:
            continue
        pins, answer = pinned.servers[server.name], answers[server.name]
        problems.extend(_tool_problems(server, answer))
        tools = {str(tool["name"]): tool for tool in answer.tools}
        definitions[server.name] = tools
        servers[server.name] = LockedServer(
            launch=pins.launch,
            era=answer.era,
            package=pins.package,
            requirements=pins.requirements,
            files=pins.files,
            tools=MappingProxyType({name: fingerprint(tool) for name, tool in sorted(tools.items())}),
        )
    lock = Lock(servers=MappingProxyType(servers))
    return Locked(lock=lock, definitions=definitions, diagnostics=tuple(problems))


def _preferred(server: Server, lock: Lock) -> tuple[str, ...]:
    locked = lock.servers.get(server.name)
    return locked.requirements if locked is not None else ()


def _tool_problems(server: Server, answer: ToolsAnswer) -> Iterator[Diagnostic]:
    if not answer.tools:
        detail = f"`{server.name}` was started and asked, and offers no tool."
        yield Diagnostic(code=codes.NO_TOOLS, detail=detail, span=server.span)
    for name, number in Counter(str(tool["name"]) for tool in answer.tools).items():
        if number > 1:
            detail = f"`{server.name}` offers `{name}` {number} times."
            yield Diagnostic(code=codes.TOOL_TWICE, detail=detail, span=server.span)
