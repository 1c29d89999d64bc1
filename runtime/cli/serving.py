"""Runs the gateway on what is applied, in the foreground or in the background."""

import asyncio
import logging
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TextIO, TypeVar

import click

from mcphub_gitops.compiler.read.shape import suggest
from mcphub_gitops.runtime.apply.journal import Journal
from mcphub_gitops.runtime.apply.layout import Layout, read_token
from mcphub_gitops.runtime.apply.lease import hold, holder_of
from mcphub_gitops.runtime.apply.presence import Presence, announce, find_gateway, withdraw
from mcphub_gitops.runtime.apply.state import read_generation
from mcphub_gitops.runtime.cli.composition import compose_engines, compose_secrets
from mcphub_gitops.runtime.cli.exits import Exit
from mcphub_gitops.runtime.cli.welcome import welcome, welcome_holders
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.files import read_file, write_file
from mcphub_gitops.runtime.gateway.generation import Generation, decode, listening_on
from mcphub_gitops.runtime.gateway.keys import Keys, read_keys
from mcphub_gitops.runtime.gateway.routing import WHOLE
from mcphub_gitops.runtime.gateway.server import new_event_loop, serve
from mcphub_gitops.runtime.gateway.stdio import serve_stdio
from mcphub_gitops.runtime.gateway.words import printable
from mcphub_gitops.runtime.project import Project

T = TypeVar("T")

_GLANCE = 0.5
"""Seconds between two looks at which generation is current."""

_PATIENCE = 30.0
"""Seconds for a gateway in the background to listen."""

_TAIL = 4096
_TROUBLE = 1000
_PROGRAM = "from mcphub_gitops.runtime.cli.main import main; main()"


def serve_project(project: Project, *, port: int | None = None) -> int:
    """Serve the applied generation until SIGTERM or SIGINT; `port` replaces the hub's. Raises RuntimeFailure."""
    layout = Layout(folder=project.runtime_folder)
    # Looked at before the generation is read: whatever is switched to meanwhile is then seen as new.
    seen = _current(layout)
    generation = _moved(decode(read_generation(layout)), port)
    token = read_token(layout.token)
    with _the_only_gateway(layout, "mcphub gateway run", generation, listen=generation.listen), _runner() as runner:
        runner.run(_serve(project, layout, generation, seen=seen, operator=token, port=port))
    click.echo("The gateway is stopped.", err=True)
    return Exit.OK


def serve_client(project: Project, *, profile: str | None = None) -> int:
    """Serve the applied generation, or a `profile` of it, to the one client on standard input and output.

    Raises RuntimeFailure, also where there is no such profile.
    """
    reader, writer = _take_streams()
    layout = Layout(folder=project.runtime_folder)
    seen = _current(layout)
    generation = decode(read_generation(layout))
    if profile is not None and profile not in generation.profiles:
        raise RuntimeFailure(
            f"there is no profile {printable(profile)}",
            detail="what is applied has none of that name",
            resolution=suggest(profile, generation.profiles) or "declare it under `profiles`, and run `mcphub apply`",
        )
    with _the_only_gateway(layout, "mcphub gateway run --stdio", generation, listen="stdio"), _runner() as runner:
        if os.isatty(reader):
            click.echo("Waiting for an MCP client on standard input, a message a line; Ctrl-D ends it.", err=True)
        serving = _serve_client(project, layout, generation, profile, seen=seen, reader=reader, writer=writer)
        runner.run(serving)
    return Exit.OK


def serve_in_background(project: Project) -> int:
    """Start a gateway that goes on when this command ends; returns once it listens. Raises RuntimeFailure."""
    layout = Layout(folder=project.runtime_folder)
    read_token(layout.token)
    write_file(layout.gateway_log, b"", mode=0o600)
    with layout.gateway_log.open("ab") as log:
        process = subprocess.Popen(  # noqa: S603  (this program itself)
            # Without -P, a file of the hub's folder could stand in for a module.
            [sys.executable, "-P", "-c", _PROGRAM, "gateway", "run", "--file", str(project.root / project.hub_file)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=project.root,
            start_new_session=True,
        )
    presence = _wait_for_presence(layout, process)
    click.echo(_welcome(project, layout, decode(read_generation(layout)), presence.url))
    click.echo(f"It runs in the background; its log is {_shown(project, layout.gateway_log)}. `mcphub down` stops it.")
    return Exit.OK


@contextmanager
def _the_only_gateway(layout: Layout, doing: str, generation: Generation, *, listen: str) -> Iterator[None]:
    """Hold the hub's gateway lock while it is served, and keep the journal of it.

    Also over standard streams: two gateways would run two children in one scratch folder, and attach to one container.
    """
    journal = Journal(layout.journal)
    with hold(layout.gateway_lock, doing, wait=0.5, what="a gateway serves this hub already"):
        withdraw(layout)
        journal.write("gateway begun", plan=generation.plan, listen=listen)
        try:
            yield
        except RuntimeFailure as failure:
            journal.write("gateway failed", brief=failure.brief)
            raise
        finally:
            withdraw(layout)
        journal.write("gateway ended")


def _runner() -> asyncio.Runner:
    return asyncio.Runner(loop_factory=new_event_loop)


def _take_streams() -> tuple[int, int]:
    """Return standard input and output, moved out of the way: whatever else writes to them goes to standard error.

    Nothing but messages may stand on the output (MCP 2026-07-28, "stdio"). Raises RuntimeFailure when one is closed.
    """
    if sys.stdin is None or sys.stdout is None:
        raise RuntimeFailure("standard input and output are not both open", resolution="start it from an MCP client")
    streams = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere if sys.stderr is None else 2, 1)
    os.close(nowhere)
    return streams


