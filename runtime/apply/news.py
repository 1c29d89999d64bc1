"""What upstream has newer than the lock: asked, told, and never written anywhere."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from mcphub_gitops.compiler.lock.model import LockedServer
from mcphub_gitops.compiler.lock.movement import split_package
from mcphub_gitops.compiler.lock.questions import ImageQuestion, PackageQuestion
from mcphub_gitops.compiler.resolve.model import Package, Server
from mcphub_gitops.runtime.apply.question import run_together
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.failure import RuntimeFailure


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing that is locked: whose it is, what, its version or digest, and what there is.

    `allowed` is the newest that the hub allows, `newest` the newest of all. `problem` says why there is neither.
    """

    owner: str
    what: str
    locked: str
    allowed: str = ""
    newest: str = ""
    problem: str = ""

    @property
    def is_new(self) -> bool:
        """Whether there is something else than what is locked."""
        return not self.problem and (self.allowed != self.locked or self.newest != self.locked)


Question = tuple[str, str, str, Callable[[], tuple[str, str]]]
"""Whose, what, what is locked, and what finds out the newest that is allowed and the newest; raises RuntimeFailure."""


def questions_of(server: Server, pins: LockedServer, site: Site) -> Iterator[Question]:
    """Yield what can be asked about `server`, which is locked as `pins`."""
    if isinstance(server.origin, Package) and pins.package:
        name, version = split_package(pins.package)
        allowed = version if server.origin.version is not None else ""
        yield server.name, name, version, lambda: _newest(site, name, allowed)
    known: set[str] = set()
    for tool, image in server.images.items():
        tagged, digest = image.reference.tagged, pins.image_of(tool).partition("@")[2]
        if digest and image.reference.tag and tagged not in known:
            known.add(tagged)
            pinned = digest if image.reference.digest else ""
            yield server.name, tagged, digest, partial(_leads_to, site, tagged, pinned)


async def ask(questions: list[Question]) -> tuple[News, ...]:
    """Ask all of `questions`; one that is not answered is told, and stops no other."""

    async def ask_one(question: Question) -> News:
        owner, what, locked, find = question
        try:
            allowed, newest = await asyncio.to_thread(find)
        except RuntimeFailure as failure:
            return News(owner=owner, what=what, locked=locked, problem=failure.brief)
        return News(owner=owner, what=what, locked=locked, allowed=allowed, newest=newest)

    found = await run_together(questions, ask_one)
    return tuple(each for each in found if isinstance(each, News))


def _newest(site: Site, name: str, allowed: str) -> tuple[str, str]:
    answer = site.packages.resolve(PackageQuestion(requirement=name))
    if answer.problem:
        raise RuntimeFailure(answer.problem)
    newest = split_package(answer.package)[1]
    return allowed or newest, newest


def _leads_to(site: Site, tagged: str, pinned: str) -> tuple[str, str]:
    answer = site.registries.resolve(ImageQuestion(reference=tagged))
    if answer.problem:
        raise RuntimeFailure(answer.problem)
    return pinned or answer.digest, answer.digest
