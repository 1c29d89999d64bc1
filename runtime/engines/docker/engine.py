"""The Docker engine: observes, makes and removes containers, and speaks to those that run; decides nothing."""

import asyncio
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, suppress
from pathlib import Path
from typing import Any, TypeVar

from mcphub_gitops.compiler.plan.container import CALL, QUESTION, aside_name
from mcphub_gitops.compiler.plan.observed import SeenContainer
from mcphub_gitops.compiler.resolve.confinement import is_root
from mcphub_gitops.runtime.engines.docker import images, logs
from mcphub_gitops.runtime.engines.docker.body import create_body, differing
from mcphub_gitops.runtime.engines.docker.child import ContainerChild
from mcphub_gitops.runtime.engines.docker.client import Client, RefusedError
from mcphub_gitops.runtime.engines.docker.container import Container, discard, find
from mcphub_gitops.runtime.engines.docker.lease import Lease, is_held
from mcphub_gitops.runtime.engines.docker.ownership import has_labels, look_at, not_ours, owner_of
from mcphub_gitops.runtime.engines.docker.replies import CONTAINERS, names_listed
from mcphub_gitops.runtime.engines.lines import LINE_LIMIT, Tail
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ContainerSpec, LineSink
from mcphub_gitops.runtime.witness import doubt

T = TypeVar("T")
U = TypeVar("U")

_ABSENT, _CONFLICT = 404, 409

_AT_ONCE = 8
"""Questions put to the engine at the same time."""

_NOTICE = 10.0
_GLANCE = 0.05
"""Seconds for a gateway to notice that its container is gone, and between two looks whether it has."""


