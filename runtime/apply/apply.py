"""Carries out a plan, operation by operation, and decides nothing."""

import asyncio
import secrets as randomness
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import groupby
from pathlib import Path
from typing import Any

from mcphub_gitops.compiler.lock.comparison import Differences, compare_names, compare_tools
from mcphub_gitops.compiler.plan.container import aside_name
from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer
from mcphub_gitops.compiler.plan.file import plan_digest
from mcphub_gitops.compiler.plan.plan import Operation, OpType, Plan
from mcphub_gitops.compiler.plan.tool import Tool
from mcphub_gitops.runtime.apply.container import filled_spec, owner_labels, put_secrets, secrets_of, sweep_secrets
from mcphub_gitops.runtime.apply.journal import Journal
from mcphub_gitops.runtime.apply.launch import launch_of
from mcphub_gitops.runtime.apply.layout import make_folder
from mcphub_gitops.runtime.apply.moving import move_scratch, move_scratch_back, remove_scratch
from mcphub_gitops.runtime.apply.offers import REVIEWED, compare_offers, entry_of
from mcphub_gitops.runtime.apply.preflight import with_secrets
from mcphub_gitops.runtime.apply.presence import wait_for_plan
from mcphub_gitops.runtime.apply.question import ask_server, run_together, tell
from mcphub_gitops.runtime.apply.report import Report
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.apply.state import read_applied, served_marks, write_generation
from mcphub_gitops.runtime.events import Progress
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ChildSpec, ContainerSpec, RemoteSpec, Reporter, Spec, ToolsSpec
from mcphub_gitops.runtime.wish import SecretsFailure

_ACTS = {
    OpType.PULL: "pulling",
    OpType.INSTALL: "installing",
    OpType.MAKE: "making",
    OpType.PROBE: "probing",
    OpType.MOVE: "moving",
    OpType.SWITCH: "switching",
    OpType.REMOVE: "removing",
    OpType.RETIRE: "retiring",
    OpType.PRUNE: "pruning",
}


_LETS_GO = 15.0
"""Seconds for a gateway to end the calls on a container that it serves no more: it gives them ten."""

_KINDS: Mapping[type[Spec], str] = {
    ChildSpec: "process",
    ContainerSpec: "container",
    RemoteSpec: "remote",
    ToolsSpec: "tools",
}


async def apply_plan(plan: Plan, site: Site, reporter: Reporter) -> Report:
    """Carry out `plan`; the caller holds the writer lock and has seen that the plan is not stale.

    Operations of one stage run side by side; after a stage with a failure nothing more is begun. Until the switch, what
    was served stays served. Where a secret cannot be read nothing is begun at all.
    """
    journal = Journal(site.layout.journal)
    digest = plan_digest(plan)
    journal.write("apply begun", plan=digest, review=plan.desired.review_digest())
    done: list[Operation] = []
    site, failures = await _read_secrets(plan, site)
    executor = _Executor(plan, site, reporter, journal)
    for stage in _stages(plan) if not failures else ():
        outcomes = await run_together(stage, executor.carry_out)
        for operation, outcome in zip(stage, outcomes, strict=True):
            if isinstance(outcome, RuntimeFailure):
                failures.append((operation, outcome))
            else:
                done.append(operation)
        if not failures and stage[0].type is OpType.SWITCH:
            failures.extend(await _wait_for_gateway(stage[0], plan, site))
        if failures:
            break
    switched = any(operation.type is OpType.SWITCH for operation in done)
    if failures and not switched:
        begun = [*done, *(operation for operation, _ in failures)]
        try:
            await _undo(plan, begun, site)
        except RuntimeFailure as failure:
            failures.append((begun[-1], failure))
    journal.write(
        "apply ended",
        plan=digest,
        review=plan.desired.review_digest(),
        failed=[operation.address for operation, _ in failures],
    )
    missing = tuple(sorted(executor.missing.items()))
    return Report(done=tuple(done), failures=tuple(failures), switched=switched, missing=missing)


