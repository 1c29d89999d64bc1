"""Finding out what the interpreter of an image is, by asking it: for the environments that are made to run in it."""

import asyncio
import re
import secrets as randomness

from mcphub_gitops.compiler.lock.questions import TargetQuestion
from mcphub_gitops.compiler.plan.container import QUESTION, TMPFS, labels_of
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import ContainerSpec

_PYTHON = """\
import platform, sys
if sys.prefix != sys.base_prefix:
    sys.exit("python3 is one of a virtual environment, which takes no other packages")
if "t" in sys.abiflags:
    sys.exit("python3 is free-threaded, for which nothing can be locked")
libc = "gnu" if platform.libc_ver()[0] == "glibc" else "musl"
print("python%d.%d-%s" % (*sys.version_info[:2], libc))
"""
_NODE = "console.log(process.report.getReport().header.glibcVersionRuntime ? 'node-gnu' : 'node-musl')"
_PROGRAMS = {"pypi": ("python3", "-c", _PYTHON), "npm": ("node", "-e", _NODE)}
_TARGET = re.compile(rb"(?:python3\.[0-9]{1,2}|node)-(?:gnu|musl)")
_LONGEST = 1000


class _Listener:
    """Keeps what the interpreter says; a `LineSink`."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def line_received(self, line: bytes) -> None:
        self.lines.append(line[:_LONGEST])

    def line_overrun(self, _limit: int) -> None:
        """Do nothing: what was said is no answer, and the end comes by itself."""

    def child_exited(self, status: int) -> None:
        if not self.ended.done():
            self.ended.set_result(status)


async def ask_target(question: TargetQuestion, server: str, hub: str, site: Site) -> str:
    """Return what the interpreter in the image is, as ``python3.12-gnu`` or ``node-musl``; raises RuntimeFailure.

    The container has no network and is removed at once.
    """
    spec = ContainerSpec(
        server=server,
        name=f"mcphub-{hub}-{server}-asks-{randomness.token_hex(4)}",
        image=question.image,
        env={},
        labels={**labels_of(hub, site.lineage, server, ""), **QUESTION},
        entrypoint=_PROGRAMS[question.ecosystem],
        tmpfs=dict(TMPFS),
        lasting=False,
    )
    listener = _Listener()
    child = await site.spawner.spawn(spec, listener)
    try:
        async with asyncio.timeout(site.patience):
            await listener.ended
    except TimeoutError:
        listener.lines.clear()
    finally:
        await child.stop()
    found = listener.lines[0].strip() if listener.lines else b""
    if not _TARGET.fullmatch(found):
        program = _PROGRAMS[question.ecosystem][0]
        raise RuntimeFailure(
            f"the base image of server {server} has no {program} that can be used",
            detail=f"{question.image}\n{child.stderr_tail()}".strip(),
            resolution=f"choose a base with {program} in its PATH",
        )
    return found.decode()
