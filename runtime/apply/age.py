"""Releases that are too young to be taken up: a delay against what was planted a moment ago.

The moment is the command's. A server's own version that is locked already is never given up for its age; what that
needs beside itself is chosen as the index stood at the moment.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from types import MappingProxyType

from mcphub_gitops.compiler.lock.freshness import is_locked_image
from mcphub_gitops.compiler.lock.model import Lock, LockedServer
from mcphub_gitops.compiler.lock.questions import ImageAnswer, ImageQuestion, PackageAnswer, PackageQuestion
from mcphub_gitops.compiler.resolve.model import Hub, Package
from mcphub_gitops.runtime.apply.relayed import RelayedPackages
from mcphub_gitops.runtime.apply.site import Site
from mcphub_gitops.runtime.failure import RuntimeFailure
from mcphub_gitops.runtime.ports import Packages, Registries


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoff:
    """A moment, in seconds since 1970, after which nothing counts that was published; `age` is how it was asked for.

    `held` says, as a sentence, why what is locked was kept: by package requirement, image reference or catalog source.
    """

    seconds: int
    age: str
    held: dict[str, str] = field(default_factory=dict)

    @property
    def moment(self) -> str:
        """The moment as RFC 3339 has it, in UTC."""
        return datetime.fromtimestamp(self.seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def is_young(self, made: int | None) -> bool:
        """Tell whether what was made at `made` is too young; what does not say when counts as just made."""
        return made is None or made > self.seconds

    def tell(self, subject: str, made: int | None, whose: str) -> str:
        """Return why `subject` is too young, as a sentence; `whose` claim `made` is."""
        if made is None:
            return f"{subject} does not say when it was made, so that it cannot be held to be older than {self.age}."
        return f"{subject} was made at {moment_of(made)}, says {whose}: that is less than {self.age} ago."


def moment_of(seconds: int) -> str:
    """Return a moment as RFC 3339 has it, in UTC; one that no calendar has is shown as its number."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return f"{seconds} s after 1970"


def aged(site: Site, hub: Hub, lock: Lock, cutoff: Cutoff) -> Site:
    """Return `site` with indexes and registries that have nothing younger than `cutoff`; `lock` is what is kept."""
    packages, images = {}, {}
    for server in hub.servers:
        pins = lock.servers.get(server.name)
        if pins is not None and isinstance(server.origin, Package) and pins.package:
            packages[server.origin.requirement] = pins
        for tool, image in server.images.items():
            if pins is not None and is_locked_image(image, pins.image_of(tool)):
                images[str(image.reference)] = pins.image_of(tool)
    return replace(
        site,
        packages=AgedPackages(site.packages, MappingProxyType(packages), cutoff),
        registries=AgedRegistries(site.registries, MappingProxyType(images), cutoff),
    )


class AgedPackages(RelayedPackages):
    """Package managers that choose among what is old enough; `locked` are the pins by requirement."""

    def __init__(self, packages: Packages, locked: Mapping[str, LockedServer], cutoff: Cutoff) -> None:
        super().__init__(packages)
        self._locked = locked
        self._cutoff = cutoff

    def resolve(self, question: PackageQuestion) -> PackageAnswer:
        """Answer a question that prefers nothing with what is old enough, or with what is locked if that is younger.

        See `ports.Packages`.
        """
        if question.preferred:
            return super().resolve(question)
        found = super().resolve(replace(question, published_before=self._cutoff.moment))
        pins = self._locked.get(question.requirement)
        if pins is not None and found.package != pins.package and self._is_young(pins.package):
            self._cutoff.held[question.requirement] = (
                f"{pins.package} is locked, which is itself younger than {self._cutoff.age}: nothing newer is old "
                f"enough yet."
            )
            return super().resolve(replace(question, preferred=pins.requirements))
        if found.problem:
            return replace(found, problem=f"{found.problem} What is younger than {self._cutoff.age} does not count.")
        return found

    def _is_young(self, package: str) -> bool:
        question = PackageQuestion(requirement=package, published_before=self._cutoff.moment)
        return bool(super().resolve(question).problem)


class AgedRegistries:
    """Registries whose tags lead to what is old enough, or to what is locked; a `Registries`."""

    def __init__(self, registries: Registries, locked: Mapping[str, str], cutoff: Cutoff) -> None:
        self._registries = registries
        self._locked = locked
        self._cutoff = cutoff

    def resolve(self, question: ImageQuestion) -> ImageAnswer:
        """Answer a question by digest as ever, and one by tag as it is allowed.

        Raises RuntimeFailure where the tag leads to what is too young, and nothing is locked. See `ports.Registries`.
        """
        found = self._registries.resolve(question)
        if "@" in question.reference or found.problem or not self._cutoff.is_young(found.created):
            return found
        locked = self._locked.get(question.reference, "")
        if locked.partition("@")[2] == found.digest:
            return found
        told = self._cutoff.tell(f"the image that {question.reference} leads to", found.created, "its builder")
        if not locked:
            raise RuntimeFailure(
                f"the image {question.reference} is too young",
                detail=told,
                resolution="wait, name another tag or a digest, or ask with `--min-age 0d`",
            )
        self._cutoff.held[question.reference] = told[0].upper() + told[1:]
        return self._registries.resolve(ImageQuestion(reference=locked))
