"""What the record of the last apply says, and the files that commands run: a plan without a look at the machine."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from mcphub_gitops.compiler.plan.desired import Desired
from mcphub_gitops.compiler.plan.observed import Observed, SeenContainer
from mcphub_gitops.runtime.apply.state import Applied
from mcphub_gitops.runtime.files import digests_of


def observe_record(applied: Applied | None, files: Mapping[str, str]) -> Observed:
    """Return what the record of the last apply says, without a look at anything else; `files` are digests by name."""
    if applied is None:
        return Observed(files=MappingProxyType(dict(files)), looked=False)
    desired = applied.plan.desired
    environments = (server.environment for server in desired.servers)
    return replace(
        recorded(applied, files),
        environments=frozenset(each.digest for each in environments if each is not None),
        scratch=frozenset(server.name for server in desired.servers if server.is_process),
        containers=MappingProxyType({each.name: each for each in _running(desired)}),
        images=frozenset(container.image for server in desired.servers for container in server.containers),
        secrets=MappingProxyType(desired.secret_files()),
        looked=False,
    )


def _running(desired: Desired) -> Iterator[SeenContainer]:
    names = desired.container_names()
    for server in desired.servers:
        if server.name in names:
            name, spec = names[server.name], server.spec_digest()
            yield SeenContainer(name=name, server=server.name, spec=spec, state="running")


def code_digests(desired: Desired, root: Path) -> dict[str, str]:
    """Return the digests of the files that the commands of `desired` run now, also of those that are not locked."""
    names = {path for server in desired.servers for path in server.files}
    return digests_of(root, names, {server.code for server in desired.servers} - {""})


def recorded(applied: Applied | None, files: Mapping[str, str]) -> Observed:
    """Return what stands in the record of `applied`, beside `files`, the digests of files by name."""
    return Observed(
        servers=applied.plan.desired.facts() if applied is not None else MappingProxyType({}),
        files=MappingProxyType(dict(files)),
        generation=applied.generation if applied is not None else "",
        gateway=MappingProxyType(applied.plan.desired.gateway() if applied is not None else {}),
        state=applied.plan.desired.state_digest() if applied is not None else "",
        standing=MappingProxyType(applied.plan.desired.standing() if applied is not None else {}),
    )
