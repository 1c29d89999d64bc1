"""Answers the questions of a lock: pins from the package index, tools from the running servers."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.assembly import Locked, ask_images, ask_packages, ask_targets, assemble, pin
from mcphub_gitops.compiler.lock.model import Lock
from mcphub_gitops.compiler.lock.questions import (
    ImageAnswer,
    ImageQuestion,
    PackageAnswer,
    PackageQuestion,
    ToolsAnswer,
)
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer, Environment, build
from mcphub_gitops.compiler.resolve.model import Hub
from mcphub_gitops.runtime.apply.preflight import with_secrets
from mcphub_gitops.runtime.apply.question import ask_server, run_together, tell
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.apply.target import ask_target
from mcphub_gitops.runtime.events import Progress
from mcphub_gitops.runtime.failure import RuntimeFailure, join_failures
from mcphub_gitops.runtime.ports import Reporter
from mcphub_gitops.runtime.wish import SecretsFailure

R = TypeVar("R")

_WAY_OUT = (
    "or lock the tools that its catalog names, without their definitions: `definitions: {from: catalog, reason: …}`"
)


async def lock_hub(
    hub: Hub, before: Lock, files: Callable[[Hub], Mapping[str, str]], site: Site, reporter: Reporter
) -> Locked | list[Diagnostic]:
    """Return the new lock of `hub`, or what is wrong with its packages; `before` is kept wherever it still fits.

    `files` returns the digests of the files that commands name: read before the servers are asked, so that a file that
    changes meanwhile leaves a lock that is stale rather than one that is wrong. Raises RuntimeFailure when the index
    or a server does not answer.
    """
    digests = files(hub)
    packages = await _resolve(ask_packages(hub, before), site, reporter)
    images = await _find(ask_images(hub, before), site, reporter)
    targets = await _ask_targets(hub, images, site, reporter)
    pinned, problems = pin(hub, packages, images, targets, digests)
    if problems:
        return problems
    desired = _asked(build(hub, pinned, {})[0])
    site, denied = await asyncio.to_thread(with_secrets, desired.servers, site)
    if denied:
        raise SecretsFailure.of_all(denied.values())
    await _install(desired, site, reporter)
    await _pull({server.container.image for server in desired.servers if server.container}, site, reporter)
    return assemble(hub, pinned, await _ask(hub, desired, site, reporter))


def _asked(desired: Desired) -> Desired:
    """Return the part of `desired` that has to be started: a server is not whose tools its catalog names, or has."""
    asked = (server for server in desired.servers if not server.by_name and server.calls is None)
    return replace(desired, servers=tuple(asked))


async def _resolve(
    questions: Mapping[str, PackageQuestion], site: Site, reporter: Reporter
) -> dict[str, PackageAnswer]:
    async def resolve(name: str) -> PackageAnswer:
        work = asyncio.to_thread(site.packages.resolve, questions[name])
        return await tell(reporter, "resolving", questions[name].requirement, "", work)

    return dict(zip(questions, _unwrap(await run_together(questions, resolve)), strict=True))


async def _find(questions: Mapping[str, ImageQuestion], site: Site, reporter: Reporter) -> dict[str, ImageAnswer]:
    async def find(name: str) -> ImageAnswer:
        work = asyncio.to_thread(site.registries.resolve, questions[name])
        return await tell(reporter, "resolving", questions[name].reference, "", work)

    return dict(zip(questions, _unwrap(await run_together(questions, find)), strict=True))


async def _ask_targets(hub: Hub, images: Mapping[str, ImageAnswer], site: Site, reporter: Reporter) -> dict[str, str]:
    questions = ask_targets(hub, images)
    await _pull({question.image for question in questions.values()}, site, reporter)

    async def ask(name: str) -> str:
        work = ask_target(questions[name], name, hub.name, site)
        return await tell(reporter, "asking the interpreter of", questions[name].image, "", work)

    return dict(zip(questions, _unwrap(await run_together(questions, ask)), strict=True))


async def _pull(images: set[str], site: Site, reporter: Reporter) -> None:
    present = await site.containers.present(sorted(images)) if images else frozenset()

    async def pull(image: str) -> None:
        def tell_progress(done: int, total: int) -> None:
            reporter.report(Progress(act="pulling", address=image, done=done, total=total))

        await tell(reporter, "pulling", image, "", site.containers.pull(image, tell_progress))

    _unwrap(await run_together(sorted(images - present), pull))


async def _install(desired: Desired, site: Site, reporter: Reporter) -> None:
    wanted = {server.environment.digest: server.environment for server in desired.servers if server.environment}
    missing = [wanted[digest] for digest in wanted.keys() - site.packages.installed()]

    async def install(environment: Environment) -> None:
        work = asyncio.to_thread(site.packages.install, environment)
        await tell(reporter, "installing", environment.package, "", work)

    _unwrap(await run_together(missing, install))


async def _ask(hub: Hub, desired: Desired, site: Site, reporter: Reporter) -> dict[str, ToolsAnswer]:
    from_catalogs = {server.name for server in hub.servers if server.source}

    async def ask(server: DesiredServer) -> ToolsAnswer:
        work = _with_way_out(ask_server(server, desired.hub, site), from_catalog=server.name in from_catalogs)
        probe = await tell(reporter, "probing", f"server.{server.name}", "", work)
        return ToolsAnswer(era=probe.era, tools=tuple(probe.tools), offers=probe.offers)

    answers = _unwrap(await run_together(desired.servers, ask))
    return {server.name: answer for server, answer in zip(desired.servers, answers, strict=True)}


async def _with_way_out(work: Awaitable[R], *, from_catalog: bool) -> R:
    """Await `work`; where it fails and a catalog may know the tools, say so."""
    try:
        return await work
    except RuntimeFailure as failure:
        if not from_catalog:
            raise
        raise RuntimeFailure(
            failure.brief,
            detail=failure.detail,
            resolution=f"{failure.resolution}; {_WAY_OUT}" if failure.resolution else _WAY_OUT,
            retryable=failure.retryable,
        ) from None


def _unwrap(outcomes: list[R | RuntimeFailure]) -> list[R]:
    """Return the results; raise all failures as one, so that a person sees every one of them at once."""
    failures = [outcome for outcome in outcomes if isinstance(outcome, RuntimeFailure)]
    if failures:
        raise join_failures(failures)
    return [outcome for outcome in outcomes if not isinstance(outcome, RuntimeFailure)]
