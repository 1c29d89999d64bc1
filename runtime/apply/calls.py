"""Desired tools that are containers by themselves, on this machine: what each of their calls is made from."""

from collections.abc import Iterator

from mcphub_gitops.compiler.canonical import encode
from mcphub_gitops.compiler.plan.call import Call
from mcphub_gitops.compiler.plan.desired import DesiredServer
from mcphub_gitops.compiler.resolve.confinement import Mount
from mcphub_gitops.compiler.resolve.path import why_sensitive
from mcphub_gitops.runtime.apply.container import container_spec, real_source
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.ports import CallSpec, GrantedFolder, Launch, ToolsSpec


def calls_launch(server: DesiredServer, hub: str, site: Site) -> Launch:
    """Return what answers for `server`, whose tools are containers; nothing is started.

    Raises RuntimeFailure when what they mount, or may, is not there or not allowed.
    """
    calls = server.calls or {}
    definitions = {tool.upstream: encode(tool.definition).decode("utf-8", "surrogatepass") for tool in server.tools}
    spec = ToolsSpec(
        server=server.name,
        tools={name: _call(server, call, definitions[name], hub, site) for name, call in calls.items()},
        granted=tuple(_granted(server, site)),
        root=str(site.root.resolve()),
    )
    return Launch(spec=spec)


def _call(server: DesiredServer, call: Call, definition: str, hub: str, site: Site) -> CallSpec:
    digest = call.container.spec_digest("", call.command, server.env, {})
    spec = container_spec(server, call.container, digest, hub, site)
    return CallSpec(container=spec, command=call.command, volumes=call.volumes, definition=definition)


def _granted(server: DesiredServer, site: Site) -> Iterator[GrantedFolder]:
    for paths, writable in ((server.read, False), (server.write, True)):
        for path in paths:
            granted = Mount(kind="bind", source=path, target="", read_only=not writable)
            real = real_source(server, granted, site, key="paths")
            as_named = bool(why_sensitive(path, writable=writable))
            yield GrantedFolder(path=str(real), writable=writable, as_named=as_named)
