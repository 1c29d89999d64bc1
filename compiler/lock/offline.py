"""The answers to a lock's questions that need no network: what is locked, and digests that the hub declares."""

from collections.abc import Mapping
from dataclasses import dataclass

from mcphub_gitops.compiler import codes
from mcphub_gitops.compiler.diagnostic import Diagnostic
from mcphub_gitops.compiler.lock.freshness import is_locked_image, is_locked_package
from mcphub_gitops.compiler.lock.model import Lock, LockedImage, LockedServer
from mcphub_gitops.compiler.lock.questions import ImageAnswer, PackageAnswer
from mcphub_gitops.compiler.resolve.model import Hub, Image, Package, Server

_HELP = "run `mcphub lock` once where there is a network"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What is known by package requirement and by image reference, and what is not known, at its place."""

    packages: Mapping[str, PackageAnswer]
    images: Mapping[str, ImageAnswer]
    problems: tuple[Diagnostic, ...]


def answer_offline(hub: Hub, lock: Lock) -> Answers:
    """Answer what `hub` asks for from `lock`, under the old name where a server was renamed.

    An image that the hub or its catalog names by digest is known without a lock, but not its platforms and its user.
    """
    packages: dict[str, PackageAnswer] = {}
    images: dict[str, ImageAnswer] = {}
    problems: list[Diagnostic] = []
    for server in hub.servers:
        if not server.enabled:
            continue
        pins = lock.servers.get(server.name) or lock.servers.get(hub.moves.get(server.name, ""))
        if isinstance(server.origin, Package):
            _answer_package(server, server.origin, pins, packages, problems)
        for tool, image in server.images.items():
            _answer_image(server, image, pins.pins_of(tool) if pins is not None else None, images, problems)
    return Answers(packages=packages, images=images, problems=tuple(problems))


def _answer_package(
    server: Server,
    origin: Package,
    pins: LockedServer | None,
    packages: dict[str, PackageAnswer],
    problems: list[Diagnostic],
) -> None:
    if pins is not None and is_locked_package(origin, pins.package):
        packages[origin.requirement] = PackageAnswer(package=pins.package, requirements=pins.requirements)
        return
    detail = f"`{server.name}` asks for {origin.requirement}, which is not locked: the package index has to be asked."
    problems.append(Diagnostic(code=codes.OFFLINE, detail=detail, span=origin.span, help=_HELP))


def _answer_image(
    server: Server, image: Image, pins: LockedImage | None, images: dict[str, ImageAnswer], problems: list[Diagnostic]
) -> None:
    reference = image.reference
    if pins is not None and is_locked_image(image, pins.image):
        digest = pins.image.partition("@")[2]
        images[pins.image] = ImageAnswer(
            repository=reference.repository, digest=digest, platforms=pins.platforms, user=pins.user
        )
    elif reference.digest:
        images[str(reference)] = ImageAnswer(repository=reference.repository, digest=reference.digest)
    else:
        detail = f"`{server.name}` asks for {reference}, which is not locked: the registry has to be asked."
        problems.append(
            Diagnostic(code=codes.OFFLINE, detail=detail, span=image.span, help=f"{_HELP}, or add a digest")
        )


def find_unknown_platforms(hub: Hub, lock: Lock) -> tuple[str, ...]:
    """Return the names of the servers whose image is locked by its digest alone: no registry told its platforms."""
    images = {server.name: server.images for server in hub.servers}
    return tuple(
        name
        for name, pins in sorted(lock.servers.items())
        if any(not pins.pins_of(tool).platforms for tool in images.get(name, ()))
    )