async def _read_secrets(plan: Plan, site: Site) -> tuple[Site, list[tuple[Operation, RuntimeFailure]]]:
    """Read the secrets of the servers that are started; return them in a site, and why some cannot be read."""
    started = {operation.target: operation for operation in plan.operations if operation.type is OpType.PROBE}
    servers = [server for server in plan.desired.servers if server.name in started]
    site, denied = await asyncio.to_thread(with_secrets, servers, site)
    if not denied:
        return site, []
    return site, [(started[next(iter(denied))], SecretsFailure.of_all(denied.values()))]


async def _undo(plan: Plan, begun: Sequence[Operation], site: Site) -> None:
    """Remove what an apply that failed has made beside what serves, and put folders and secrets of that back.

    Raises RuntimeFailure when that fails too; the next plan then finds what is left.
    """
    applied = read_applied(site.layout)
    serving = applied.plan.desired if applied is not None else None
    kept = set(serving.container_names().values()) if serving is not None else set()
    for moved in _targets(begun, OpType.MOVE):
        move_scratch_back(site.layout.scratch, plan.desired.moves[moved], moved)
    made = set(_targets(begun, OpType.MAKE))
    labels = owner_labels(plan.desired.hub, site)
    for container in sorted(made):
        if not await site.containers.restore(container, labels) and container not in kept:
            await site.containers.remove(container, labels)
    if serving is not None:
        names = {server for server, name in plan.desired.container_names().items() if name in made}
        await _put_secrets_back(serving, names, site)


async def _put_secrets_back(serving: Desired, names: Collection[str], site: Site) -> None:
    for server in serving.servers:
        if server.name in names:
            await asyncio.to_thread(put_secrets, server, site, secrets_of(server.name, site))


def _targets(operations: Iterable[Operation], type_: OpType) -> list[str]:
    return [operation.target for operation in operations if operation.type is type_]


async def _wait_for_gateway(switch: Operation, plan: Plan, site: Site) -> list[tuple[Operation, RuntimeFailure]]:
    """Wait until no running gateway uses what is about to be removed; return the failure when it does not let go."""
    try:
        await wait_for_plan(site.layout, plan_digest(plan), seconds=site.patience)
    except RuntimeFailure as failure:
        return [(switch, failure)]
    return []


def _stages(plan: Plan) -> Iterator[list[Operation]]:
    for _, stage in groupby(plan.operations, key=lambda operation: operation.type):
        yield list(stage)