class DockerEngine:
    """Containers on the engine that listens at the path `socket`; implements `ports.Containers` and `ports.Spawner`.

    `leases` is a folder for the locks that keep two gateways from one container; it is made when it is missing.
    `credentials` returns, for the host of a registry, the value of X-Registry-Auth, or nothing. `line_limit` is the
    longest line in bytes. `patience` is in seconds, for one answer of the engine.

    Works on any loop with `add_reader` and `sock_connect`, asyncio's and uvloop alike. Raises RuntimeFailure that names
    the socket whenever the engine cannot be reached.
    """

    def __init__(
        self,
        socket: str,
        *,
        leases: Path,
        credentials: Callable[[str], str] | None = None,
        line_limit: int = LINE_LIMIT,
        patience: float = 60.0,
    ) -> None:
        self._client = Client(socket, patience=patience)
        self._socket = socket
        self._leases = leases
        self._credentials = credentials
        self._line_limit = line_limit
        self._held: dict[str, Lease] = {}

    def socket(self) -> str:
        """Return the path of the engine's socket."""
        return self._socket

    async def observe(self, labels: Mapping[str, str], specs: Sequence[ContainerSpec]) -> tuple[SeenContainer, ...]:
        """Return every container with all of `labels`, and every other one that has the name of one of `specs`.

        Sorted by name. Those that are named like one of `specs` are compared with it (`body.differing`). One that goes
        while it is looked at is left out, and so is one that somebody is just asking something.
        """
        asked = {spec.name: spec for spec in specs}
        filters = {"label": [f"{name}={value}" for name, value in labels.items()]}
        listed = await self._client.ask(
            "GET", "/containers/json", query={"all": True, "filters": filters}, kind=CONTAINERS
        )
        names = names_listed(listed)
        documents = await _at_once(sorted(names | asked.keys()), lambda name: find(self._client, name))
        found = (document for document in documents if document is not None and not self._is_passing(document))
        return tuple(look_at(document, labels, asked) for document in found)

    def _is_passing(self, document: Mapping[str, Any]) -> bool:
        """Tell whether a container is there for a question, or a call, alone, and whoever asks is alive."""
        if not has_labels(document, QUESTION) and not has_labels(document, CALL):
            return False
        doubt("a container is there for a question, or a call")
        return is_held(self._leases, document["Name"].removeprefix("/"))

    async def sweep_calls(self, labels: Mapping[str, str]) -> None:
        """Remove every container with all of `labels` that is there for a call whose caller is gone."""
        filters = {"label": [f"{name}={value}" for name, value in {**labels, **CALL}.items()]}
        listed = await self._client.ask("GET", "/containers/json", query={"all": True, "filters": filters})
        for name in sorted(name for name in names_listed(listed) if not is_held(self._leases, name)):
            await self.remove(name, {**labels, **CALL})
            (self._leases / f"{name}.lock").unlink(missing_ok=True)

    async def present(self, images: Sequence[str]) -> frozenset[str]:
        """Return those of `images`, references by digest, that the engine has."""
        wanted = sorted(set(images))
        found = await _at_once(wanted, self._has)
        return frozenset(image for image, there in zip(wanted, found, strict=True) if there)

    async def pull(self, image: str, tell: Callable[[int, int], None]) -> None:
        """Fetch `image`, a reference by digest; `tell` gets bytes done and bytes known. Raises RuntimeFailure."""
        host = images.reference_of(image).host
        await images.pull(self._client, image, tell, self._credentials(host) if self._credentials else "")

    async def create(self, spec: ContainerSpec) -> None:
        """Make the container of `spec`, not started.

        One of ours of the same name that runs goes on, set aside as `aside_name` says; any other is removed first. Its
        maker speaks to it first: a gateway that spoke to the one before has to wait until a `spawn` here has ended.
        Raises RuntimeFailure when an object that is not ours has the name, when the image is not there, when another
        gateway does not let go, and when the engine made something else than was asked for, of which then nothing is
        left.
        """
        await self._make_way(spec.name, owner_of(spec))
        with ExitStack() as undo:
            lease = undo.enter_context(await self._lease(spec.name))
            await self._make(spec)
            undo.pop_all()
        self._held[spec.name] = lease

    async def _lease(self, name: str) -> Lease:
        """Return the lease on a container that is gone, once whoever spoke to it has noticed."""
        deadline = asyncio.get_running_loop().time() + _NOTICE
        while True:
            try:
                return Lease(self._leases, name)
            except RuntimeFailure as failure:
                if not failure.retryable or asyncio.get_running_loop().time() > deadline:
                    raise
            await asyncio.sleep(_GLANCE)

    async def _make_way(self, name: str, labels: Mapping[str, str]) -> None:
        """Set the container `name` aside if it runs, and remove it if it does not; RuntimeFailure if it is not ours."""
        document = await find(self._client, name)
        if document is None or document["State"]["Status"] != "running":
            await self.remove(name, labels)
            return
        if not has_labels(document, labels):
            raise not_ours(document, labels)
        await self.remove(aside_name(name), labels)
        await self._rename(name, aside_name(name))

    async def restore(self, name: str, labels: Mapping[str, str]) -> bool:
        """Give what was set aside for `name` its name back, in the place of what has it; return whether there was any.

        Raises RuntimeFailure, and has done nothing, where what has the name does not have all of `labels`.
        """
        document = await find(self._client, aside_name(name))
        if document is None or not has_labels(document, labels):
            return False
        await self.remove(name, labels)
        await self._rename(aside_name(name), name)
        return True

    async def _rename(self, name: str, new: str) -> None:
        await self._client.ask("POST", f"/containers/{name}/rename", query={"name": new})
        # Who speaks to it goes on speaking to it, and the name is free for another.
        with suppress(FileNotFoundError):
            (self._leases / f"{name}.lock").replace(self._leases / f"{new}.lock")

    async def remove(self, name: str, labels: Mapping[str, str], *, patience: float = 0.0) -> None:
        """End and remove the container `name` if it has all of `labels`; nothing happens when there is none.

        Whoever speaks to it gets `patience` seconds to end that. Raises RuntimeFailure when it does not have them.
        """
        document = await find(self._client, name)
        if document is None:
            return
        if not has_labels(document, labels):
            raise not_ours(document, labels)
        held = self._held.pop(name, None)
        if held is not None:
            held.release()
        deadline = asyncio.get_running_loop().time() + patience
        # Another process has it, so there is no event to wait for.
        while is_held(self._leases, name) and asyncio.get_running_loop().time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(_GLANCE)
        await discard(self._client, document["Id"])

    def logs(self, name: str, *, follow: bool, tail: int) -> AsyncGenerator[bytes, None]:
        """Return what the container `name` wrote on standard error, line by line, the last `tail` lines first.

        With `follow` it ends when the container does. Raises RuntimeFailure when there is none.
        """
        return logs.read(self._client, name, follow=follow, tail=tail)

    async def spawn(self, spec: ContainerSpec, sink: LineSink) -> ContainerChild:
        """Start the container of `spec`, or find it running, and speak to it; one that is not lasting is made first.

        Raises RuntimeFailure, and never calls `sink` then, when there is no such container, it is not what was applied,
        the engine cannot start it, or another gateway speaks to it (then retryable). A failed or cancelled start leaves
        nothing behind but a lasting container. A program that cannot be run is told by the container's init: as the
        child's end, with status 126 or 127 and a line on standard error.
        """
        async with AsyncExitStack() as undo:
            held = self._held.pop(spec.name, None)
            lease = undo.enter_context(held or Lease(self._leases, spec.name, passing=not spec.lasting))
            container = await self._found(spec) if spec.lasting else await self._made(spec, undo)
            undo.callback(container.close)
            try:
                await container.watch()
                query = {"stream": True, "stdin": True, "stdout": True, "stderr": True}
                # Before the start, so that not a line is missed; what it said before is not asked for.
                connection, begun = await self._client.upgrade(f"/containers/{container.identity}/attach", query=query)
                undo.callback(connection.close)
                _check_sources(spec)
                await container.start()
                await self._check_user(spec, container)
                child = ContainerChild(
                    spec, sink, container, (connection, begun), limit=self._line_limit, released=lease.release
                )
            except RefusedError as refusal:
                raise _not_started(spec, refusal) from refusal
            except OSError as error:
                raise RuntimeFailure(
                    f"the container of server {spec.server} cannot be spoken to",
                    detail=str(error.strerror),
                    retryable=True,
                ) from error
            undo.pop_all()
            return child

    async def _check_user(self, spec: ContainerSpec, container: Container) -> None:
        """End a container whose user has a name that means root in its image; raises RuntimeFailure then."""
        if is_root(spec.user) or spec.user.partition(":")[0].isdecimal():
            return
        if "0" in await container.users():
            await container.kill()
            raise RuntimeFailure(
                f"the container of server {spec.server} would run as root",
                detail=f"its user is called {spec.user}, which is root in the image {spec.image}",
                resolution="give its `user` as a number, or allow it to run as root under `relax`",
            )

    async def _found(self, spec: ContainerSpec) -> Container:
        document = await find(self._client, spec.name)
        if document is None:
            raise RuntimeFailure(
                f"the container of server {spec.server} is gone",
                detail=f"the engine has no container {spec.name}",
                resolution="run `mcphub apply`",
            )
        if not has_labels(document, owner_of(spec)):
            raise not_ours(document, spec.labels)
        if not has_labels(document, spec.labels):
            raise RuntimeFailure(
                f"the container of server {spec.server} was made from something else",
                detail=f"the labels of {spec.name} are not those that were applied",
                resolution="run `mcphub apply`",
            )
        return Container(self._client, document["Id"], stop_signal=document["Config"].get("StopSignal") or "")

    async def _made(self, spec: ContainerSpec, undo: AsyncExitStack) -> Container:
        document = await self._make(spec)
        undo.push_async_callback(self._take_back, document)
        stop_signal = document["Config"].get("StopSignal") or ""
        return Container(self._client, document["Id"], stop_signal=stop_signal, passing=True)

    async def _make(self, spec: ContainerSpec) -> Mapping[str, Any]:
        """Make the container of `spec` and return what the engine knows of it; nothing is left when that fails."""
        try:
            made = await self._post(spec)
        except RefusedError as refusal:
            if refusal.status != _CONFLICT:
                raise _not_made(spec, refusal) from refusal
            await self.remove(spec.name, owner_of(spec))
            try:
                made = await self._post(spec)
            except RefusedError as again:
                raise _not_made(spec, again) from again
        async with AsyncExitStack() as undo:
            undo.push_async_callback(self._take_back, made)
            document = await self._checked(spec, made)
            undo.pop_all()
        return document

    async def _checked(self, spec: ContainerSpec, made: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return what the engine knows of a new container; it drops limits that its kernel lacks, with a warning."""
        document: Mapping[str, Any] = await self._client.ask("GET", f"/containers/{made['Id']}/json")
        different = differing(spec, document)
        if different:
            words = [f"the engine does not give what was asked for: {', '.join(different)}", *(made["Warnings"] or ())]
            raise RuntimeFailure(
                f"the container of server {spec.server} cannot be held as it should be",
                detail="\n".join(words),
                resolution="look at what the engine and its kernel support: `docker info`",
            )
        return document

    async def _post(self, spec: ContainerSpec) -> Mapping[str, Any]:
        making: asyncio.Future[Mapping[str, Any]] = asyncio.ensure_future(
            self._client.ask("POST", "/containers/create", query={"name": spec.name}, body=create_body(spec))
        )
        try:
            return await asyncio.shield(making)
        except asyncio.CancelledError:
            # The engine does not take a request back.
            with suppress(RuntimeFailure):
                await self._take_back(await making)
            raise

    async def _take_back(self, made: Mapping[str, Any]) -> None:
        """Remove what was made in vain; why it was in vain is what a person has to know, not that this failed too."""
        with suppress(RuntimeFailure):
            await discard(self._client, made["Id"])

    async def _has(self, image: str) -> bool:
        return await images.has(self._client, image)


async def _at_once(names: Iterable[T], ask: Callable[[T], Awaitable[U]]) -> list[U]:
    """Return the answers of `ask` for each of `names`, asked for a few at a time; raises what the first one raised."""
    slots = asyncio.Semaphore(_AT_ONCE)

    async def wait(name: T) -> U:
        async with slots:
            return await ask(name)

    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(wait(name)) for name in names]
    except* RuntimeFailure as failures:
        raise failures.exceptions[0] from None
    return [task.result() for task in tasks]


def _check_sources(spec: ContainerSpec) -> None:
    """Raise RuntimeFailure where a source leads elsewhere than when it was judged: the engine follows links anew."""
    for mount in spec.mounts:
        if mount.kind == "bind" and os.path.realpath(mount.source) != mount.source:
            raise RuntimeFailure(
                f"what the container of server {spec.server} mounts at {mount.target} leads elsewhere now",
                detail=f"{mount.source} is, or lies behind, a link",
                resolution="find out who put it there; then remove it, and run `mcphub apply`",
            )


def _not_made(spec: ContainerSpec, refusal: RefusedError) -> RuntimeFailure:
    missing = refusal.status == _ABSENT and "image" in refusal.message.lower()
    return RuntimeFailure(
        f"the container of server {spec.server} cannot be made",
        detail=_masked(spec, refusal.message),
        resolution=f"fetch its image, {spec.image}" if missing else "",
        retryable=refusal.retryable,
    )


def _not_started(spec: ContainerSpec, refusal: RefusedError) -> RuntimeFailure:
    return RuntimeFailure(
        f"the container of server {spec.server} cannot start",
        detail=_masked(spec, refusal.message),
        resolution="run `mcphub apply`, which makes it anew" if spec.lasting else "",
    )


def _masked(spec: ContainerSpec, message: str) -> str:
    tail = Tail()
    tail.feed(message.encode())
    return tail.text(spec.env[name] for name in spec.secrets if name in spec.env)
