"""Looks at the world as a plan needs it; changes nothing."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from mcphub_gitops.compiler.plan.desired import Desired, DesiredServer
from mcphub_gitops.compiler.plan.observed import Isolation, Observed
from mcphub_gitops.runtime.apply.launch import launch_of
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.apply.state import Applied, read_applied
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import digests_of, names_in
from mcphub_gitops.runtime.ports import spec_of


def observe_record(layout: Layout, files: Mapping[str, str]) -> Observed:
    """Return what the record of the last apply says, without a look at anything else; `files` are digests by name."""
    applied = read_applied(layout)
    if applied is None:
        return Observed(files=MappingProxyType(dict(files)))
    environments = (server.environment for server in applied.plan.desired.servers)
    digests = frozenset(each.digest for each in environments if each is not None)
    return _observed(applied, digests, frozenset(server.name for server in applied.plan.desired.servers), files)


def observe(desired: Desired, site: Site) -> Observed:
    """Return what is applied and installed, and what this machine gives to each server of `desired`.

    Every installed file is compared with its hash: an environment that was changed counts as gone, so that an apply
    installs it again. Measured: 0.08 s of CPU for an environment of 47 MB.
    """
    applied = read_applied(site.layout)
    environments = site.packages.installed(deep=True)
    scratch = names_in(site.layout.scratch)
    return _observed(applied, environments, scratch, code_digests(desired, site.root), assess(desired, site))


def assess(desired: Desired, site: Site) -> Mapping[str, Isolation]:
    """Return what holds each server in on this machine; a server that cannot be started here is left out."""
    found = {}
    for server in desired.servers:
        isolation = _isolation(server, site)
        if isolation is not None:
            found[server.name] = isolation
    return MappingProxyType(found)


def _isolation(server: DesiredServer, site: Site) -> Isolation | None:
    environment = server.environment
    # A package that is not installed yet is judged by the place that it will have.
    place = site.packages.place(environment) if environment is not None else None
    try:
        launch = launch_of(server, site, site.layout.scratch / server.name, program=place)
    except RuntimeFailure:
        return None
    return site.assess(spec_of(launch, {}))


def code_digests(desired: Desired, root: Path) -> dict[str, str]:
    """Return the digests of the files that the commands of `desired` run now, also of those that are not locked."""
    names = {path for server in desired.servers for path in server.files}
    return digests_of(root, names, {server.code for server in desired.servers} - {""})


def _observed(
    applied: Applied | None,
    environments: frozenset[str],
    scratch: frozenset[str],
    files: Mapping[str, str],
    isolation: Mapping[str, Isolation] | None = None,
) -> Observed:
    servers = applied.plan.desired.servers if applied is not None else ()
    return Observed(
        servers=MappingProxyType({server.name: MappingProxyType(server.fields()) for server in servers}),
        environments=environments,
        scratch=scratch,
        files=MappingProxyType(dict(files)),
        generation=applied.generation if applied is not None else "",
        gateway=MappingProxyType(applied.plan.desired.gateway() if applied is not None else {}),
        review=applied.plan.desired.review_digest() if applied is not None else "",
        isolation=isolation or MappingProxyType({}),
    )