class _Executor:
    """One method an operation type, each a single act."""

    def __init__(self, plan: Plan, site: Site, reporter: Reporter, journal: Journal) -> None:
        self._plan = plan
        self._site = site
        self._reporter = reporter
        self._journal = journal
        self.missing: dict[str, RuntimeFailure] = {}
        self._servers = {server.name: server for server in plan.desired.servers}
        names = {name: server for server, name in plan.desired.container_names().items()}
        making = (operation.target for operation in plan.operations if operation.type is OpType.MAKE)
        self._made = {container: names[container] for container in making}
        self._environments = {
            server.environment.digest: server.environment
            for server in plan.desired.servers
            if server.environment is not None
        }

    async def carry_out(self, operation: Operation) -> None:
        acts = {
            OpType.PULL: self._pull,
            OpType.INSTALL: self._install,
            OpType.MAKE: self._make,
            OpType.PROBE: self._probe,
            OpType.MOVE: self._move,
            OpType.SWITCH: self._switch,
            OpType.REMOVE: self._remove,
            OpType.RETIRE: self._retire,
            OpType.PRUNE: self._prune,
        }
        self._journal.write("begun", operation=operation.type.value, address=operation.address)
        shown = self._shown(operation)
        work = acts[operation.type](operation.target)
        try:
            await tell(self._reporter, _ACTS[operation.type], shown, operation.cause, work)
        except RuntimeFailure as failure:
            self._journal.write(
                "failed", operation=operation.type.value, address=operation.address, brief=failure.brief
            )
            raise
        self._journal.write("done", operation=operation.type.value, address=operation.address)

    def _shown(self, operation: Operation) -> str:
        environment = self._environments.get(operation.target)
        return environment.package if environment is not None else operation.address

    async def _install(self, digest: str) -> None:
        await asyncio.to_thread(self._site.packages.install, self._environments[digest])

    async def _pull(self, image: str) -> None:
        def tell_progress(done: int, total: int) -> None:
            self._reporter.report(Progress(act=_ACTS[OpType.PULL], address=f"image.{image}", done=done, total=total))

        await self._site.containers.pull(image, tell_progress)

    async def _make(self, container: str) -> None:
        server = self._servers[self._made[container]]
        folder = secrets_of(server.name, self._site)
        spec = await filled_spec(server, self._plan.desired.hub, self._site, folder=folder, lasting=True)
        # From here on the engine is asked whether there are containers, also by an apply whose hub has none any more.
        self._lock_of(container).touch(mode=0o600)
        await self._site.containers.create(spec)

    async def _remove(self, container: str) -> None:
        labels = owner_labels(self._plan.desired.hub, self._site)
        await self._site.containers.remove(container, labels, patience=_LETS_GO)
        self._lock_of(container).unlink(missing_ok=True)

    def _lock_of(self, container: str) -> Path:
        return self._site.layout.containers / f"{container}.lock"

    async def _probe(self, name: str) -> None:
        server = self._servers[name]
        try:
            probe = await ask_server(server, self._plan.desired.hub, self._site, made=name in self._made.values())
        except RuntimeFailure as failure:
            if not server.optional:
                raise
            self.missing[name] = failure
            return
        differences = [*_differences(server, probe.tools).sentences(), *compare_offers(server, probe, REVIEWED)]
        if differences:
            raise RuntimeFailure(
                f"server {name} offers other tools than the lock says",
                detail="\n".join(differences),
                resolution="run `mcphub lock` and review what changed, or bring the server back to what was locked",
            )

    async def _move(self, name: str) -> None:
        move_scratch(self._site.layout.scratch, self._plan.desired.moves[name], name)

    async def _switch(self, _target: str) -> None:
        made = served_marks(self._site.layout)
        removed = {operation.target for operation in self._plan.operations if operation.type is OpType.REMOVE}
        for container, server in self._made.items():
            if aside_name(container) in removed:
                # All else is the same, and by this the gateway knows that there is another one to speak to.
                made[server] = randomness.token_hex(8)
        entries = [{**self._entry(server), "made": made.get(server.name, "")} for server in self._plan.desired.servers]
        write_generation(self._site.layout, self._plan, entries)

    def _entry(self, server: DesiredServer) -> dict[str, object]:
        scratch = self._site.layout.scratch / server.name
        if server.is_process:
            if scratch.is_symlink():
                # An apply that moved it elsewhere was interrupted, and the move was taken back.
                scratch.unlink()
            make_folder(scratch, 0o700, given_away=True)
        launch = launch_of(server, self._plan.desired.hub, self._site, scratch)
        tools = [
            {"name": tool.name, "upstream": tool.upstream, "hash": tool.hash, "definition": _shown(server, tool)}
            for tool in server.tools
        ]
        return {
            "name": server.name,
            "kind": _KINDS[type(launch.spec)],
            "spec": asdict(launch.spec),
            "secrets": dict(launch.secrets),
            "files": dict(launch.files),
            "code": launch.code,
            "optional": server.optional,
            "by_name": bool(server.by_name),
            "stores": {name: dict(facts) for name, facts in launch.stores.items()},
            "tools": tools,
            **entry_of(server),
        }

    async def _retire(self, name: str) -> None:
        server = self._servers.get(name)
        if server is None or not server.is_process:
            remove_scratch(self._site.layout.scratch / name)
        sweep_secrets(server, secrets_of(name, self._site))

    async def _prune(self, digest: str) -> None:
        await asyncio.to_thread(self._site.packages.remove, digest)


def _differences(server: DesiredServer, live: Sequence[Mapping[str, Any]]) -> Differences:
    """Return how what `server` offers differs from what it must offer.

    Where the catalog named its tools, those that are served must be there; what it has besides is not served.
    """
    if not server.by_name:
        return compare_tools(server.offered(), live)
    return replace(compare_names((tool.upstream for tool in server.tools), live), added=())


def _shown(server: DesiredServer, tool: Tool) -> Mapping[str, Any]:
    """Return what clients see of a tool; what the server itself says is put in by the gateway where nobody read it."""
    if not server.by_name:
        return tool.exposed
    return {"name": tool.name, **({"description": tool.description} if tool.description else {})}
