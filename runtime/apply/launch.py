"""A desired server on this machine: paths made absolute, the program found, the environment whole."""

from collections.abc import Iterator
from pathlib import Path

from mcphub_gitops.compiler.plan.desired import DesiredServer
from mcphub_gitops.compiler.plan.endpoint import Endpoint
from mcphub_gitops.compiler.resolve.path import why_not_granted
from mcphub_gitops.runtime.apply.calls import calls_launch
from mcphub_gitops.runtime.apply.container import container_launch
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ChildSpec, Launch, Program, RemoteSpec

SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"
"""A server's own PATH. What its command's first word means is found through mcphub's (`ports.ProgramFinder`)."""


def launch_of(server: DesiredServer, hub: str, site: Site, scratch: Path, *, program: Program | None = None) -> Launch:
    """Return how `server` is started, as a process with the private folder `scratch` or as a container, or reached.

    Of tools that are containers by themselves, what their calls are made from.

    A process's `program` is looked for unless it is given. Raises RuntimeFailure when it is not found, or what the
    server is granted is not there or leads out of the hub.
    """
    if server.container is not None:
        return container_launch(server, hub, site)
    if server.calls is not None:
        return calls_launch(server, hub, site)
    if server.endpoint is not None:
        return remote_launch(server, server.endpoint)
    program = program or _program(server, site)
    home = str(scratch)
    arguments = server.argv if server.environment is not None else server.argv[1:]
    spec = ChildSpec(
        server=server.name,
        argv=(program.path, *program.arguments, *arguments),
        cwd=str(site.root),
        env={
            "PATH": SEARCH_PATH,
            "HOME": home,
            "TMPDIR": home,
            "LANG": "C.UTF-8",
            # Compiled files that someone left beside the sources are not locked, so they must not be used.
            **({"PYTHONPYCACHEPREFIX": home} if server.environment is None else {}),
            **server.env,
        },
        readable=(*program.readable, *_granted(server, server.read, site, may_write=False)),
        writable=(home, *_granted(server, server.write, site, may_write=True)),
        hidden=(str(site.layout.folder),),
    )
    return Launch(spec=spec, secrets=server.secrets, files=server.files, code=server.code, stores=server.stores)


def remote_launch(server: DesiredServer, endpoint: Endpoint) -> Launch:
    """Return how the remote `server` is reached; its secrets are headers."""
    spec = RemoteSpec(
        server=server.name,
        url=endpoint.url,
        headers=dict(endpoint.headers),
        private=bool(endpoint.reason),
        transport=endpoint.transport,
    )
    return Launch(spec=spec, secrets=server.secrets, files=server.files, stores=server.stores)


def _program(server: DesiredServer, site: Site) -> Program:
    if server.environment is not None:
        return site.packages.program(server.environment)
    return site.find_program(server.argv[0], cwd=str(site.root), server=server.name)


def _granted(server: DesiredServer, paths: tuple[str, ...], site: Site, *, may_write: bool) -> Iterator[str]:
    for path in paths:
        try:
            real = (site.root / path).resolve(strict=True)
        except (OSError, RuntimeError, ValueError) as error:
            raise RuntimeFailure(
                f"server {server.name} is granted {path}, which is not there",
                detail=f"{site.root / path}: {getattr(error, 'strerror', None) or error}",
                resolution="make it, or take it out of the server's `paths`",
            ) from error
        problem = _why_not_granted(real, site, may_write=may_write)
        if problem:
            raise RuntimeFailure(
                f"server {server.name} is granted {path}, which {problem}",
                detail=f"its real place is {real}",
                resolution="take it out of the server's `paths`",
            )
        yield str(real)


def _why_not_granted(real: Path, site: Site, *, may_write: bool) -> str:
    """Return why a path without links is not granted; its text alone was judged by the compiler."""
    root = site.root.resolve()
    if not real.is_relative_to(root):
        return "leads out of the hub's folder"
    return why_not_granted(str(real.relative_to(root)), "write" if may_write else "read")