async def _serve_client(
    project: Project,
    layout: Layout,
    generation: Generation,
    profile: str | None,
    *,
    seen: str,
    reader: int,
    writer: int,
) -> None:
    _log_to_stderr()
    announce(layout, Presence(url="", listen="", plan=generation.plan))
    await serve_stdio(
        generation,
        spawner=compose_engines(layout, layout.lineage()),
        secrets=compose_secrets(project),
        version=version("mcphub-gitops"),
        reader=reader,
        writer=writer,
        stop=_stop_on_signals(),
        generations=_follow(layout, seen, _keep, ""),
        profile=profile or WHOLE,
    )


def _stop_on_signals() -> asyncio.Event:
    """Return what SIGTERM and SIGINT set; a second signal ends the process at once, and its children with it."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def end(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, number)
    return stop


async def _serve(
    project: Project, layout: Layout, generation: Generation, *, seen: str, operator: str, port: int | None
) -> None:
    _log_to_stderr()
    presence = Presence(url="", listen=generation.listen if port is None else "", plan=generation.plan)
    secrets = compose_secrets(project)

    def ready(url: str) -> None:
        announce(layout, replace(presence, url=url))
        click.echo(_welcome(project, layout, generation, url))
        if sys.stdout is not None:
            sys.stdout.flush()

    async def take(found: Generation) -> tuple[Generation, Keys]:
        return _moved(found, port), await read_keys(found.admission, operator=operator, secrets=secrets)

    # Before anything listens: a token that cannot be read is told to who starts the gateway.
    _, keys = await take(generation)
    await serve(
        generation,
        spawner=compose_engines(layout, layout.lineage()),
        secrets=secrets,
        keys=keys,
        version=version("mcphub-gitops"),
        on_ready=ready,
        stop=_stop_on_signals(),
        generations=_follow(layout, seen, take, presence.listen),
    )


async def _keep(generation: Generation) -> Generation:
    return generation


async def _follow(
    layout: Layout, seen: str, take: Callable[[Generation], Awaitable[T]], listen: str
) -> AsyncIterator[T]:
    """Yield what `take` makes of each generation that becomes current after the one `seen`.

    Each is announced once it is served. One that `take` refuses, as `RuntimeFailure` says why, is not served at all.
    """
    while True:
        await asyncio.sleep(_GLANCE)
        found = _current(layout)
        if found in {seen, ""}:
            continue
        seen = found
        try:
            generation = decode(read_generation(layout))
            said = {"listen": listen, "plan": generation.plan, "refused": "", "trouble": ""}
            try:
                yield await take(generation)
            except RuntimeFailure as failure:
                _warn(failure)
                said = {"refused": generation.plan, "trouble": failure.brief[:_TROUBLE]}
            before = find_gateway(layout)
            if before is not None:
                announce(layout, replace(before, **said))
        except RuntimeFailure as failure:
            _warn(failure)


def _warn(failure: RuntimeFailure) -> None:
    logging.getLogger("mcphub.gateway").warning("the new generation is not served: %s", failure.brief)


def _current(layout: Layout) -> str:
    with suppress(OSError):
        return str(layout.current.readlink())
    return ""


def _moved(generation: Generation, port: int | None) -> Generation:
    if port is None:
        return generation
    return listening_on(generation, f"{generation.listen.rpartition(':')[0]}:{port}")


def _welcome(project: Project, layout: Layout, generation: Generation, url: str) -> str:
    if generation.admission.tokens:
        return welcome_holders(generation.hub, _public(generation, url), sorted(generation.admission.tokens))
    token = read_token(layout.token) if sys.stdout is not None and sys.stdout.isatty() else None
    return welcome(generation.hub, _public(generation, url), _shown(project, layout.token), token=token)


def _public(generation: Generation, url: str) -> str:
    return f"{generation.public_url.rstrip('/')}/mcp" if generation.public_url else url


def _shown(project: Project, path: Path) -> str:
    # Relative where a person stands in the project, which is where the hub's name alone was given.
    return str(path.relative_to(project.root)) if Path.cwd() == project.root else str(path)


def _wait_for_presence(layout: Layout, process: subprocess.Popen[bytes]) -> Presence:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        holder = holder_of(layout.gateway_lock)
        found = find_gateway(layout) if holder is not None and holder.pid == process.pid else None
        if found is not None:
            return found
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
            break
    process.terminate()
    said = read_file(layout.gateway_log, limit=_TAIL) or b""
    raise RuntimeFailure(
        "the gateway did not start",
        detail=said.decode("utf-8", "replace").strip().removeprefix("error: "),
        resolution=f"the whole log is {layout.gateway_log}",
    )


class _Log(logging.StreamHandler[TextIO]):
    """Writes to standard error what it takes at once: a client need not read what a server logs there.

    A pipe that takes anything takes 4096 bytes (pipe(7), PIPE_BUF), and no line has as many.
    """

    def emit(self, record: logging.LogRecord) -> None:
        if select.select([], [self.stream], [], 0)[1]:
            super().emit(record)


def _log_to_stderr() -> None:
    if sys.stderr is None:
        return
    handler = _Log(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    log = logging.getLogger("mcphub.gateway")
    log.setLevel(logging.INFO)
    log.addHandler(handler)
