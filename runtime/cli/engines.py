"""The engines behind one port: what a specification is, says which engine starts it."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from mcphub_gitops.compiler.plan.observed import Isolation, SeenContainer
from mcphub_gitops.runtime.apply.layout import Layout
from mcphub_gitops.runtime.cli import lazy
from mcphub_gitops.runtime.ports import (
    AnySpawner,
    Child,
    ChildSpec,
    ContainerSpec,
    LineSink,
    Program,
    Spec,
    ToolsSpec,
)

if TYPE_CHECKING:
    from mcphub_gitops.runtime.engines.docker.engine import DockerEngine
    from mcphub_gitops.runtime.engines.process import ProcessEngine


class Engines:
    """Starts processes, containers and the way to remote servers, and answers for tools that are containers.

    A `Spawner`, an `Assessor`, a `ProgramFinder` (`find_program`) and `Containers`; `realm` is the project's lineage.
    An engine is loaded when it is first asked for, so that a hub without containers needs neither Docker nor a sound
    DOCKER_HOST.
    """

    def __init__(self, layout: Layout, *, realm: str) -> None:
        self._layout = layout
        self._realm = realm

    @cached_property
    def _processes(self) -> "ProcessEngine":
        engine: ProcessEngine = lazy.load("processes").make_processes(self._realm)
        return engine

    @cached_property
    def _containers(self) -> "DockerEngine":
        engine: DockerEngine = lazy.load("containers").make_containers(self._layout)
        return engine

    @cached_property
    def _tools(self) -> AnySpawner:
        engine: AnySpawner = lazy.load("tools").make_tools(self._containers)
        return engine

    @cached_property
    def _remote(self) -> AnySpawner:
        engine: AnySpawner = lazy.load("remote").make_remote()
        return engine

    def assess(self, spec: ChildSpec) -> Isolation:
        """Return what this machine gives to `spec`."""
        return self._processes.assess(spec)

    def find_program(self, name: str, *, cwd: str, server: str) -> Program:
        """Return the program for `name`; raises RuntimeFailure when there is none."""
        found: Program = lazy.load("processes").find_program(name, cwd=cwd, server=server, realm=self._realm)
        return found

    async def spawn(self, spec: Spec, sink: LineSink) -> Child:
        """Start or reach `spec`; raises RuntimeFailure when that is not possible."""
        if isinstance(spec, ChildSpec):
            return await self._processes.spawn(spec, sink)
        if isinstance(spec, ContainerSpec):
            return await self._containers.spawn(spec, sink)
        if isinstance(spec, ToolsSpec):
            return await self._tools.spawn(spec, sink)
        return await self._remote.spawn(spec, sink)

    def socket(self) -> str:
        """See `ports.Containers`."""
        return self._containers.socket()

    async def observe(self, labels: Mapping[str, str], specs: Sequence[ContainerSpec]) -> tuple[SeenContainer, ...]:
        """See `ports.Containers`."""
        return await self._containers.observe(labels, specs)

    async def present(self, images: Sequence[str]) -> frozenset[str]:
        """See `ports.Containers`."""
        return await self._containers.present(images)

    async def pull(self, image: str, tell: Callable[[int, int], None]) -> None:
        """See `ports.Containers`."""
        await self._containers.pull(image, tell)

    async def create(self, spec: ContainerSpec) -> None:
        """See `ports.Containers`."""
        await self._containers.create(spec)

    async def restore(self, name: str, labels: Mapping[str, str]) -> bool:
        """See `ports.Containers`."""
        return await self._containers.restore(name, labels)

    async def remove(self, name: str, labels: Mapping[str, str], *, patience: float = 0.0) -> None:
        """See `ports.Containers`."""
        await self._containers.remove(name, labels, patience=patience)

    def logs(self, name: str, *, follow: bool, tail: int) -> AsyncIterator[bytes]:
        """See `ports.Containers`."""
        return self._containers.logs(name, follow=follow, tail=tail)
